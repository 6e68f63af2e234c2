//! Who gets in, and who does not.

use super::*;
use crate::review::attempts::Caller;

#[tokio::test]
async fn an_invitation_a_password_and_a_code_let_her_in_and_nothing_less_does() {
    let school = School::new();
    let new = NewAccount { name: "Robin Finch".to_owned(), role: Role::Dsl, addresses: vec!["robin@school.example".parse().unwrap()] };
    let link = school.review.desk().invite(Timestamp::now(), &Actor::Program, &new).unwrap();
    let invitation = format!("/invitation/{}", link.expose());
    let page = school.post(&format!("{invitation}/open"), None, "").await.text;
    let secret = secret_of(&school, link.expose());
    let code = |ahead: i64| totp::code(&secret, (Timestamp::now().as_second() + ahead).try_into().unwrap());
    assert!(page.contains("Robin Finch") && page.contains("<svg") && page.contains(&totp::grouped(&secret)));

    let accept = async |password: &str, again: &str, code: &str| {
        school.post(&invitation, None, &format!("password={password}&again={again}&code={code}")).await
    };
    assert!(accept("short", "short", &code(0)).await.text.contains("12 characters or more"));
    assert!(accept("correct+horse+battery", "correct+horse+batterz", &code(0)).await.text.contains("not the same"));
    let missed = accept("correct+horse+battery", "correct+horse+battery", "000000").await.text;
    assert!(missed.contains("not the one of now") && missed.contains("no need to scan it again"), "{missed}");
    assert!(!missed.contains("<svg") && !missed.contains(&totp::grouped(&secret)), "a secret is shown once: {missed}");
    assert_eq!(accept("correct+horse+battery", "correct+horse+battery", &code(0)).await.status, StatusCode::SEE_OTHER);
    assert_eq!(school.get(&invitation, None).await.status, StatusCode::NOT_FOUND, "it works once");

    let sign_in = async |name: &str, password: &str, code: &str| {
        school.post("/sign-in", None, &format!("name={name}&password={password}&code={code}&case=amber-heron-7")).await
    };
    let wrong = sign_in("Robin+Finch", "correct+horse+batterz", &code(0)).await;
    let without = sign_in("Robin+Finch", "correct+horse+battery", "000000").await;
    let nobody = sign_in("Robin+Finck", "correct+horse+battery", &code(0)).await;
    for told in [&wrong, &without, &nobody] {
        assert_eq!(told.text.replace("Finck", "Finch"), wrong.text, "the same words whatever was wrong");
        assert!(told.status == StatusCode::OK && !told.headers.contains_key(SET_COOKIE));
    }
    let fresh = code(0);
    let told = sign_in("robin+finch", "correct+horse+battery", &fresh).await;
    assert_eq!((told.status, told.headers[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/case/amber-heron-7"));
    let cookies: Vec<_> = told.headers.get_all(SET_COOKIE).iter().map(|cookie| cookie.to_str().unwrap().to_owned()).collect();
    assert!(
        cookies.iter().all(|cookie| cookie.starts_with("__Host-mw")
            && cookie.contains("; Path=/;")
            && cookie.ends_with("; Secure; HttpOnly; SameSite=Strict")),
        "{cookies:?}"
    );
    assert!(!sign_in("robin+finch", "correct+horse+battery", &fresh).await.headers.contains_key(SET_COOKIE), "a code counts once");

    let person = Person { cookie: cookies[0].split(';').next().unwrap().to_owned(), form: String::new() };
    let page = school.get("/keys", Some(&person)).await.text;
    let form = page.split("name=\"form\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let person = Person { form, ..person };
    assert_eq!(school.post("/sign-out", Some(&person), "").await.headers[LOCATION], "/sign-in");
    assert_eq!(school.get("/queue", Some(&person)).await.status, StatusCode::SEE_OTHER, "she is out");
    assert_eq!(refusals(&school).iter().map(|(_, times)| times).sum::<u32>(), 4);
    let journal = format!("{:?}", school.review.desk().journal_end(1_000).unwrap());
    assert!(!journal.contains("Finck") && !journal.contains("horse"), "what a stranger typed is written nowhere");
}

/// The secret that the page of an invitation has shown last.
fn secret_of(school: &School, link: &str) -> Vec<u8> {
    school.review.desk().invited(Timestamp::now(), link).unwrap().unwrap().totp
}

/// The secret that its button shows.
async fn opened(school: &School, link: &str) -> Vec<u8> {
    let told = school.post(&format!("/invitation/{link}/open"), None, "").await;
    let secret = secret_of(school, link);
    assert!(told.status == StatusCode::OK && told.text.contains(&totp::grouped(&secret)), "{}", told.text);
    secret
}

#[tokio::test]
async fn fetching_the_link_of_an_invitation_shows_no_secret_and_every_secret_that_is_shown_ends_the_one_before() {
    let school = School::new();
    let link = school.review.desk().invite_again(Timestamp::now(), &Actor::Program, Role::Dsl.title()).unwrap();
    let page = format!("/invitation/{}", link.expose());
    let at_first = secret_of(&school, link.expose());
    let openings = || school.events().iter().filter(|event| matches!(event, Event::InvitationOpened { .. })).count();
    let before = openings();
    let fetched = school.get(&page, None).await;
    assert!(fetched.text.contains("Welcome, safeguarding lead") && fetched.text.contains("action=\"/invitation/"), "{}", fetched.text);
    assert!(!fetched.text.contains("<svg") && !fetched.text.contains(&totp::grouped(&at_first)), "{}", fetched.text);
    let mut elsewhere = asked(Method::POST, &format!("{page}/open"), None, String::new());
    elsewhere.headers_mut().insert(ORIGIN, "https://elsewhere.example".parse().unwrap());
    assert_eq!(school.ask(elsewhere).await.status, StatusCode::BAD_REQUEST, "nor does the page of somebody else");
    assert!(secret_of(&school, link.expose()) == at_first && openings() == before);
    let theirs = opened(&school, link.expose()).await;
    let hers = opened(&school, link.expose()).await;
    assert!(theirs != at_first && hers != theirs);
    assert_eq!(openings(), before + 2, "each is in the journal");
    let accept = async |secret: &[u8]| {
        let code = totp::code(secret, Timestamp::now().as_second().try_into().unwrap());
        school.post(&page, None, &format!("password=correct+horse+battery&again=correct+horse+battery&code={code}")).await
    };
    assert!(accept(&theirs).await.text.contains("not the one of now"), "who was shown one earlier holds nothing");
    assert_eq!(accept(&hers).await.status, StatusCode::SEE_OTHER, "and a miss has not changed hers");
}

#[tokio::test]
async fn who_guesses_is_slowed_down_and_told_the_same() {
    let school = School::new();
    let tries = async |count: usize| {
        let mut told = None;
        for _ in 0..count {
            told = Some(school.post("/sign-in", None, "name=safeguarding+lead&password=guess&code=123456").await);
        }
        told.unwrap().text
    };
    let first = tries(1).await;
    assert_eq!(tries(5).await, first);
    let slowed = refusals(&school).into_iter().filter(|(why, _)| why == "too-often").collect::<Vec<_>>();
    assert_eq!(slowed, [("too-often".to_owned(), 1)], "the sixth is not even weighed");
}

/// Each line about somebody who was not let in: why, and how many it stands for.
fn refusals(school: &School) -> Vec<(String, u32)> {
    let events = school.events().into_iter();
    events.filter_map(|event| if let Event::SignInRefused { why, times } = event { Some((why, times)) } else { None }).collect()
}

#[tokio::test]
async fn a_flood_of_refusals_is_a_line_a_minute_that_says_how_many_there_were() {
    let school = School::new();
    let tidying = tokio::spawn(serve::tidy(Arc::clone(&school.review)));
    let told = async |lines: usize| {
        let written = async {
            while school.review.desk().journal_end(1_000).unwrap().iter().filter(|line| refusal(&line.event)).count() < lines {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(std::time::Duration::from_secs(20), written).await.expect("a line is missing");
    };
    // Whom the desk does not know, and who comes too often, is not even weighed.
    let here = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    let fill = || {
        (0..25).for_each(|_| {
            let _ = school.review.attempts.begin(Timestamp::now(), "nobody", &Caller::Stranger(here.into()));
        });
    };
    let flood = async |name: &str| {
        for _ in 0..200 {
            fill();
            school.post("/sign-in", None, &format!("name={name}&password=CANARY&code=")).await;
        }
    };
    flood("Safeguarding+Lead").await;
    flood("CANARY").await;
    told(2).await;
    tidying.abort();
    let in_two_minutes = Timestamp::now() + jiff::SignedDuration::from_mins(2);
    school.review.tell_refused(in_two_minutes);
    let mut sums = std::collections::BTreeMap::new();
    let lines = school.review.desk().journal_end(1_000).unwrap().into_iter().filter(|line| refusal(&line.event)).collect::<Vec<_>>();
    // Should the minute turn over meanwhile, there is one more of each.
    assert!(lines.len() <= 6, "{lines:?}");
    for line in &lines {
        let Event::SignInRefused { why, times } = &line.event else { continue };
        *sums.entry((line.who.name(), why.as_str())).or_insert(0) += times;
    }
    assert_eq!(sums, [(("mailwarden", "no such account"), 200), (("safeguarding lead", "too-often"), 200)].into());
    assert!(!format!("{lines:?}").contains("CANARY"), "what a stranger typed is written nowhere");
    school.review.desk().verify_journal().unwrap();
}

fn refusal(event: &Event) -> bool {
    matches!(event, Event::SignInRefused { .. })
}

#[tokio::test]
async fn a_closed_account_ends_with_its_next_step() {
    let school = School::new();
    let dsl = school.person(Role::Dsl);
    assert_eq!(school.get("/queue", Some(&dsl)).await.status, StatusCode::OK);
    school.review.desk().close(Timestamp::now(), &Actor::Program, Role::Dsl.title()).unwrap();
    assert_eq!(school.get("/queue", Some(&dsl)).await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn an_invitation_that_is_too_old_is_told_kindly_and_changes_nothing() {
    let school = School::new();
    let new = NewAccount { name: "Robin Finch".to_owned(), role: Role::Dsl, addresses: Vec::new() };
    let sent = Timestamp::now() - jiff::SignedDuration::from_hours(73);
    let link = school.review.desk().invite(sent, &Actor::Program, &new).unwrap();
    let page = format!("/invitation/{}", link.expose());
    for told in [
        school.get(&page, None).await,
        school.post(&format!("{page}/open"), None, "").await,
        school.post(&page, None, "password=correct+horse+battery&again=correct+horse+battery&code=123456").await,
    ] {
        assert!(
            told.status == StatusCode::NOT_FOUND && told.text.contains("ask the technician for a new one; nothing is lost"),
            "{}",
            told.text
        );
    }
    assert!(school.review.desk().credentials("Robin Finch").unwrap().is_none());
}

#[tokio::test]
async fn who_has_lost_her_phone_comes_in_with_a_new_invitation_and_her_key_is_still_hers() {
    let school = School::new();
    let account = |school: &School| school.review.desk().accounts().unwrap().into_iter().find(|account| account.role == Role::Dsl).unwrap();
    let before_it = account(&school);
    school.review.desk().keep_keys(Timestamp::now(), &before_it, "age1recipient", "wrapped").unwrap();
    let lost = school.post("/sign-in", None, "name=safeguarding+lead&password=correct+horse+battery&code=").await.text;
    assert!(lost.contains("ask the technician for a new invitation: nothing is lost by it"), "{lost}");
    let before = school.code(Role::Dsl);
    let link = school.review.desk().invite_again(Timestamp::now(), &Actor::Program, Role::Dsl.title()).unwrap();
    let secret = opened(&school, link.expose()).await;
    let code = totp::code(&secret, Timestamp::now().as_second().try_into().unwrap());
    let fields = format!("password=correct+horse+battery&again=correct+horse+battery&code={code}");
    assert_eq!(school.post(&format!("/invitation/{}", link.expose()), None, &fields).await.status, StatusCode::SEE_OTHER);
    let enter = async |code: &str| {
        let told = school.post("/sign-in", None, &format!("name=safeguarding+lead&password=correct+horse+battery&code={code}")).await;
        told.headers.contains_key(SET_COOKIE)
    };
    assert!(before == code || !enter(&before).await, "the phone that was lost shows nothing that counts");
    assert!(enter(&code).await);
    assert_eq!(account(&school).keys.unwrap().wrapped, "wrapped");
}

#[tokio::test]
async fn a_new_invitation_ends_the_sessions_that_are_open_for_good() {
    let school = School::new();
    let (before, colleague) = (school.person(Role::Dsl), school.person(Role::Deputy));
    let link = school.review.desk().invite_again(Timestamp::now(), &Actor::Program, Role::Dsl.title()).unwrap();
    assert_eq!(school.get("/queue", Some(&before)).await.headers[LOCATION], "/sign-in", "at once");
    let secret = opened(&school, link.expose()).await;
    let code = totp::code(&secret, Timestamp::now().as_second().try_into().unwrap());
    let fields = format!("password=correct+horse+battery&again=correct+horse+battery&code={code}");
    assert_eq!(school.post(&format!("/invitation/{}", link.expose()), None, &fields).await.status, StatusCode::SEE_OTHER);
    let told = school.get("/queue", Some(&before)).await;
    assert_eq!((told.status, told.text.as_str()), (StatusCode::SEE_OTHER, ""), "nor when the account is in use again");
    assert_eq!(school.get("/queue", Some(&school.person(Role::Dsl))).await.status, StatusCode::OK);
    assert_eq!(school.get("/queue", Some(&colleague)).await.status, StatusCode::OK, "nobody else's ends");
}

#[tokio::test]
async fn a_flood_of_guesses_from_her_own_network_keeps_strangers_out_and_not_her() {
    let school = School::new();
    let link = school.review.desk().invite_again(Timestamp::now(), &Actor::Program, Role::Dsl.title()).unwrap();
    let secret = opened(&school, link.expose()).await;
    let code = || totp::code(&secret, Timestamp::now().as_second().try_into().unwrap());
    let fields = format!("password=correct+horse+battery&again=correct+horse+battery&code={}", code());
    let accepted = school.post(&format!("/invitation/{}", link.expose()), None, &fields).await;
    let cookie = accepted.headers[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let here = std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);
    for number in 0..25 {
        school.review.attempts.begin(Timestamp::now(), &format!("nobody {number}"), &Caller::Stranger(here.into()));
    }
    let sign_in = format!("name=safeguarding+lead&password=correct+horse+battery&code={}", code());
    assert!(!school.post("/sign-in", None, &sign_in).await.headers.contains_key(SET_COOKIE), "a stranger from there waits");
    let forged = Person { cookie: cookie.replace("-device-", "-device-1"), form: String::new() };
    assert!(!school.post("/sign-in", Some(&forged), &sign_in).await.headers.contains_key(SET_COOKIE), "the proof is of one account");
    let known = Person { cookie, form: String::new() };
    let told = school.post("/sign-in", Some(&known), &sign_in).await;
    assert!(told.headers.contains_key(SET_COOKIE), "the browser that took her invitation does not: {}", told.text);
    let asked = asked(Method::GET, "/sign-in", Some(&known), String::new());
    let (account, credentials) = school.review.desk().credentials(Role::Dsl.title()).unwrap().unwrap();
    let device = |days: i64, totp: &[u8]| {
        let then = Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        school.review.device(then, account.id, totp, asked.headers())
    };
    assert!(device(0, &credentials.totp).is_some() && device(179, &credentials.totp).is_some());
    assert_eq!(device(180, &credentials.totp), None, "it ages");
    assert_eq!(device(0, &[0; 20]), None, "and ends with the next invitation");
}

#[tokio::test]
async fn a_session_that_asks_more_than_a_person_can_is_told_to_wait() {
    let school = School::new();
    let technician = school.person(Role::Technician);
    let mut last = None;
    // Should the minute turn over meanwhile, the count begins anew.
    for _ in 0..700 {
        let told = school.get("/nowhere", Some(&technician)).await;
        if told.status == StatusCode::TOO_MANY_REQUESTS {
            last = Some(told);
            break;
        }
    }
    let told = last.expect("nobody is slowed down");
    assert!(told.text.contains("Nothing was lost; please try again in a minute"), "{}", told.text);
    assert_eq!(school.get("/assets/desk.css", Some(&technician)).await.status, StatusCode::OK, "and the page that says so is not bare");
}

#[tokio::test]
async fn whoever_guesses_at_the_second_factor_of_an_open_session_waits_and_her_other_session_does_not() {
    let school = School::new();
    let (taken_over, hers) = (school.person(Role::Dsl), school.person(Role::Dsl));
    let shows = async |who: &Person, code: &str| school.post("/passkeys/drop", Some(who), &format!("credential=AAAA&code={code}")).await;
    for _ in 0..5 {
        assert!(shows(&taken_over, "000000").await.text.contains("That code is not the one of now"));
    }
    let told = shows(&taken_over, &school.code(Role::Dsl)).await;
    assert_eq!(told.status, StatusCode::TOO_MANY_REQUESTS, "not even the right one is weighed");
    assert!(shows(&hers, &school.code(Role::Dsl)).await.text.contains("not there any more"), "her code is taken");
    let missed = refusals(&school).into_iter().filter(|(why, _)| why == "second factor").count();
    assert_eq!(missed, 5, "each is written down");
}
