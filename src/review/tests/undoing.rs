//! What a version of a rule holds, in one place.

use super::*;
use crate::case::PlaceState;

#[tokio::test]
async fn everything_that_a_version_of_a_rule_holds_is_listed_for_those_who_can_put_it_back_and_nothing_else() {
    let school = School::new();
    let held = |number, parties: &[(Address, Party)]| {
        let codename = school.case(number, Category::Violence, &[Audience::Dsl], Action::Hold, parties);
        let place = school.shelf.book.case(&codename).unwrap().unwrap().places[0].id;
        school.shelf.book.settle(Timestamp::now(), &Actor::Program, place, PlaceState::Removed).unwrap();
        codename
    };
    let (one, two, about_her) = (held(1, &[]), held(2, &[]), held(3, &[(address(Role::Dsl), Party::Sender)]));
    let withheld = school.case(4, Category::SuspectedNude, &[Audience::Dsl], Action::Withhold, &[]);
    let flagged = school.case(5, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let decided = held(6, &[]);
    let case = school.shelf.book.case(&decided).unwrap().unwrap().row.id;
    school.shelf.book.release(Timestamp::now(), &Actor::Program, case, "a lesson").unwrap();

    let dsl = school.person(Role::Dsl);
    let page = school.get(&format!("/case/{one}"), Some(&dsl)).await.text;
    let link = "/rule/bullying.test/0303030303030303";
    assert!(page.contains(&format!("href=\"{link}\"")), "{page}");
    let told = school.get(link, Some(&dsl)).await.text;
    for (codename, listed) in [(&one, true), (&two, true), (&about_her, false), (&withheld, false), (&flagged, false), (&decided, false)] {
        assert_eq!(told.contains(codename.as_str()), listed, "{codename}");
    }
    assert!(told.contains("Put all 2 back"), "{told}");
    assert!(matches!(school.events().last(), Some(Event::Listed { view, cases: 2 }) if view == "held by bullying.test"));
    assert!(school.get("/rule/bullying.test/0303030303030304", Some(&dsl)).await.text.contains("holds no message"), "another version");
    assert_eq!(school.get("/rule/no-rule/03", Some(&dsl)).await.status, StatusCode::NOT_FOUND);
    let head = school.person(Role::Head);
    assert!(school.get(link, Some(&head)).await.text.contains("holds no message that is yours"));
}
