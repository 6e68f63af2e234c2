//! Who sees what: every route, every role, party or not.

use super::*;

#[tokio::test]
async fn every_route_is_for_its_roles_and_no_case_is_for_its_parties() {
    let school = School::new();
    let everybody: Vec<_> = Role::ALL.map(|role| (address(role), Party::Sender)).into();
    let cases = [
        (Category::Bullying, Audience::Dsl, vec![Role::Deputy, Role::Dsl, Role::Pastoral]),
        (Category::PersonalData, Audience::Dsl, vec![Role::DataProtection, Role::Deputy, Role::Dsl]),
        (Category::StaffConcern, Audience::Head, vec![Role::Head]),
        (Category::HeadConcern, Audience::Chair, vec![Role::Chair]),
    ];
    let mut tried = 0;
    for (number, (category, audience, for_roles)) in (0..).zip(cases) {
        let hers = school.case(number * 2 + 1, category, &[audience], Action::Flag, &[]);
        let about_her = school.case(number * 2 + 2, category, &[audience], Action::Flag, &everybody);
        for role in Role::ALL {
            let person = school.person(role);
            let nowhere = school.get("/nowhere", Some(&person)).await;
            assert_eq!(nowhere.status, StatusCode::NOT_FOUND);
            for route in ROUTES.iter().filter(|route| route.path != "/sign-out") {
                for (codename, party) in [(&hers, false), (&about_her, true)] {
                    let told = match route.method {
                        Method::GET => school.get(&path(route.path, codename), Some(&person)).await,
                        _ => school.post(&path(route.path, codename), Some(&person), FIELDS).await,
                    };
                    let of_a_case = route.path.contains("{codename}");
                    let allowed = route.who.includes(role) && (!of_a_case || !party && for_roles.contains(&role));
                    let what = format!("{} {} as {role}, {category}, party: {party}", route.method, route.path);
                    match route.who {
                        Who::Anyone => assert!(!told.text.contains(codename.as_str()), "{what}"),
                        // Some of them want more fields than these.
                        Who::Roles(_) if allowed => assert_ne!(told.status, StatusCode::NOT_FOUND, "{what}"),
                        Who::Roles(_) => assert_eq!((told.status, &told.text), (nowhere.status, &nowhere.text), "{what}"),
                    }
                    assert!(!told.text.contains(about_her.as_str()), "{what}: she is a party and learns of it");
                    tried += 1;
                }
            }
        }
    }
    assert_eq!(tried, 4 * 7 * 2 * (ROUTES.len() - 1));
    assert_eq!(school.review.desk().history(crate::case::CaseId(2)).unwrap(), [], "nobody did anything with a case of her own");
}

#[tokio::test]
async fn who_is_not_signed_in_is_shown_nothing_but_the_way_in() {
    let school = School::new();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    for route in ROUTES {
        let told = match route.method {
            Method::GET => school.get(&path(route.path, &codename), None).await,
            _ => school.post(&path(route.path, &codename), None, FIELDS).await,
        };
        if matches!(route.who, Who::Roles(_)) {
            let to = told.headers.get(LOCATION).map(|to| to.to_str().unwrap().to_owned()).unwrap_or_default();
            assert!(
                told.status == StatusCode::SEE_OTHER && to.starts_with("/sign-in") && told.text.is_empty(),
                "{} {}",
                route.method,
                route.path
            );
        }
    }
    let told = school.get(&format!("/case/{codename}"), None).await;
    assert_eq!(told.headers[LOCATION], format!("/sign-in?case={codename}"), "and the way back to the case that she was told of");
    assert_eq!(school.get("/nowhere", None).await.headers[LOCATION], "/sign-in");
}

#[tokio::test]
async fn the_person_concerned_finds_no_trace_in_lists_counts_searches_and_the_journal() {
    let school = School::new();
    let codename = school.case(1, Category::StaffConcern, &[Audience::Head], Action::Flag, &[(address(Role::Head), Party::Recipient)]);
    let other = school.case(2, Category::StaffConcern, &[Audience::Head], Action::Flag, &[]);
    let head = school.person(Role::Head);
    school.shelf.book.key_desk(&Role::ALL.map(address).into()).unwrap();
    school
        .review
        .desk()
        .note(Timestamp::now(), &Actor::Program, &Event::FactsViewed { case: crate::case::CaseId(1), codename: codename.clone() })
        .unwrap();
    let search = format!("/queue?view=open&search={codename}");
    for page in ["/queue", "/queue?view=new", "/queue?view=closed", &search, "/journal", &format!("/case/{other}")] {
        let told = school.get(page, Some(&head)).await;
        assert_eq!(told.status, StatusCode::OK, "{page}");
        let found = told.text.matches(codename.as_str()).count();
        // What she has typed herself stands in the field of the search, and in the form that keeps the list.
        assert_eq!(found, if page == search { 2 } else { 0 }, "{page}");
    }
    let told = school.get("/queue", Some(&head)).await.text;
    assert!(told.contains("All open <span class=\"count\">1</span>"), "the count has only the other");
}

#[tokio::test]
async fn a_letter_to_the_safeguarding_lead_is_hers_and_one_that_she_wrote_is_not() {
    let school = School::new();
    let lead: Address = "dsl@school.example".parse().unwrap();
    let to_her = school.case(1, Category::Disclosure, &[Audience::Dsl], Action::Pass, &[(lead.clone(), Party::Recipient)]);
    let by_her = school.case(2, Category::Disclosure, &[Audience::Dsl], Action::Pass, &[(lead, Party::Sender)]);
    let (dsl, deputy) = (school.person(Role::Dsl), school.person(Role::Deputy));
    let told = school.get("/queue", Some(&dsl)).await.text;
    assert!(told.contains(to_her.as_str()) && !told.contains(by_her.as_str()));
    assert!(school.get("/queue", Some(&deputy)).await.text.contains(by_her.as_str()), "somebody sees it");
}

#[tokio::test]
async fn who_could_be_anybody_sees_nothing_before_the_service_knows_her_addresses() {
    let school = School::new();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    school.shelf.book.key_desk(&[].into()).unwrap();
    let dsl = school.person(Role::Dsl);
    for page in ["/queue", &format!("/case/{codename}")] {
        let told = school.get(page, Some(&dsl)).await;
        assert_eq!(told.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(told.text.contains("Your account is being prepared") && !told.text.contains("Bullying"), "{}", told.text);
    }
}

#[tokio::test]
async fn a_case_of_an_address_that_becomes_hers_is_gone_with_the_next_page() {
    let school = School::new();
    let married: Address = "robin.wren@school.example".parse().unwrap();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[(married.clone(), Party::Sender)]);
    let other = school.case(2, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let dsl = school.person(Role::Dsl);
    let page = format!("/case/{codename}");
    assert_eq!(school.get(&page, Some(&dsl)).await.status, StatusCode::OK);
    let who = Actor::Operator("root".to_owned());
    let change = |joined: &[Address], left: &[Address]| {
        school.review.desk().change_addresses(Timestamp::now(), &who, Role::Dsl.title(), joined, left).unwrap();
    };
    change(std::slice::from_ref(&married), &[]);
    assert_eq!(
        school.get(&page, Some(&dsl)).await.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "before the service knows it, nothing is shown"
    );
    // As the service does, before it looks for what people have decided.
    let known = school.review.desk().accounts().unwrap().into_iter().flat_map(|account| account.addresses).collect();
    school.shelf.book.key_desk(&known).unwrap();
    assert_eq!(school.get(&page, Some(&dsl)).await.status, StatusCode::NOT_FOUND);
    let list = school.get("/queue", Some(&dsl)).await.text;
    assert!(!list.contains(codename.as_str()) && list.contains(other.as_str()), "{list}");
    let journal = school.get("/journal", Some(&school.person(Role::DataProtection))).await.text;
    assert!(journal.contains("changed the addresses of safeguarding lead: +robin.wren@school.example"), "{journal}");
    change(&[], &[married]);
    assert_eq!(school.get(&page, Some(&dsl)).await.status, StatusCode::OK);
}

/// What is read of a case takes time. Here what is not to be read cannot be.
#[tokio::test]
async fn nothing_of_a_case_that_is_not_hers_is_read_but_its_own_line_and_of_cases_elsewhere_nothing() {
    let school = School::new();
    let party = [(address(Role::Dsl), Party::Sender)];
    let about_her = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Hold, &party);
    let above_her = school.case(2, Category::StaffConcern, &[Audience::Head], Action::Hold, &[]);
    let [ann, ben] = ["ann", "ben"].map(|who| format!("{who}@school.example").parse::<Address>().unwrap());
    let between = |from: &Address, to: &Address| [(from.clone(), Party::Sender), (to.clone(), Party::Recipient)];
    let one = school.case(3, Category::Bullying, &[Audience::Dsl], Action::Flag, &between(&ann, &ben));
    let other = school.case(4, Category::Bullying, &[Audience::Dsl], Action::Flag, &between(&ben, &ann));
    let elsewhere = school.case(5, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let tables = rusqlite::Connection::open(school.shelf.folder.path().join("casebook.db")).unwrap();
    let unreadable = |table: &str, column: &str, codename: &Codename| {
        let sql = format!("UPDATE {table} SET {column} = 'x' WHERE of_case = (SELECT id FROM cases WHERE codename = ?)");
        assert_ne!(tables.execute(&sql, [codename.as_str()]).unwrap(), 0);
    };
    let dsl = school.person(Role::Dsl);
    let nowhere = school.get("/case/amber-heron-7", Some(&dsl)).await;
    let held = "/rule/bullying.test/0303030303030303";
    for codename in [&about_her, &above_her] {
        for (table, column) in [("finding", "category"), ("place", "flags")] {
            unreadable(table, column, codename);
            let told = school.get(&format!("/case/{codename}"), Some(&dsl)).await;
            assert_eq!((told.status, &told.text), (StatusCode::NOT_FOUND, &nowhere.text), "{table}");
            assert_eq!(school.get(held, Some(&dsl)).await.status, StatusCode::OK, "{table}");
        }
    }
    tables.execute("UPDATE cases SET category = 'x' WHERE codename IN (?, ?)", [about_her.as_str(), above_her.as_str()]).unwrap();
    for page in ["/queue", "/trends"] {
        let told = school.get(page, Some(&dsl)).await;
        assert_eq!(told.status, StatusCode::OK, "{page}");
    }
    tables.execute("UPDATE cases SET category = 'x' WHERE codename = ?", [elsewhere.as_str()]).unwrap();
    let told = school.get(&format!("/case/{one}"), Some(&dsl)).await;
    assert!(told.status == StatusCode::OK && told.text.contains(other.as_str()), "{}", told.text);
}
