//! What the page of health tells, and of which cases it tells nothing.

use super::*;

#[tokio::test]
async fn no_number_tells_of_a_case_that_the_reader_is_a_party_to_or_that_is_for_somebody_over_her() {
    let school = School::new();
    let party_to_one_of_two = [(address(Role::Dsl), Party::Sender), (address(Role::Technician), Party::Recipient)];
    school.case(1, Category::HeadConcern, &[Audience::Chair], Action::Flag, &[]);
    school.case(2, Category::StaffConcern, &[Audience::Head], Action::Flag, &[]);
    school.case(3, Category::Hate, &[Audience::Dsl], Action::Flag, &party_to_one_of_two);
    school.case(4, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    school.rule_says([3; 8], SENTENCE);
    let all = [Category::HeadConcern, Category::StaffConcern, Category::Hate, Category::Bullying];
    for (role, counted_for_her) in [
        (Role::Head, &[Category::StaffConcern, Category::Hate, Category::Bullying][..]),
        (Role::Dsl, &[Category::Bullying]),
        (Role::Technician, &[Category::Bullying]),
    ] {
        let told = school.get("/health", Some(&school.person(role))).await.text;
        for category in all {
            let counted = told.contains(&format!("<td>{}</td><td class=\"number\">1</td>", category.title()));
            assert_eq!(counted, counted_for_her.contains(&category), "{role}, {category}: {told}");
            assert_eq!(told.contains(category.title()), counted, "not even as none: {role}, {category}");
        }
        let rule = told.split(&format!("{SENTENCE} <span class=\"mono id\">bullying.test</span></th>")).nth(1).unwrap();
        let cases = format!("<td role=\"cell\" data-label=\"Cases\" class=\"number\">{}</td>", counted_for_her.len());
        assert!(rule.starts_with(&cases), "{role}: {told}");
    }
}

#[tokio::test]
async fn nothing_is_counted_for_somebody_of_whom_nobody_knows_yet_what_she_is_a_party_to_and_the_rest_is_told() {
    let school = School::new();
    school.case(1, Category::Hate, &[Audience::Dsl], Action::Flag, &[]);
    school.shelf.book.key_desk(&[].into()).unwrap();
    let told = school.get("/health", Some(&school.person(Role::Technician))).await;
    assert_eq!(told.status, StatusCode::OK);
    assert!(told.text.contains("The service does not run") && told.text.contains("not counted for you yet"), "{}", told.text);
    assert!(!told.text.contains(Category::Hate.title()) && !told.text.contains("bullying.test"), "{}", told.text);
}

#[tokio::test]
async fn a_trouble_names_no_case() {
    let school = School::new();
    let codename = school.case(1, Category::StaffConcern, &[Audience::Head], Action::Flag, &[(address(Role::Dsl), Party::Sender)]);
    let troubles = serde_json::json!({ "desk": format!("a copy of {codename} is on its way"), "vault": "the disk is full" });
    let board = school.review.config.state.directory.join("status.json");
    fs::write(board, serde_json::json!({ "troubles": troubles }).to_string()).unwrap();
    for role in [Role::Dsl, Role::Technician] {
        let told = school.get("/health", Some(&school.person(role))).await.text;
        assert!(told.contains("desk: something stays undone") && told.contains("vault: the disk is full"), "{told}");
        assert!(!told.contains(codename.as_str()), "{told}");
    }
}
