//! The pages as nobody's day shows them: an empty desk and a full one, and everything that goes wrong.

use jiff::SignedDuration;
use mailwarden::case::NotBack;
use mailwarden::desk::{Desk, NewAccount, Role};
use mailwarden::journal::Actor;

use super::*;

const LONG_FOLDER: &str = "Archive/Year 9/Tutor group 9B of Ms Featherstonehaugh/2026-11";

#[tokio::test]
async fn the_pages_are_for_everybody_when_they_are_empty_and_full_and_when_something_is_refused() {
    let school = School::open(&[AMBER]);
    let invite = |name, role, local: &str| school.invite(name, role, &format!("{local}@school.example"));
    let invitations = serde_json::json!({
        "chair": invite("Alex Crane", "chair", "chair"),
        "deputy": invite("Kim Linnet", "deputy", "deputy"),
        "lead": invite("Robin Finch", "dsl", "lead"),
        "newcomer": invite("Jo Dunnock", "deputy", "newcomer"),
        "officer": invite("Pat Plover", "data-protection", "officer"),
        "technician": invite("Jay Martin", "technician", "technician"),
    });
    let known = ["chair", "deputy", "lead", "officer", "technician"].map(|local| address(&format!("{local}@school.example")));
    school.warden.book().key_desk(&known.into()).unwrap();
    let expired = expired_invitation(&school);
    // Somebody had a hand in the first line.
    let tables = rusqlite::Connection::open(school.warden.path().join("desk/desk.db")).unwrap();
    let sql = "DROP TRIGGER journal_lines_stay; DROP TRIGGER journal_lines_stand; UPDATE journal SET entry = replace(entry, 'Crane', 'Heron') WHERE seq = 1";
    tables.execute_batch(sql).unwrap();
    drop(tables);
    school.work(
        "states.mjs",
        serde_json::json!({
            "invitations": invitations,
            "expired": expired,
            "cases": full_desk(&school),
            "casebook": school.warden.state().join("casebook.db"),
        }),
    );
}

/// The link of an invitation that was made four days ago.
fn expired_invitation(school: &School) -> String {
    let (desk, now) = (Desk::open(&school.warden.path().join("desk")).expect("a desk"), Timestamp::now());
    let long_ago = now - SignedDuration::from_hours(96);
    let new = NewAccount { name: "Late Linnet".to_owned(), role: Role::Head, addresses: Vec::new() };
    let link = desk.invite(long_ago, &Actor::Program, &new).expect("a link");
    format!("{}/invitation/{}", school.origin, link.expose())
}

/// More cases of every kind than fit on a page, from this hour to the autumn; the names of those that are looked at one by one.
fn full_desk(school: &School) -> serde_json::Value {
    let (now, hour) = (Timestamp::now(), SignedDuration::from_hours(1));
    let kinds: Vec<_> = Category::ALL.iter().copied().filter(|category| category.audiences().contains(&Audience::Dsl)).collect();
    let people = [("pupil", "pupil"), ("pupil", "staff"), ("outside", "pupil"), ("staff", "governor")];
    for (number, (category, (from, to))) in (1..=120).zip(kinds.iter().cycle().zip(people.into_iter().cycle())) {
        let found_at = now - hour * (i32::from(number) * i32::from(number) / 8);
        let withheld = matches!(category, Category::KnownImage | Category::SuspectedNude);
        let action = if withheld {
            Action::Withhold
        } else if number % 4 == 0 {
            Action::Hold
        } else {
            Action::Flag
        };
        let ends = Ends { sender: from.to_owned(), recipients: vec![to.to_owned()] };
        let copies = if number % 9 == 0 { 7 } else { 1 };
        school.forge(&Forged { action, found_at, copies, ends, folder: LONG_FOLDER, ..Forged::flagged(number, *category) });
    }
    let stuck = school.forge(&Forged { action: Action::Hold, copies: 2, folder: LONG_FOLDER, ..Forged::flagged(201, Category::Violence) });
    let book = school.warden.book();
    let facts = book.case(&stuck).expect("a casebook").expect("a case");
    book.begin_release(facts.row.id, 0).expect("a release");
    for (copy, why) in facts.places.iter().zip([NotBack::NotWatched, NotBack::Damaged]) {
        book.not_put_back(now, copy.id, why).expect("a copy");
    }
    serde_json::json!({
        "stuck": stuck.as_str(),
        "withheld": school.forge(&Forged { action: Action::Withhold, ..Forged::flagged(202, Category::KnownImage) }).as_str(),
        "grave": school.forge(&Forged { action: Action::Hold, ..Forged::flagged(203, Category::Grooming) }).as_str(),
        "officers": school.forge(&Forged::flagged(204, Category::PersonalData)).as_str(),
    })
}
