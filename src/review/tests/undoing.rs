//! What a version of a rule holds, in one place.

use super::*;
use crate::case::PlaceState;
use crate::desk::Deeds;

const LINK: &str = "/rule/bullying.test/0303030303030303";

impl School {
    /// A case whose message the rule holds, out of its mailbox.
    fn held_by_the_rule(&self, number: u8, parties: &[(Address, Party)]) -> Codename {
        let codename = self.case(number, Category::Violence, &[Audience::Dsl], Action::Hold, parties);
        let place = self.shelf.book.case(&codename).unwrap().unwrap().places[0].id;
        self.shelf.book.settle(Timestamp::now(), &Actor::Program, place, PlaceState::Removed).unwrap();
        codename
    }
}

#[tokio::test]
async fn everything_that_a_version_of_a_rule_holds_is_listed_for_those_who_can_put_it_back_and_nothing_else() {
    let school = School::new();
    let held = |number, parties: &[(Address, Party)]| school.held_by_the_rule(number, parties);
    let (one, two, about_her) = (held(1, &[]), held(2, &[]), held(3, &[(address(Role::Dsl), Party::Sender)]));
    let withheld = school.case(4, Category::SuspectedNude, &[Audience::Dsl], Action::Withhold, &[]);
    let flagged = school.case(5, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let decided = held(6, &[]);
    let case = school.shelf.book.case(&decided).unwrap().unwrap().row.id;
    school.shelf.book.release(Timestamp::now(), &Actor::Program, case, "a lesson").unwrap();

    let dsl = school.person(Role::Dsl);
    let page = school.get(&format!("/case/{one}"), Some(&dsl)).await.text;
    assert!(page.contains(&format!("href=\"{LINK}\"")), "{page}");
    let told = school.get(LINK, Some(&dsl)).await.text;
    for (codename, listed) in [(&one, true), (&two, true), (&about_her, false), (&withheld, false), (&flagged, false), (&decided, false)] {
        assert_eq!(told.contains(codename.as_str()), listed, "{codename}");
    }
    assert!(told.contains("Put all 2 back"), "{told}");
    assert!(told.contains("<p><span class=\"mono id\">bullying.test</span></p>"), "its words are the school's own: {told}");
    school.rule_says([3; 8], SENTENCE);
    let told = school.get(LINK, Some(&dsl)).await.text;
    assert!(told.contains(&format!("<strong>{SENTENCE}</strong> <span class=\"mono id\">bullying.test</span>")), "{told}");
    assert!(matches!(school.events().last(), Some(Event::Listed { view, cases: 2 }) if view == "held by bullying.test"));
    assert!(school.get("/rule/bullying.test/0303030303030304", Some(&dsl)).await.text.contains("holds no message"), "another version");
    assert_eq!(school.get("/rule/no-rule/03", Some(&dsl)).await.status, StatusCode::NOT_FOUND);
    let head = school.person(Role::Head);
    assert!(school.get(LINK, Some(&head)).await.text.contains("holds no message that is yours"));
}

#[tokio::test]
async fn everything_goes_back_after_one_fresh_second_factor_and_nothing_that_is_not_hers_or_was_not_shown() {
    let school = School::new();
    let (one, two) = (school.held_by_the_rule(1, &[]), school.held_by_the_rule(2, &[]));
    let about_her = school.held_by_the_rule(3, &[(address(Role::Dsl), Party::Sender)]);
    let object = |codename: &Codename| school.shelf.book.case(codename).unwrap().unwrap().places[0].object.unwrap().object;
    let (dsl, key) = (school.person(Role::Dsl), "07".repeat(16));
    let told = school.post(&format!("{LINK}/headers"), Some(&dsl), "").await;
    let given: serde_json::Value = serde_json::from_str(&told.text).unwrap();
    let objects: Vec<_> = given["objects"].as_array().unwrap().iter().map(|one| one["object"].as_str().unwrap()).collect();
    assert_eq!(objects, [object(&one).to_string(), object(&two).to_string()]);
    let served = school.events().into_iter().filter(|event| matches!(event, Event::CiphertextServed { depth, .. } if depth == "release"));
    assert_eq!(served.count(), 2, "each is written down");

    // It came in since she was shown the list.
    let later = school.held_by_the_rule(4, &[]);
    let keys: String = [&one, &two, &about_her].map(|codename| format!("&key={}:{key}", object(codename))).concat();
    let release = async |rest: &str| school.post(&format!("{LINK}/release"), Some(&dsl), &format!("{keys}{rest}")).await;
    let (words, deeds) = ("&words=a+lesson+on+birds", Deeds::open(&school.shelf.folder.path().join("desk")).unwrap().unwrap());
    for rest in ["&code=123456".to_owned(), words.to_owned(), format!("{words}&code=000000"), format!("{words}&key=07")] {
        assert!(!release(&rest).await.status.is_success(), "{rest}");
    }
    assert!(deeds.since(0).unwrap().is_empty(), "nothing was decided");
    let told = release(&format!("{words}&code={}", school.code(Role::Dsl))).await;
    let released: serde_json::Value = serde_json::from_str(&told.text).unwrap();
    assert_eq!(released["released"], serde_json::json!([one.as_str(), two.as_str()]), "{}", told.text);
    let decided = deeds.since(0).unwrap();
    assert_eq!(decided.iter().map(|row| (&row.codename, row.deed)).collect::<Vec<_>>(), [(&one, Deed::Release), (&two, Deed::Release)]);
    assert!(deeds.keys(decided[1].id).unwrap() == [crate::desk::ReleasedKey { object: object(&two), key: [7; 16] }]);
    let left = school.get(LINK, Some(&dsl)).await.text;
    assert!(left.contains(later.as_str()) && !left.contains(one.as_str()) && left.contains("Put it back"), "{left}");
    let told = release(&format!("{words}&code={}", school.code(Role::Dsl))).await;
    assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains("load the page again"), "{}", told.text);
}
