//! Who sees what: every route, every role, party or not, from one table.

use std::collections::{BTreeMap, BTreeSet};

use super::*;
use crate::case::{CaseId, PlaceState};
use crate::vault::{Member, MemberIdentity};

/// Their letters in the table.
const ROLES: [(char, Role); 7] = [
    ('L', Role::Dsl),
    ('D', Role::Deputy),
    ('P', Role::Pastoral),
    ('H', Role::Head),
    ('C', Role::Chair),
    ('O', Role::DataProtection),
    ('T', Role::Technician),
];
const NOBODY: char = '-';
/// Cases, and whose they are. One about staff is for the headteacher, and one about her is for the chair (D6).
const CASES: [(Category, Audience, &str); 4] = [
    (Category::Bullying, Audience::Dsl, "LDP"),
    (Category::PersonalData, Audience::Dsl, "LDO"),
    (Category::StaffConcern, Audience::Head, "H"),
    (Category::HeadConcern, Audience::Chair, "C"),
];
/// What may be between somebody and a case, by which of her addresses, and from whom that hides it. What is brought to the safeguarding
/// lead is hers to deal with (D17), and nothing else that anybody is a party to.
const PARTIES: [(Party, &str, &str); 5] = [
    (Party::Sender, "", "LDPHCOT"),
    (Party::Recipient, "", "DPHCOT"),
    (Party::Mailbox, "", "DPHCOT"),
    (Party::Sender, "private.", "LDPHCOT"),
    (Party::Recipient, "private.", "LDPHCOT"),
];
/// A case that is not there.
const NO_CASE: &str = "amber-heron-7";

/// A line of the table.
struct Row {
    method: Method,
    path: &'static str,
    who: &'static str,
    status: u16,
    form: &'static str,
}

/// An answer, octet by octet, without the name of the case that was asked for.
type Whole = (u16, Vec<(String, String)>, String);

fn whole(told: &Told, asked: &str) -> Whole {
    let unnamed = |text: &str| text.replace(asked, "CODENAME");
    let headers = told.headers.iter().map(|(name, value)| (name.to_string(), unnamed(value.to_str().unwrap())));
    (told.status.as_u16(), headers.collect(), unnamed(&told.text))
}

fn table() -> Vec<Row> {
    let lines = include_str!("authorisation.tsv").lines().filter(|line| !line.starts_with('#'));
    let row = |line: &'static str| {
        let mut fields = line.split_whitespace();
        let mut next = || fields.next().unwrap_or_default();
        Row { method: next().parse().unwrap(), path: next(), who: next(), status: next().parse().unwrap(), form: next() }
    };
    lines.map(row).collect()
}

impl Row {
    fn page(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn is_about_a_case(&self) -> bool {
        self.path.contains("{codename}") || self.form.contains("{codename}")
    }
}

fn second_address(role: Role) -> Address {
    format!("private.{role}@school.example").parse().unwrap()
}

impl School {
    /// Where everybody has two addresses and every audience a key.
    fn of_the_table() -> Self {
        let school = Self::new();
        for role in Role::ALL {
            let (now, second) = (Timestamp::now(), [second_address(role)]);
            school.review.desk().change_addresses(now, &Actor::Program, role.title(), &second, &[]).unwrap();
        }
        school.shelf.book.key_desk(&Role::ALL.into_iter().flat_map(|role| [address(role), second_address(role)]).collect()).unwrap();
        for audience in [Audience::Head, Audience::Chair] {
            let member = Member { name: "Ann Example".to_owned(), recipient: MemberIdentity::generate().recipient() };
            school.shelf.vault.ring().create(audience, &[member]).unwrap();
        }
        school
    }

    /// A held case with all that is sealed of it, out of its mailbox. To the last one everybody is a party.
    fn held(&self, number: u8, category: Category, audience: Audience, everybody: Option<(Party, &str)>) -> Codename {
        let (book, mut concern) = (&self.shelf.book, concern(Level::Now, Action::Hold));
        concern.category = category;
        let key = |role: Role, before: &str| book.key_address(&format!("{before}{role}@school.example").parse().unwrap());
        let mailboxes = matches!(everybody, Some((Party::Mailbox, _)));
        let parties = everybody.filter(|_| !mailboxes).map(|(party, before)| Role::ALL.map(|role| (key(role, before), party)));
        let parties = parties.as_ref().map_or(&[][..], |parties| &parties[..]);
        let record = |mailbox: &str| {
            let [sheet, text, message] = [(); 3].map(|()| self.shelf.sealed());
            let (sheet, text, message_object) = (Some(&sheet), Some(&text), Some(&message));
            let (place, found_at, plain) = (place(mailbox, number.into()), Timestamp::now(), self.shelf.plain(number, &concern));
            book.record(&New { place: &place, parties, found_at, audiences: &[audience], sheet, text, message_object, ..plain }).unwrap()
        };
        let recorded = record("ann");
        book.settle(Timestamp::now(), &Actor::Program, recorded.place, PlaceState::Removed).unwrap();
        if mailboxes {
            assert!(Role::ALL.into_iter().all(|role| record(role.as_str()).folded));
        }
        recorded.codename
    }

    fn invitation(&self) -> String {
        let new =
            NewAccount { name: "the newcomer".to_owned(), role: Role::Pastoral, addresses: vec!["new@school.example".parse().unwrap()] };
        self.review.desk().invite(Timestamp::now(), &Actor::Program, &new).unwrap().expose().to_owned()
    }

    async fn tries(&self, row: &Row, codename: &str, link: &str, who: Option<&Person>) -> Whole {
        let codename = codename.parse().unwrap();
        let (page, form) = (path(&row.path.replace("{link}", link), &codename), row.form.replace("{codename}", codename.as_str()));
        let told = match row.method {
            Method::GET => self.get(&page, who).await,
            _ => self.post(&page, who, &form).await,
        };
        whole(&told, codename.as_str())
    }
}

#[test]
fn the_table_has_every_route_and_no_other() {
    let of_the_table: BTreeSet<_> = table().iter().map(Row::page).collect();
    let of_the_desk: BTreeSet<_> = ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    assert_eq!(of_the_table, of_the_desk);
}

#[tokio::test]
async fn every_route_is_for_its_roles_and_no_case_is_for_its_parties() {
    let (school, table) = (School::of_the_table(), table());
    let link = school.invitation();
    let mut cases = Vec::new();
    for (category, audience, whose) in CASES {
        let mut add = |everybody: Option<(Party, &str)>, hidden_from: &str| {
            let codename = school.held(u8::try_from(cases.len() + 1).unwrap(), category, audience, everybody);
            cases.push((codename, whose.replace(|letter| hidden_from.contains(letter), ""), format!("{category}, {everybody:?}")));
        };
        add(None, "");
        for (party, before, hidden_from) in PARTIES {
            add(Some((party, before)), hidden_from);
        }
    }
    let mut tried = 0;
    for (letter, role) in ROLES {
        let nowhere = whole(&school.get("/nowhere", Some(&school.person(role))).await, NO_CASE);
        for row in &table {
            let answered = row.who.contains(letter);
            if !answered && table.iter().any(|other| other.page() == row.page() && other.who.contains(letter)) {
                continue;
            }
            let person = school.person(role);
            if !row.is_about_a_case() {
                let told = school.tries(row, NO_CASE, &link, Some(&person)).await;
                assert_eq!(told.0, if answered { row.status } else { 404 }, "{} as {role}", row.page());
                assert!(answered || told == nowhere, "{} as {role}: {told:?}", row.page());
                tried += 1;
                continue;
            }
            assert_eq!(school.tries(row, NO_CASE, &link, Some(&person)).await, nowhere, "{} as {role}", row.page());
            for (codename, whose, what) in &cases {
                let told = school.tries(row, codename.as_str(), &link, Some(&person)).await;
                let what = format!("{} as {role}: {what}", row.page());
                if answered && whose.contains(letter) {
                    assert_eq!(told.0, row.status, "{what}: {}", told.2);
                } else {
                    assert_eq!(told, nowhere, "{what}");
                }
                tried += 1;
            }
        }
    }
    let (of_a_case, others) = (table.iter().filter(|row| row.is_about_a_case()).count(), ROUTES.len());
    assert_eq!(tried, 7 * (of_a_case * cases.len() + others - of_a_case));
    for (codename, whose, what) in &cases {
        let case = school.shelf.book.case(codename).unwrap().unwrap().row.id;
        let by: BTreeSet<_> = school.review.desk().history(case).unwrap().into_iter().map(|deed| deed.by).collect();
        let may = ROLES.into_iter().filter(|(letter, _)| *letter != 'O' && whose.contains(*letter));
        assert_eq!(by, may.map(|(_, role)| role.title().to_owned()).collect(), "{what}");
    }
}

#[tokio::test]
async fn whoever_is_not_signed_in_or_is_so_no_more_is_shown_nothing_but_the_way_in() {
    let (school, table) = (School::of_the_table(), table());
    let link = school.invitation();
    let codename = school.held(1, Category::Bullying, Audience::Dsl, None);
    let [out, ended, closed, invited] = [Role::Head, Role::Dsl, Role::Deputy, Role::Pastoral].map(|role| school.person(role));
    school.post("/sign-out", Some(&out), "").await;
    let now = Timestamp::now();
    let desk = || school.review.desk();
    desk().close(now, &Actor::Program, Role::Deputy.title()).unwrap();
    desk().invite_again(now, &Actor::Program, Role::Pastoral.title()).unwrap();
    let dsl = desk().accounts().unwrap().into_iter().find(|account| account.role == Role::Dsl).unwrap().id;
    school.review.sessions.end_all(dsl);
    let of_token = |token: String| Person { cookie: format!("__Host-mw={token}"), form: ended.form.clone() };
    let idle = || of_token(school.review.sessions.begin(now - jiff::SignedDuration::from_mins(16), dsl).unwrap());
    let guessed = of_token("a".repeat(64));
    for row in &table {
        let told = school.tries(row, codename.as_str(), &link, None).await;
        if row.is_about_a_case() {
            assert_eq!(told, school.tries(row, NO_CASE, &link, None).await, "{}: a case is there, or not", row.page());
        }
        if table.iter().any(|other| other.page() == row.page() && other.who.contains(NOBODY)) {
            assert!(!row.who.contains(NOBODY) || told.0 == row.status, "{}: {told:?}", row.page());
            continue;
        }
        let to = told.1.iter().find(|(name, _)| name == LOCATION.as_str()).map(|(_, to)| to.as_str());
        let way_in = if row.page() == "GET /case/{codename}" { "/sign-in?case=CODENAME" } else { "/sign-in" };
        assert_eq!((told.0, to, &*told.2), (303, Some(way_in), ""), "{}", row.page());
        for (who, how) in [
            (&out, "signed out"),
            (&ended, "ended"),
            (&closed, "closed"),
            (&invited, "invited anew"),
            (&idle(), "idle"),
            (&guessed, "guessed"),
        ] {
            assert_eq!(school.tries(row, codename.as_str(), &link, Some(who)).await, told, "{}: {how}", row.page());
        }
    }
    assert_eq!(school.review.desk().history(CaseId(1)).unwrap(), [], "nobody did anything");
    assert_eq!(school.get("/nowhere", None).await.headers[LOCATION], "/sign-in");
}

/// As somebody with time would find out: by looking at every page before and after.
#[tokio::test]
async fn what_is_hidden_from_somebody_changes_no_octet_of_any_page_of_hers() {
    let school = School::of_the_table();
    let hers: Vec<_> = (1..).zip(CASES).map(|(number, (category, audience, _))| school.held(number, category, audience, None)).collect();
    let people = ROLES.map(|(_, role)| (role, school.person(role)));
    // The journal has a line for each of these looks, and tests of its own.
    let others = ["/case/{codename}", "/invitation/{link}", "/journal"];
    let lists = ROUTES.iter().filter(|route| route.method == Method::GET && !others.contains(&route.path));
    let mut pages: Vec<_> = lists.map(|route| path(route.path, &hers[0])).collect();
    let views = ["new", "overdue", "today", "mine", "unassigned", "snoozed", "asked", "closed"];
    pages.extend(views.map(|view| format!("/queue?view={view}")));
    let cases: Vec<_> = hers.iter().map(|codename| format!("/case/{codename}")).collect();
    let look = async |pages: &[String]| {
        let mut seen = BTreeMap::new();
        for (role, person) in &people {
            for page in pages {
                let told = school.get(page, Some(person)).await;
                seen.insert((*role, page.clone()), (told.status, told.headers, told.text));
            }
        }
        seen
    };
    let case_pages = look(&cases).await;
    let before = look(&pages).await;
    let deputy = school.review.desk().accounts().unwrap().into_iter().find(|account| account.role == Role::Deputy).unwrap();
    for (number, (category, audience, _)) in (11..).zip(CASES) {
        let codename = school.held(number, category, audience, Some((Party::Sender, "")));
        let case = school.shelf.book.case(&codename).unwrap().unwrap().row.id;
        let done = |deed| crate::desk::Done { case, codename: &codename, deed, words: "", to: None, until: None, keys: &[] };
        school.review.desk().done(Timestamp::now(), &deputy, &done(Deed::Acknowledge)).unwrap();
        school.review.desk().note(Timestamp::now(), &deputy.actor(), &Event::FactsViewed { case, codename: codename.clone() }).unwrap();
    }
    for (page, told) in look(&pages).await {
        assert_eq!(told, before[&page], "{page:?}");
    }
    for (page, told) in look(&cases).await {
        assert_eq!(told, case_pages[&page], "{page:?}");
    }
    let visible = before.values().chain(case_pages.values()).filter(|(status, ..)| *status == StatusCode::OK).count();
    assert!(visible > 70, "{visible}");
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
    let deeds = rusqlite::Connection::open(school.shelf.folder.path().join("desk/desk.db")).unwrap();
    for codename in [&about_her, &above_her] {
        unreadable("finding", "rule", codename);
        let case: i64 = tables.query_row("SELECT id FROM cases WHERE codename = ?", [codename.as_str()], |row| row.get(0)).unwrap();
        deeds.execute("INSERT INTO standing (of_case, status) VALUES (?, 'x')", [case]).unwrap();
    }
    for page in ["/queue", "/trends"] {
        let told = school.get(page, Some(&dsl)).await;
        assert_eq!(told.status, StatusCode::OK, "{page}");
    }
    tables.execute("UPDATE cases SET category = 'x' WHERE codename = ?", [elsewhere.as_str()]).unwrap();
    let told = school.get(&format!("/case/{one}"), Some(&dsl)).await;
    assert!(told.status == StatusCode::OK && told.text.contains(other.as_str()), "{}", told.text);
}
