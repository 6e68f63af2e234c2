//! The weekly letter to the headteacher: codenames and counts, once, and nothing of what she is a party to.

mod support;

use std::fs;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use mailwarden::case::Codename;
use mailwarden::casebook::{Ends, New, Party};
use mailwarden::desk::Desk;
use mailwarden::finding::{Action, Audience, Category, Concern, Level};
use mailwarden::journal::{Actor, Event};
use mailwarden::mail::{Arrival, FolderName, Place, Uid, UidValidity};
use support::dovecot::Dovecot;
use support::smtp::Smtp;
use support::warden::Warden;

const HEAD: &str = "head@school.example";
const CANARY: &str = "CANARY: her tutor has asked";

struct School {
    warden: Warden,
    smtp: Smtp,
    _dovecot: Dovecot,
    /// The Monday of last week, at noon.
    monday: Timestamp,
}

impl School {
    fn new() -> Self {
        let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
        let warden = Warden::new(&dovecot, &smtp, &["amber@school.example"]);
        fs::create_dir(warden.path().join("desk")).expect("a folder");
        let text = fs::read_to_string(warden.config()).expect("a configuration");
        // It is Monday at whatever hour: the school has opened.
        let text = text.replace("[school]\n", "[school]\nhours = \"00:00-15:30\"\n");
        let more = format!(
            "\n[review]\nhost = \"desk.school.example\"\ndirectory = \"desk\"\n\n[[contact]]\nrecipient = \"head\"\nname = \"Sam Wren\"\naddress = \"{HEAD}\"\n"
        );
        fs::write(warden.config(), format!("{text}{more}")).expect("a configuration");
        let zone = TimeZone::get("Europe/London").expect("a time zone");
        let today = Timestamp::now().to_zoned(zone.clone()).date();
        let back = i64::from(today.weekday().since(Weekday::Monday)) + 7;
        let monday = (today - back.days()).at(12, 0, 0, 0).to_zoned(zone).expect("a moment").timestamp();
        Self { warden, smtp, _dovecot: dovecot, monday }
    }

    /// A case about a message that these people had a part in.
    fn case(&self, number: u8, audience: Audience, parties: &[(&str, Party)]) -> (mailwarden::case::CaseId, Codename) {
        let book = self.warden.book();
        let parties: Vec<_> =
            parties.iter().map(|(address, part)| (book.key_address(&address.parse().expect("an address")), *part)).collect();
        let concern = Concern {
            category: Category::Bullying,
            level: Level::Weekly,
            action: Action::Flag,
            categories: vec![Category::Bullying],
            findings: Vec::new(),
            incomplete: Vec::new(),
        };
        let place = Place {
            mailbox: "amber@school.example".parse().expect("an address"),
            folder: FolderName("INBOX".to_owned()),
            uidvalidity: UidValidity(9),
            uid: Uid::new(number.into()).expect("a number"),
        };
        let new = New {
            content: book.key_content(&[number; 32], &[2; 32]),
            message: book.key_message(&[number; 32]),
            place: &place,
            arrival: &Arrival { flags: Vec::new(), internal_date: 0, size: 1 },
            found_at: self.monday,
            concern: &concern,
            level: Level::Weekly,
            parties: &parties,
            thread: &[],
            ends: &Ends::default(),
            audiences: &[audience],
            sheet: None,
            text: None,
            message_object: None,
            rule_set: "0123456789abcdef",
            notices: &[],
            backscan: false,
        };
        let recorded = book.record(&new).expect("a case");
        (recorded.case, recorded.codename)
    }

    fn opened(&self, at: Timestamp, who: &str, (case, codename): &(mailwarden::case::CaseId, Codename)) {
        let desk = Desk::open(&self.warden.path().join("desk")).expect("a desk");
        let (case, codename, object, depth) = (*case, codename.clone(), "ab".repeat(16), "full".to_owned());
        let event = Event::CiphertextServed { case, codename, object, depth, reason: CANARY.to_owned() };
        desk.note(at, &Actor::Account(who.to_owned()), &event).expect("a line");
    }

    fn letters(&self) -> Vec<String> {
        let all = self.smtp.messages().into_iter().map(|letter| String::from_utf8(letter).expect("text"));
        all.filter(|letter| letter.contains(&format!("X-RcptTo: {HEAD}")) || letter.contains(&format!("To: {HEAD}"))).collect()
    }
}

#[test]
fn the_headteacher_reads_once_a_week_how_much_was_opened_and_nothing_of_what_is_not_hers_to_know() {
    let school = School::new();
    let bullying = school.case(1, Audience::Dsl, &[]);
    let other = school.case(2, Audience::Dsl, &[]);
    let by_her = school.case(3, Audience::Dsl, &[(HEAD, Party::Sender)]);
    let to_her = school.case(4, Audience::Dsl, &[(HEAD, Party::Recipient)]);
    let about_her = school.case(5, Audience::Chair, &[]);
    for case in [&bullying, &by_her, &to_her, &about_her] {
        school.opened(school.monday, "Robin Finch", case);
    }
    for who in ["Robin Finch", "Kim Linnet"] {
        school.opened(school.monday + 49.hours(), who, &bullying);
    }
    // Of this week, which is not over.
    school.opened(Timestamp::now(), "Robin Finch", &other);
    school.warden.poll();
    school.warden.poll();
    let letters = school.letters();
    let [letter] = &letters[..] else { panic!("{letters:?}") };
    let (_, codename) = &bullying;
    assert!(letter.contains(&format!("{codename}: 3 times, by 2 people")), "{letter}");
    let monday = school.monday.strftime("%Y-%m-%d").to_string();
    assert!(letter.contains(&format!("Subject: mailwarden: openings, week of {monday}")), "{letter}");
    assert!(letter.contains(&format!("Look at   https://desk.school.example:8443/openings?week={monday}")), "{letter}");
    for (_, hidden) in [&other, &by_her, &to_her, &about_her] {
        assert!(!letter.contains(hidden.as_str()), "{hidden} in {letter}");
    }
    assert!(!letter.contains("CANARY") && !letter.contains("Robin") && letter.lines().all(|line| line.len() <= 76), "{letter}");
    let told = school
        .warden
        .book()
        .journal(1, 1_000)
        .unwrap()
        .into_iter()
        .filter(|line| matches!(&line.event, Event::OpeningsTold { week, cases: 1 } if *week == monday));
    assert_eq!(told.count(), 1);
}

#[test]
fn silence_is_told_of_too_but_not_of_a_week_before_there_was_a_desk() {
    let school = School::new();
    let desk = Desk::open(&school.warden.path().join("desk")).unwrap();
    desk.note(school.monday, &Actor::Account("Robin Finch".to_owned()), &Event::SignedIn).unwrap();
    school.opened(Timestamp::now(), "Robin Finch", &school.case(1, Audience::Dsl, &[]));
    school.warden.poll();
    let letters = school.letters();
    assert!(letters.len() == 1 && letters[0].contains("Nobody has opened anything."), "{letters:?}");

    let young = School::new();
    young.opened(Timestamp::now(), "Robin Finch", &(mailwarden::case::CaseId(1), "amber-heron-7".parse().unwrap()));
    young.warden.poll();
    assert_eq!(young.letters(), Vec::<String>::new());
}
