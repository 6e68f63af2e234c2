//! Those who watch over the desk: the proof of its journal, and the openings of a week.

use jiff::ToSpan;

use super::*;

/// Changes the journal as somebody would who has the file at hand.
fn tamper(school: &School, sql: &str) {
    let tables = rusqlite::Connection::open(school.shelf.folder.path().join("desk/desk.db")).unwrap();
    tables.execute_batch(&format!("DROP TRIGGER journal_lines_stay; DROP TRIGGER journal_lines_stand; {sql}")).unwrap();
}

fn viewed(number: i64, codename: &Codename) -> Event {
    Event::FactsViewed { case: crate::case::CaseId(number), codename: codename.clone() }
}

fn served(number: i64, codename: &Codename, depth: &str) -> Event {
    let reason = "her tutor, Ms CANARY, has asked".to_owned();
    let codename = codename.clone();
    Event::CiphertextServed { case: crate::case::CaseId(number), codename, object: "ab".repeat(16), depth: depth.to_owned(), reason }
}

#[tokio::test]
async fn the_journal_says_that_it_is_whole_or_names_the_first_line_that_is_not() {
    for (sql, number, how) in [
        ("UPDATE journal SET entry = replace(entry, 'technician', 'somebody') WHERE seq = 13", 13, "it was changed"),
        ("UPDATE journal SET entry = 'no line at all' WHERE seq = 2", 2, "it was changed"),
        ("DELETE FROM journal WHERE seq = 5", 5, "it was removed"),
        ("UPDATE journal SET seq = 100 WHERE seq = 4; UPDATE journal SET seq = 4 WHERE seq = 6", 4, "it was moved"),
        ("DELETE FROM journal WHERE seq > 12", 13, "it was removed"),
    ] {
        let school = School::new();
        let officer = school.person(Role::DataProtection);
        let told = school.get("/journal", Some(&officer)).await.text;
        assert!(told.contains("Every line is as it was written.") && !told.contains("role=\"alert\""), "{told}");
        tamper(&school, sql);
        for _ in 0..2 {
            // What was shown meanwhile is a line too, and covers nothing up.
            let told = school.get("/journal", Some(&officer)).await;
            assert_eq!(told.status, StatusCode::OK, "{sql}");
            let expected = format!("Line {number} is not as it was written: {how}.");
            assert!(told.text.contains(&expected) && told.text.contains("role=\"alert\""), "{sql}: {}", told.text);
            assert!(!told.text.contains("Every line is as it was written"), "{sql}");
        }
    }
}

#[tokio::test]
async fn a_line_that_was_changed_is_shown_as_it_reads_now_but_to_nobody_whom_it_concerns() {
    let school = School::new();
    let about = school.case(1, Category::StaffConcern, &[Audience::Head], Action::Flag, &[(address(Role::Head), Party::Sender)]);
    let other = school.case(2, Category::StaffConcern, &[Audience::Head], Action::Flag, &[]);
    let now = Timestamp::now();
    for (number, codename) in [(1, &about), (2, &other)] {
        school.review.desk().note(now, &Actor::Account("Kim Linnet".to_owned()), &viewed(number, codename)).unwrap();
    }
    let last = school.review.desk().verify_journal().unwrap().entries;
    let (head, officer) = (school.person(Role::Head), school.person(Role::DataProtection));
    tamper(&school, &format!("UPDATE journal SET entry = replace(entry, 'Kim', 'Tim') WHERE seq = {}", last - 1));
    let told = school.get("/journal", Some(&officer)).await.text;
    assert!(told.contains("It now reads:") && told.contains("Tim Linnet was shown the facts"), "{told}");
    let told = school.get("/journal", Some(&head)).await.text;
    assert!(told.contains(&format!("Line {} is not as it was written", last - 1)), "{told}");
    assert!(!told.contains("It now reads") && !told.contains("Tim Linnet") && !told.contains(about.as_str()), "{told}");
}

#[tokio::test]
async fn a_case_for_the_chair_is_in_no_list_that_the_headteacher_watches_with() {
    let school = School::new();
    let about = school.case(1, Category::HeadConcern, &[Audience::Chair], Action::Flag, &[]);
    let other = school.case(2, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let now = Timestamp::now();
    for (number, codename) in [(1, &about), (2, &other)] {
        let chair = Actor::Account("Alex Crane".to_owned());
        school.review.desk().note(now, &chair, &viewed(number, codename)).unwrap();
        school.review.desk().note(now, &chair, &served(number, codename, "full")).unwrap();
    }
    for page in ["/journal", "/openings"] {
        for (role, sees) in [(Role::Head, false), (Role::Chair, true), (Role::DataProtection, true)] {
            let told = school.get(page, Some(&school.person(role))).await.text;
            assert_eq!(told.contains(about.as_str()), sees, "{page} as {role}");
            assert!(told.contains(other.as_str()), "{page} as {role}");
        }
    }
}

#[tokio::test]
async fn how_many_cases_others_were_shown_is_told_to_nobody() {
    let school = School::new();
    school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[(address(Role::Head), Party::Sender)]);
    let dsl = school.person(Role::Dsl);
    for page in ["/queue", "/queue?view=new"] {
        assert_eq!(school.get(page, Some(&dsl)).await.status, StatusCode::OK);
    }
    let listed = school.events().into_iter().filter(|event| matches!(event, Event::Listed { cases: 1, .. })).count();
    assert_eq!(listed, 2, "the journal has it");
    for role in [Role::Head, Role::Chair, Role::DataProtection] {
        let told = school.get("/journal", Some(&school.person(role))).await.text;
        assert!(told.contains("was shown the list `open`") || told.contains("was shown the list &#96;open&#96;"), "{told}");
        assert!(!told.contains("1 case"), "{role}: {told}");
    }
}

#[tokio::test]
async fn the_rule_that_holds_something_is_named_to_nobody_who_reads_the_journal() {
    let school = School::new();
    school.case(1, Category::Bullying, &[Audience::Dsl], Action::Hold, &[(address(Role::Head), Party::Sender)]);
    let dsl = school.person(Role::Dsl);
    assert_eq!(school.get("/rule/bullying.test/0303030303030303", Some(&dsl)).await.status, StatusCode::OK);
    for role in [Role::Head, Role::Chair, Role::DataProtection] {
        let told = school.get("/journal", Some(&school.person(role))).await.text;
        assert!(told.contains("held by a rule"), "{role}: {told}");
        assert!(!told.contains("bullying.test"), "{role}: {told}");
    }
}

#[tokio::test]
async fn no_page_is_shown_that_the_journal_does_not_tell_of() {
    let school = School::new();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Hold, &[]);
    // The first page is a way onward, and shows nothing.
    for route in ROUTES.iter().filter(|route| route.method == Method::GET && route.path != "/") {
        let Who::Roles(roles) = route.who else { continue };
        let role = if roles.contains(&Role::Dsl) { Role::Dsl } else { roles[0] };
        let person = school.person(role);
        let before = school.events().len();
        assert_eq!(school.get(&path(route.path, &codename), Some(&person)).await.status, StatusCode::OK, "{}", route.path);
        assert_eq!(school.events().len(), before + 1, "{} as {role}", route.path);
        assert_eq!(school.review.desk().journal_end(1).unwrap()[0].who.name(), role.title(), "{}", route.path);
    }
}

#[tokio::test]
async fn no_page_of_the_journal_is_shorter_for_what_is_left_out() {
    let school = School::new();
    let about = school.case(1, Category::StaffConcern, &[Audience::Head], Action::Flag, &[(address(Role::Head), Party::Sender)]);
    let now = Timestamp::now();
    for number in 0..450 {
        let event = if number % 3 == 0 { viewed(1, &about) } else { Event::SignedIn };
        school.review.desk().note(now, &Actor::Program, &event).unwrap();
    }
    let head = school.person(Role::Head);
    let lines = async |page: &str| school.get(page, Some(&head)).await.text.matches("<tr role=\"row\"><td").count();
    assert_eq!(
        (lines("/journal").await, lines("/journal?from=200").await),
        (200, 114 + 2),
        "300 of these, 14 from the beginning, and the visits"
    );
    let first = school.get("/journal", Some(&head)).await.text;
    assert!(first.contains("/journal?from=200") && !first.contains("rel=\"prev\"") && !first.contains(about.as_str()));
    let last = school.get("/journal?from=200", Some(&head)).await.text;
    assert!(last.contains("rel=\"prev\"") && !last.contains("rel=\"next\""));
    assert_eq!(lines("/journal?from=99999999").await, 0);
}

#[tokio::test]
async fn the_openings_of_a_week_say_who_what_and_when_and_nothing_of_content() {
    let school = School::new();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let about = school.case(2, Category::StaffConcern, &[Audience::Head], Action::Flag, &[(address(Role::Head), Party::Sender)]);
    let zone = school.review.config.school.clock.zone.clone();
    let now = Timestamp::now();
    let last_week = now.to_zoned(zone.clone()).checked_sub(7.days()).unwrap();
    let kim = Actor::Account("Kim Linnet".to_owned());
    let note = |at: Timestamp, event: &Event| school.review.desk().note(at, &kim, event).unwrap();
    note(last_week.timestamp(), &served(1, &codename, "excerpt"));
    for _ in 0..600 {
        note(now, &viewed(1, &codename));
    }
    note(now, &served(1, &codename, "full"));
    note(now, &served(2, &about, "full"));
    let object = "ab".repeat(16);
    let at_the_server =
        Event::Viewed { case: crate::case::CaseId(1), codename: codename.clone(), object, excerpt: false, reason: "CANARY".to_owned() };
    school.shelf.book.note(now, &Actor::Member("Robin Finch".to_owned()), &at_the_server).unwrap();

    let head = school.person(Role::Head);
    let told = school.get("/openings", Some(&head)).await.text;
    assert!(told.contains("<th scope=\"row\">Kim Linnet</th><td class=\"number\">1</td>"), "{told}");
    // The cells of each line, behind its time.
    let cells = |row: &str| row.split("<td").skip(2).map(|cell| cell.split(['>', '<']).nth(1).unwrap().to_owned()).collect::<Vec<_>>();
    let lines: Vec<_> = told.split("<tr role=\"row\">").map(cells).collect();
    for line in [
        ["Kim Linnet", "the facts", codename.as_str(), "600"],
        ["Kim Linnet", "the whole text", codename.as_str(), "1"],
        ["Robin Finch", "the whole text, at the server", codename.as_str(), "1"],
    ] {
        assert!(lines.contains(&line.map(str::to_owned).to_vec()), "{line:?} in {told}");
    }
    assert!(!told.contains("what matched") && !told.contains("CANARY") && !told.contains("rel=\"next\""), "{told}");
    assert!(!told.contains(about.as_str()), "a case of her own is in no list of hers");
    let week = last_week.date();
    let told = school.get(&format!("/openings?week={week}"), Some(&head)).await.text;
    assert!(told.contains(">what matched</td>") && !told.contains("the whole text") && told.contains("rel=\"next\""), "{told}");
    let told = school.get("/openings?week=2020-02-30", Some(&head)).await;
    assert!(told.status == StatusCode::OK && told.text.contains("the whole text"), "what is no day is this week");
    let told = school.get("/openings?week=2020-02-28", Some(&head)).await.text;
    assert!(told.contains("24 February 2020 to 1 March 2020") && told.contains("Nobody has opened anything"), "{told}");
    let looked = school.events().into_iter().filter(|event| matches!(event, Event::OpeningsViewed { .. })).count();
    assert_eq!(looked, 4, "and each look is a line of the journal");
}
