//! What is shown and what is done, and that it is written down.

use super::*;

#[tokio::test]
async fn nothing_is_shown_that_could_not_be_written_down_first() {
    let school = School::new();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let (dsl, page) = (school.person(Role::Dsl), format!("/case/{codename}"));
    assert!(school.get(&page, Some(&dsl)).await.text.contains("bullying or harassment"));
    assert!(matches!(&school.events().last(), Some(Event::FactsViewed { codename: seen, .. }) if *seen == codename));
    assert_eq!(school.get("/nowhere", Some(&dsl)).await.status, StatusCode::NOT_FOUND);
    assert!(matches!(school.events().last(), Some(Event::NotFound { .. })), "what was refused is written down too");

    let tables = rusqlite::Connection::open(school.shelf.folder.path().join("desk/desk.db")).unwrap();
    tables.execute_batch("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'no room'); END").unwrap();
    for page in ["/queue", page.as_str()] {
        let told = school.get(page, Some(&dsl)).await;
        assert_eq!(told.status, StatusCode::SERVICE_UNAVAILABLE, "{page}");
        assert!(!told.text.contains(codename.as_str()) && !told.text.contains("no room"), "{page}");
    }
}

#[tokio::test]
async fn a_case_goes_from_new_to_closed_and_open_again_and_says_why() {
    let school = School::new();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let (dsl, page) = (school.person(Role::Dsl), format!("/case/{codename}"));
    let does = async |fields: &str| school.post(&page, Some(&dsl), fields).await.status;
    assert_eq!(does("deed=no-concern&words=short").await, StatusCode::UNPROCESSABLE_ENTITY, "a reason says something");
    assert_eq!(does("deed=reopen&words=there+is+more+of+it").await, StatusCode::UNPROCESSABLE_ENTITY, "it is open");
    assert_eq!(does("deed=acknowledge").await, StatusCode::SEE_OTHER);
    assert_eq!(does("deed=no-concern&words=a+set+book+in+English").await, StatusCode::SEE_OTHER);
    assert!(school.get("/queue?view=closed", Some(&dsl)).await.text.contains(codename.as_str()));
    assert!(!school.get("/queue", Some(&dsl)).await.text.contains(codename.as_str()));
    assert_eq!(does("deed=reopen&words=there+is+more+of+it").await, StatusCode::SEE_OTHER);
    assert_eq!(does("deed=destroy&words=there+is+more+of+it").await, StatusCode::BAD_REQUEST);
    assert_eq!(does("deed=release&words=there+is+more+of+it").await, StatusCode::BAD_REQUEST, "not without the keys");
    let told: Vec<_> = school.review.desk().history(crate::case::CaseId(1)).unwrap().into_iter().map(|row| row.deed).collect();
    assert_eq!(told, [Deed::Acknowledge, Deed::NoConcern, Deed::Reopen]);
    let text = school.get(&page, Some(&dsl)).await.text;
    assert!(text.contains("a set book in English") && text.contains("decided: no concern"));
}

#[tokio::test]
async fn what_a_rule_said_of_itself_stands_first_and_a_schools_own_words_stay_sealed() {
    let school = School::new();
    let case = |number, category, action| school.case(number, category, &[Audience::Dsl], action, &[]);
    let flagged = case(1, Category::Bullying, Action::Flag);
    let held = case(2, Category::Violence, Action::Hold);
    let withheld = case(3, Category::SuspectedNude, Action::Withhold);
    let page = async |codename: &Codename, role| school.get(&format!("/case/{codename}"), Some(&school.person(role))).await.text;
    school.rule_says([3; 8], "Pupils plan to leave Mia Linnet out");
    let own = page(&flagged, Role::Dsl).await;
    assert!(!own.contains("Mia Linnet") && own.contains("sealed with what matched"), "{own}");
    assert!(!page(&flagged, Role::Pastoral).await.contains("sealed with what matched"), "she has no key");

    school.rule_says([3; 8], SENTENCE);
    school.rule_says([4; 8], "A rumour about somebody is passed on");
    for (codename, role) in [(&flagged, Role::Dsl), (&flagged, Role::Pastoral), (&held, Role::Dsl), (&withheld, Role::Dsl)] {
        let told = page(codename, role).await;
        let [sentence, stand] = [SENTENCE, "Where it stands"].map(|words| told.find(words).unwrap_or_else(|| panic!("{words} in {told}")));
        assert!(sentence < stand && told.find("Open what is sealed").is_none_or(|open| stand < open), "{told}");
        assert!(!told.contains("sealed with what matched") && !told.contains("A rumour"), "{told}");
    }
    assert!(page(&withheld, Role::Dsl).await.contains("Do not look, copy or forward"));
}

#[tokio::test]
async fn what_is_held_is_not_decided_away_and_what_is_withheld_by_nobody_alone() {
    let school = School::new();
    let held = school.case(1, Category::Violence, &[Audience::Dsl], Action::Hold, &[]);
    let withheld = school.case(2, Category::SuspectedNude, &[Audience::Dsl], Action::Withhold, &[]);
    let dsl = school.person(Role::Dsl);
    for (codename, why) in [(held, "Its message is held"), (withheld, "Its message is withheld")] {
        let told = school.post(&format!("/case/{codename}"), Some(&dsl), "deed=false-match&words=a+set+book+in+English").await;
        assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains(why), "{}", told.text);
    }
}

#[tokio::test]
async fn a_case_is_given_to_those_alone_who_may_see_it() {
    let school = School::new();
    let deputy = school.review.desk().accounts().unwrap().into_iter().find(|account| account.role == Role::Deputy).unwrap().id;
    let head = school.review.desk().accounts().unwrap().into_iter().find(|account| account.role == Role::Head).unwrap().id;
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let about = school.case(2, Category::Bullying, &[Audience::Dsl], Action::Flag, &[(address(Role::Deputy), Party::Sender)]);
    let dsl = school.person(Role::Dsl);
    let gives = async |codename: &Codename, to: i64| {
        school.post(&format!("/case/{codename}"), Some(&dsl), &format!("deed=assign&to={to}")).await.status
    };
    assert_eq!(gives(&codename, deputy.0).await, StatusCode::SEE_OTHER);
    assert_eq!(school.review.desk().stand(crate::case::CaseId(1)).unwrap().owner, Some(deputy));
    assert_eq!(gives(&codename, head.0).await, StatusCode::UNPROCESSABLE_ENTITY, "it is not for the head");
    assert_eq!(gives(&about, deputy.0).await, StatusCode::UNPROCESSABLE_ENTITY, "she wrote it");
    assert!(!school.get(&format!("/case/{about}"), Some(&dsl)).await.text.contains(Role::Deputy.title()));
}

#[tokio::test]
async fn a_case_is_put_off_and_comes_back_and_one_that_is_too_urgent_is_not() {
    let school = School::new();
    let recorded = |number: u8, level, found_at| {
        let concern = concern(level, Action::Flag);
        let place = place("ann", number.into());
        school.shelf.book.record(&New { place: &place, found_at, ..school.shelf.plain(number, &concern) }).unwrap().codename
    };
    let now = Timestamp::now();
    let (waits, urgent) = (recorded(1, Level::SameDay, now), recorded(2, Level::Now, now));
    let overdue = recorded(3, Level::SameDay, now - jiff::SignedDuration::from_hours(3));
    let dsl = school.person(Role::Dsl);
    let puts_off = async |codename: &Codename| school.post(&format!("/case/{codename}"), Some(&dsl), "deed=snooze&until=half-hour").await;
    for (codename, why) in [(&urgent, "this urgent"), (&overdue, "due before that")] {
        let told = puts_off(codename).await;
        assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains(why), "{}", told.text);
        assert!(!school.get(&format!("/case/{codename}"), Some(&dsl)).await.text.contains("Put it off"), "nor is it offered");
    }
    let lists = async |view: &str| {
        let text = school.get(&format!("/queue?view={view}"), Some(&dsl)).await.text;
        [&waits, &urgent, &overdue].map(|codename| text.find(codename.as_str()).unwrap_or(usize::MAX))
    };
    let page = format!("/case/{waits}");
    assert!(school.get(&page, Some(&dsl)).await.text.contains("Put it off"));
    assert_eq!(puts_off(&waits).await.status, StatusCode::SEE_OTHER);
    assert!(school.get(&page, Some(&dsl)).await.text.contains("Back on the list now"));
    let [waiting, first, second] = lists("open").await;
    assert!(first < second && second < waiting && waiting < usize::MAX, "it stands behind all others");
    let [waiting, first, _] = lists("new").await;
    assert!(waiting == usize::MAX && first < usize::MAX, "it is out of the way");
    assert!(lists("snoozed").await[0] < usize::MAX);
    assert_eq!(school.post(&page, Some(&dsl), "deed=wake").await.status, StatusCode::SEE_OTHER);
    assert!(lists("new").await[0] < usize::MAX && lists("snoozed").await[0] == usize::MAX);
    let text = school.get(&page, Some(&dsl)).await.text;
    assert!(text.contains("put it off until") && text.contains("put it back on the list"), "{text}");
}

#[tokio::test]
async fn the_queue_shows_the_most_urgent_first_and_fifty_at_a_time() {
    let school = School::new();
    for number in 1..=60 {
        let mut concern = concern(if number == 60 { Level::Now } else { Level::Day }, Action::Flag);
        concern.findings.clear();
        school.shelf.record(number, &place("ann", number.into()), &concern, None);
    }
    let dsl = school.person(Role::Dsl);
    let page = school.get("/queue", Some(&dsl)).await.text;
    assert_eq!(page.matches("<li class=\"l").count(), 50);
    let (first, second) = (page.find("class=\"l5\"").unwrap(), page.find("class=\"l3\"").unwrap());
    assert!(first < second && page.contains("60 in this list") && page.contains("rel=\"next\""));
    let next = school.get("/queue?view=open&from=50", Some(&dsl)).await.text;
    assert_eq!(next.matches("<li class=\"l").count(), 10);
    assert!(matches!(school.events().last(), Some(Event::Listed { cases: 10, .. })));
}
