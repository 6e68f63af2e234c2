//! What may be sent to the desk, and what its answers forbid.

use super::*;

#[tokio::test]
async fn a_form_of_another_site_changes_nothing() {
    let school = School::new();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let (dsl, other) = (school.person(Role::Dsl), school.person(Role::Deputy));
    let page = format!("/case/{codename}");
    let with = |form: &str, change: &dyn Fn(&mut HeaderMap)| {
        let mut request = asked(Method::POST, &page, Some(&dsl), format!("form={form}&deed=concern"));
        change(request.headers_mut());
        request
    };
    let foreign = |headers: &mut HeaderMap| drop(headers.insert(ORIGIN, "https://evil.example".parse().unwrap()));
    let none = |headers: &mut HeaderMap| drop(headers.remove(ORIGIN));
    let cross = |headers: &mut HeaderMap| drop(headers.insert("sec-fetch-site", "cross-site".parse().unwrap()));
    let subdomain = |headers: &mut HeaderMap| drop(headers.insert(ORIGIN, "https://desk.school.example.evil.example".parse().unwrap()));
    let unchanged = |_: &mut HeaderMap| {};
    for (what, request) in [
        ("foreign origin", with(&dsl.form, &foreign)),
        ("no origin", with(&dsl.form, &none)),
        ("cross-site", with(&dsl.form, &cross)),
        ("an origin that begins alike", with(&dsl.form, &subdomain)),
        ("no token", with("", &unchanged)),
        ("another's token", with(&other.form, &unchanged)),
    ] {
        assert_eq!(school.ask(request).await.status, StatusCode::BAD_REQUEST, "{what}");
    }
    assert_eq!(school.review.desk().history(crate::case::CaseId(1)).unwrap(), []);
    assert_eq!(refused(&school, Role::Dsl.title()), [("/case/{codename}".to_owned(), "not from a page of the desk".to_owned(), 6)].into());
    assert_eq!(school.ask(with(&dsl.form, &unchanged)).await.status, StatusCode::SEE_OTHER, "and her own form does");
    assert_eq!(school.review.desk().stand(crate::case::CaseId(1)).unwrap().status, Status::InHand);
}

#[tokio::test]
async fn no_page_takes_a_form_of_another_site_or_one_without_its_token() {
    let school = School::new();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let before = school.review.desk().journal_end(1).unwrap();
    let mut tried = 0;
    for route in ROUTES.iter().filter(|route| route.method == Method::POST) {
        let person = match route.who {
            Who::Anyone => None,
            Who::Roles(roles) => Some(school.person(roles[0])),
        };
        let page = path(route.path, &codename);
        let with = |token: &str, origin: &str| {
            let mut request = asked(Method::POST, &page, person.as_ref(), format!("{token}{FIELDS}"));
            request.headers_mut().insert(ORIGIN, origin.parse().unwrap());
            request
        };
        let token = person.as_ref().map(|person| format!("form={}&", person.form)).unwrap_or_default();
        let mut requests = vec![with(&token, "https://evil.example"), with(&token, "null")];
        if person.is_some() {
            requests.extend([with("", ORIGIN_OF_THE_DESK), with("form=0&", ORIGIN_OF_THE_DESK)]);
        }
        for request in requests {
            let told = school.ask(request).await;
            assert!(told.status == StatusCode::BAD_REQUEST && told.text.contains("was not sent by a page of this desk"), "{page}");
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
    let since = school.review.desk().journal_end(1_000).unwrap().into_iter().skip_while(|line| Some(line) != before.first()).skip(1);
    assert!(since.clone().all(|line| matches!(line.event, Event::RequestRefused { .. })), "{:?}", since.collect::<Vec<_>>());
}

/// What was refused to somebody where, and how often: every line of it, now and in two minutes.
fn refused(school: &School, who: &str) -> std::collections::BTreeSet<(String, String, u32)> {
    school.review.tell_refused(Timestamp::now() + jiff::SignedDuration::from_mins(2));
    let lines = school.review.desk().journal_end(1_000).unwrap().into_iter().filter(|line| line.who.name() == who);
    let mut sums = std::collections::BTreeMap::new();
    for line in lines {
        if let Event::RequestRefused { page, why, times } = line.event {
            *sums.entry((page, why)).or_insert(0) += times;
        }
    }
    sums.into_iter().map(|((page, why), times)| (page, why, times)).collect()
}

#[tokio::test]
async fn what_somebody_sends_that_is_not_taken_is_in_the_journal_and_a_flood_of_it_is_few_lines() {
    let school = School::new();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let dsl = school.person(Role::Dsl);
    assert_eq!(school.post(&format!("/case/{codename}"), Some(&dsl), "deed=CANARY").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(school.post("/keys/confirm", Some(&dsl), "account=CANARY").await.status, StatusCode::BAD_REQUEST);
    let count = |status: StatusCode, of: &mut u32| *of += u32::from(status == StatusCode::TOO_MANY_REQUESTS);
    let mut slowed = 0;
    // Should the minute turn over meanwhile, the count begins anew.
    for _ in 0..700 {
        count(school.get("/", Some(&dsl)).await.status, &mut slowed);
    }
    assert!(slowed > 0, "nobody is slowed down");
    let told = refused(&school, Role::Dsl.title());
    assert!(told.contains(&("/".to_owned(), "too-often".to_owned(), slowed)), "{slowed}: {told:?}");
    for page in ["/case/{codename}", "/keys/confirm"] {
        assert!(told.contains(&(page.to_owned(), "malformed".to_owned(), 1)), "{told:?}");
    }
    let lines = school.review.desk().journal_end(1_000).unwrap();
    let refusals = lines.iter().filter(|line| matches!(line.event, Event::RequestRefused { .. })).count();
    assert!(refusals <= 6 && !format!("{lines:?}").contains("CANARY"), "{refusals}");
}

#[tokio::test]
async fn the_desk_answers_by_its_own_name_alone() {
    let school = School::new();
    for (host, status) in [
        ("desk.school.example", StatusCode::OK),
        ("DESK.school.example:8443", StatusCode::OK),
        ("evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("desk.school.example.evil.example", StatusCode::MISDIRECTED_REQUEST),
        ("desk.school.example:evil", StatusCode::MISDIRECTED_REQUEST),
    ] {
        let mut request = asked(Method::GET, "/sign-in", None, String::new());
        request.headers_mut().insert(HOST, host.parse().unwrap());
        assert_eq!(school.ask(request).await.status, status, "{host}");
    }
}

#[tokio::test]
async fn no_address_leads_out_of_the_desk_and_none_becomes_a_header() {
    let school = School::new();
    fs::write(school.shelf.folder.path().join("desk/own-key.pem"), "CANARY").unwrap();
    let dsl = school.person(Role::Dsl);
    for page in [
        "/assets/../desk/own-key.pem",
        "/assets/..%2fdesk%2fown-key.pem",
        "/assets/%2e%2e%2fown-key.pem",
        "/assets/desk.css%00",
        "/case/..%2f..%2fmailwarden.toml",
        "/case/%0d%0aX-Injected:%20yes",
        "/case/%ff%fe",
        "//evil.example/",
    ] {
        let told = school.get(page, Some(&dsl)).await;
        assert!(told.status == StatusCode::NOT_FOUND || told.status == StatusCode::BAD_REQUEST, "{page}: {}", told.status);
        assert!(!told.text.contains("CANARY") && !told.headers.contains_key("x-injected"), "{page}");
    }
    for case in ["amber-heron-7%0d%0aSet-Cookie:+x=y", "%2f%2fevil.example", "https:%2f%2fevil.example"] {
        let told = school.get(&format!("/sign-in?case={case}"), None).await;
        assert!(told.status == StatusCode::OK && !told.headers.contains_key(SET_COOKIE), "{case}");
    }
}

#[tokio::test]
async fn every_answer_forbids_what_no_page_needs_and_no_page_needs_it() {
    let school = School::new();
    let codename = school.case(1, Category::KnownImage, &[Audience::Dsl, Audience::Head], Action::Withhold, &[]);
    let (head, case) = (school.person(Role::Head), format!("/case/{codename}"));
    for (page, who) in [
        ("/sign-in", None),
        ("/assets/desk.css", None),
        ("/queue", Some(&head)),
        (case.as_str(), Some(&head)),
        ("/journal", Some(&head)),
        ("/health", Some(&head)),
        ("/no", Some(&head)),
    ] {
        let told = school.get(page, who).await;
        for inline in ["<style", " style=", "<script>", " onclick", " onload", "javascript:", "http://", "//cdn"] {
            let found = told.text.replace("http://www.w3.org/2000/svg", "");
            assert!(!found.contains(inline), "{page} holds `{inline}`");
        }
    }
    let advice = school.get(&case, Some(&head)).await.text;
    assert!(
        advice.contains("Do not look, copy or forward") && !advice.contains("Open the message"),
        "withheld: facts and the advice alone"
    );
}

#[tokio::test]
async fn what_people_write_is_text_wherever_it_is_shown() {
    let school = School::new();
    let codename = school.case(1, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    let (dsl, page) = (school.person(Role::Dsl), format!("/case/{codename}"));
    let hostile = "%3Cscript%3Ealert(1)%3C%2Fscript%3E%3Cimg+src%3Dx+onerror%3Dy%3E%E2%80%AE%E2%80%8B%1B%5B2J";
    assert_eq!(school.post(&page, Some(&dsl), &format!("deed=note&words={hostile}")).await.status, StatusCode::SEE_OTHER);
    let told = school.get(&page, Some(&dsl)).await.text;
    assert!(!told.contains("<script>alert") && !told.contains("<img src=x"), "{told}");
    assert!(told.contains("alert(1)") && told.contains("\\u{202e}\\u{200b}\\u{1b}[2J"), "marks that draw or hide are shown: {told}");
    assert!(!told.contains('\u{202e}') && !told.contains('\u{1b}'));
    let search = school.get(&format!("/queue?search={hostile}"), Some(&dsl)).await.text;
    assert!(!search.contains("<script>alert") && search.contains("&#60;script&#62;alert"), "{search}");
}

/// A form that never comes.
struct Never;

impl axum::body::HttpBody for Never {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        std::task::Poll::Pending
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_before_any_page_is_asked_is_in_the_journal_too() {
    let school = School::new();
    let dsl = school.person(Role::Dsl);
    for who in [Some(&dsl), None] {
        let told = school.post("/keys/confirm", who, &"CANARY".repeat(20_000)).await;
        assert_eq!(told.status, StatusCode::PAYLOAD_TOO_LARGE);
        assert_eq!(school.get("/case/CANARY%ff", who).await.status, StatusCode::BAD_REQUEST);
        let (head, _) = asked(Method::POST, "/sign-in", who, String::new()).into_parts();
        assert_eq!(school.ask(Request::from_parts(head, Body::new(Never))).await.status, StatusCode::BAD_REQUEST);
    }
    for (method, page) in [(Method::GET, "/CANARY"), (Method::DELETE, "/queue")] {
        assert_eq!(school.ask(asked(method.clone(), page, None, String::new())).await.status, StatusCode::SEE_OTHER);
        assert_eq!(school.ask(asked(method, page, Some(&dsl), String::new())).await.status, StatusCode::NOT_FOUND);
    }
    let each = [("/case/{codename}", "not UTF-8", 1), ("/keys/confirm", "too long", 1), ("/sign-in", "too slow", 1)];
    let told = |more: &[(&str, &str, u32)]| {
        each.iter().chain(more).map(|(page, why, times)| ((*page).to_owned(), (*why).to_owned(), *times)).collect()
    };
    assert_eq!(refused(&school, Role::Dsl.title()), told(&[]));
    assert_eq!(refused(&school, "mailwarden"), told(&[("/{*path}", "no such page", 2)]));
    let nowhere = |event: &Event| matches!(event, Event::NotFound { page } if page == "/{*path}");
    assert_eq!(school.events().iter().filter(|event| nowhere(event)).count(), 2, "of whoever is signed in, each is a line");
    assert!(!format!("{:?}", school.events()).contains("CANARY"));
}

#[tokio::test]
async fn a_form_that_is_too_long_is_refused_unread() {
    let school = School::new();
    let dsl = school.person(Role::Dsl);
    let told = school.post("/case/amber-heron-7", Some(&dsl), &format!("deed=note&words={}", "x".repeat(70_000))).await;
    assert!(told.status == StatusCode::PAYLOAD_TOO_LARGE && told.text.contains("shorten it"), "{} {}", told.status, told.text);
}

/// So many octets that nobody may ask for.
struct Unread(u64);

impl axum::body::HttpBody for Unread {
    type Data = axum::body::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Result<hyper::body::Frame<Self::Data>, Self::Error>>> {
        panic!("it is read")
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        hyper::body::SizeHint::with_exact(self.0)
    }
}

#[tokio::test]
async fn a_long_form_about_every_copy_of_a_case_is_read_of_people_who_are_signed_in_alone_and_never_a_longer_one() {
    let school = School::new();
    let (dsl, page) = (school.person(Role::Dsl), "/case/amber-heron-7/evidence");
    for (who, octets, status) in [
        (None, 100_000, StatusCode::SEE_OTHER),
        (None, 2 << 20, StatusCode::PAYLOAD_TOO_LARGE),
        (Some(&dsl), 2 << 20, StatusCode::PAYLOAD_TOO_LARGE),
    ] {
        let (head, _) = asked(Method::POST, page, who, String::new()).into_parts();
        let told = school.ask(Request::from_parts(head, Body::new(Unread(octets)))).await;
        assert_eq!(told.status, status, "{octets}");
        assert!(status == StatusCode::SEE_OTHER || told.text.contains("`mailwarden evidence`"), "{}", told.text);
    }
}
