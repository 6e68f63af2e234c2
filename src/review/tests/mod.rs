//! The desk as a stranger, a colleague and the person concerned would try it: every route, every role, party or not.

mod authorisation;
mod coming;
mod context;
mod deeds;
mod destroying;
mod evidence;
mod forms;
mod health;
mod injection;
mod keys;
mod lists;
mod looked_at;
mod passkeys;
mod sealing;
mod trends;
mod undoing;
mod watching;

use std::fs;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, ORIGIN, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::Timestamp;
use tower::ServiceExt;

use super::routes::{ROUTES, Who};
use super::session::Found;
use super::{Review, serve, serve::router, totp};
use crate::case::Codename;
use crate::casebook::desk::{Desk as Shelf, concern, place};
use crate::casebook::{New, Party};
use crate::config::Config;
use crate::desk::{Credentials, Deed, NewAccount, Role, Status};
use crate::finding::{Action, Audience, Category, Level, Reach, RuleFacts, RuleVersion};
use crate::journal::{Actor, Event};
use crate::mail::Address;

const CONFIG: &str = r#"
    [school]
    name = "Willowbrook School"
    domains = ["school.example"]
    [state]
    directory = "."
    [[server]]
    host = "imap.school.example"
    [[mailbox]]
    address = "ann@school.example"
    role = "pupil"
    credential = "ann"
    [notice]
    from = "mailwarden@school.example"
    smtp_host = "smtp.school.example"
    [review]
    host = "desk.school.example"
    directory = "desk"
    [[contact]]
    recipient = "dsl"
    name = "Robin Finch"
    address = "dsl@school.example"
    [[contact]]
    recipient = "technician"
    name = "Jay Martin"
    address = "it@school.example"
"#;
/// What a rule that comes with mailwarden says of itself.
const SENTENCE: &str = "Pupils plan to leave somebody out";
const ORIGIN_OF_THE_DESK: &str = "https://desk.school.example:8443";

/// A school with a person of every role, and cases for some of them.
struct School {
    shelf: Shelf,
    review: Arc<Review>,
}

/// Somebody who has signed in.
struct Person {
    cookie: String,
    form: String,
}

struct Told {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

fn address(role: Role) -> Address {
    format!("{role}@school.example").parse().unwrap()
}

impl School {
    /// The rule of every case says this of itself, in a version.
    fn rule_says(&self, version: [u8; 8], title: &str) {
        let (id, version, title) = ("bullying.test".parse().unwrap(), RuleVersion(version), title.to_owned());
        let facts = RuleFacts { id, version, title, category: Category::Bullying, level: None, reach: Reach::default() };
        self.shelf.book.rules_came(Timestamp::now(), &[facts].into_iter().collect()).unwrap();
    }

    fn new() -> Self {
        let shelf = Shelf::new();
        let at = shelf.folder.path();
        fs::write(at.join("mailwarden.toml"), CONFIG).unwrap();
        fs::create_dir(at.join("desk")).unwrap();
        let config = Config::load_without_passwords(&at.join("mailwarden.toml")).unwrap();
        let settings = config.review.clone().unwrap();
        let review = Review::new(config, settings).unwrap();
        for role in Role::ALL {
            let new = NewAccount { name: role.title().to_owned(), role, addresses: vec![address(role)] };
            let now = Timestamp::now();
            let link = review.desk().invite(now, &Actor::Program, &new).unwrap();
            let totp = review.desk().invited(now, link.expose()).unwrap().unwrap().totp;
            assert!(review.desk().accept(now, link.expose(), &Credentials { password: "never".to_owned(), totp, totp_step: 0 }).unwrap());
        }
        shelf.book.key_desk(&Role::ALL.map(address).into()).unwrap();
        Self { shelf, review: Arc::new(review) }
    }

    fn person(&self, role: Role) -> Person {
        let account = self.review.desk().accounts().unwrap().into_iter().find(|account| account.role == role).unwrap();
        let token = self.review.sessions.begin(Timestamp::now(), account.id).unwrap();
        let Found::Here(session) = self.review.sessions.find(Timestamp::now(), &token) else { panic!("a session has just begun") };
        Person { cookie: format!("__Host-mw={token}"), form: session.form_token }
    }

    /// A case of this category, about a message that `sender` wrote to `recipient`.
    fn case(&self, number: u8, category: Category, audiences: &[Audience], action: Action, parties: &[(Address, Party)]) -> Codename {
        let parties: Vec<_> = parties.iter().map(|(address, part)| (self.shelf.book.key_address(address), *part)).collect();
        let mut concern = concern(Level::Now, action);
        concern.category = category;
        let (place, receipt) = (place("ann", number.into()), self.shelf.sealed());
        let object = (action >= Action::Hold).then_some(&receipt);
        let plain = self.shelf.plain(number, &concern);
        self.shelf.book.record(&New { place: &place, parties: &parties, audiences, message_object: object, ..plain }).unwrap().codename
    }

    async fn ask(&self, request: Request<Body>) -> Told {
        let response = router(Arc::clone(&self.review)).oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let text = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
        forbids_what_no_page_needs(&head.headers);
        Told { status: head.status, headers: head.headers, text }
    }

    async fn get(&self, path: &str, who: Option<&Person>) -> Told {
        self.ask(asked(Method::GET, path, who, String::new())).await
    }

    async fn post(&self, path: &str, who: Option<&Person>, fields: &str) -> Told {
        let token = who.map(|person| format!("form={}&", person.form)).unwrap_or_default();
        self.ask(asked(Method::POST, path, who, format!("{token}{fields}"))).await
    }

    /// The digits that her app shows now, as if she had shown none before.
    fn code(&self, role: Role) -> String {
        let tables = rusqlite::Connection::open(self.shelf.folder.path().join("desk/desk.db")).unwrap();
        tables.execute("UPDATE account SET totp_step = 0 WHERE name = ?", [role.title()]).unwrap();
        let (_, credentials) = self.review.desk().credentials(role.title()).unwrap().unwrap();
        totp::code(&credentials.totp, Timestamp::now().as_second().try_into().unwrap())
    }

    fn events(&self) -> Vec<Event> {
        self.review.tell_refused(Timestamp::now());
        self.review.desk().journal_end(1_000).unwrap().into_iter().map(|entry| entry.event).collect()
    }
}

/// Of every answer, whatever it was asked and whatever came of it: nothing of another site, nothing written into the page.
fn forbids_what_no_page_needs(headers: &HeaderMap) {
    let policy = headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none';") && policy.contains("require-trusted-types-for 'script'"), "{policy}");
    let sources = policy.split("; ").flat_map(|line| line.split(' ').skip(1));
    assert!(sources.clone().all(|source| ["'none'", "'self'", "'script'"].contains(&source)), "{policy}");
    for (name, value) in [
        ("referrer-policy", "same-origin"),
        ("x-content-type-options", "nosniff"),
        ("x-frame-options", "DENY"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("cross-origin-resource-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(headers[name], value);
    }
}

fn asked(method: Method, path: &str, who: Option<&Person>, form: String) -> Request<Body> {
    let mut request =
        Request::builder().method(method).uri(path).header(HOST, "desk.school.example:8443").header(ORIGIN, ORIGIN_OF_THE_DESK);
    if let Some(person) = who {
        request = request.header(COOKIE, &person.cookie);
    }
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.into()).unwrap()
}

fn path(of: &str, codename: &Codename) -> String {
    of.replace("{codename}", codename.as_str())
        .replace("{name}", "desk.css")
        .replace("{link}", "ab")
        .replace("{rule}/{version}", "bullying.test/0303030303030303")
}

/// Everything that a request of no effect needs.
const FIELDS: &str = "deed=note&words=nothing+of+the+kind";
