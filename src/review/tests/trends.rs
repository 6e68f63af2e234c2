//! The numbers of the whole, and whose they are.

use jiff::SignedDuration;

use super::*;

/// The line of a table that begins with this.
fn line<'a>(page: &'a str, title: &str) -> Vec<&'a str> {
    let row = page.split("<tr").find(|row| {
        row.contains(&format!(">{title}</th>"))
            || row.contains(&format!(">{title}</span></th>"))
            || row.contains(&format!("</span> {title}</span></span></th>"))
    });
    let cells = row.unwrap_or_else(|| panic!("{title} in {page}")).split("<td").skip(1);
    cells.map(|cell| cell.split('>').nth(1).unwrap().split('<').next().unwrap()).collect()
}

#[tokio::test]
async fn trends_count_by_week_category_group_level_and_rule() {
    let school = School::new();
    let now = Timestamp::now();
    let hours = |count: i64| SignedDuration::from_hours(count);
    let recorded = |number: u8, level, action, found_at: Timestamp, mailbox: &str| {
        let concern = concern(level, action);
        let (place, sealed) = (place(mailbox, number.into()), school.shelf.sealed());
        let message_object = (action >= Action::Hold).then_some(&sealed);
        let plain = school.shelf.plain(number, &concern);
        school.shelf.book.record(&New { place: &place, found_at, message_object, ..plain }).unwrap()
    };
    school.rule_says([3; 8], SENTENCE);
    let in_time = recorded(1, Level::SameDay, Action::Flag, now - hours(5), "ann");
    let late = recorded(2, Level::SameDay, Action::Hold, now - hours(5), "zoe");
    recorded(3, Level::SameDay, Action::Flag, now - hours(5), "ann");
    recorded(4, Level::SameDay, Action::Flag, now, "ann");
    recorded(5, Level::Counted, Action::Flag, now, "ann");
    recorded(6, Level::Now, Action::Flag, now - hours(24 * 7 * 13), "ann");
    let (program, book) = (Actor::Program, &school.shelf.book);
    book.acknowledge(now - hours(4), in_time.case, &program).unwrap();
    book.acknowledge(now - hours(2), late.case, &program).unwrap();
    book.release(now, &program, late.case, "a lesson").unwrap();
    let dsl = school.person(Role::Dsl);
    let page = format!("/case/{}", in_time.codename);
    assert_eq!(school.post(&page, Some(&dsl), "deed=false-match&words=a+set+book+in+English").await.status, StatusCode::SEE_OTHER);

    let told = school.get("/trends", Some(&dsl)).await.text;
    assert!(told.contains("only counted too: 5."), "the sixth is older than twelve weeks: {told}");
    assert_eq!(told.split(">By week<").nth(1).unwrap().split("</table>").next().unwrap().matches("<tr><th scope=\"row\">").count(), 12);
    assert_eq!(line(&told, Category::Bullying.title()), ["5", "4", "1"], "cases, urgent, held");
    assert_eq!(line(&told, "pupil"), ["4", "3", "0"]);
    assert_eq!(line(&told, "no longer watched"), ["1", "1", "1"]);
    assert_eq!(line(&told, "Today"), ["1", "1", "1", "1", "60 minutes"], "in time, late, not yet due, overdue, the faster half");
    assert_eq!(line(&told, "Now"), ["0", "0", "0", "0", "-"]);
    assert_eq!(line(&told, "bullying.test"), ["5", "1", "1", "1"], "cases, held, put back, said to be wrong");
    let named = format!("<th scope=\"row\" role=\"rowheader\">{SENTENCE} <span class=\"mono id\">bullying.test</span></th>");
    assert!(told.contains(&named) && told.contains(&format!("\n{SENTENCE}\n</text>")), "what it looks for comes before its name: {told}");
    assert!(matches!(school.events().last(), Some(Event::Listed { view, cases: 5 }) if view == "trends"));
}

#[tokio::test]
async fn whoever_is_a_party_to_a_case_does_not_see_it_in_a_number() {
    let school = School::new();
    let parties = [(address(Role::Deputy), Party::Sender)];
    let now = Timestamp::now();
    let concern = concern(Level::Now, Action::Flag);
    let keyed: Vec<_> = parties.iter().map(|(address, part)| (school.shelf.book.key_address(address), *part)).collect();
    school.shelf.book.record(&New { parties: &keyed, found_at: now, ..school.shelf.plain(1, &concern) }).unwrap();
    for (role, text) in [(Role::Dsl, "too: 1."), (Role::Deputy, "too: 0."), (Role::Head, "too: 0.")] {
        let told = school.get("/trends", Some(&school.person(role))).await.text;
        assert!(told.contains(text), "{role}: {told}");
        assert_eq!(told.contains("bullying.test"), role == Role::Dsl, "{role}");
    }
}
