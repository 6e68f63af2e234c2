//! Who gets in, and who does not.

use super::*;

#[tokio::test]
async fn an_invitation_a_password_and_a_code_let_her_in_and_nothing_less_does() {
    let school = School::new();
    let new = NewAccount { name: "Robin Finch".to_owned(), role: Role::Dsl, addresses: vec!["robin@school.example".parse().unwrap()] };
    let link = school.review.desk().invite(Timestamp::now(), &Actor::Program, &new).unwrap();
    let secret = school.review.desk().invited(Timestamp::now(), link.expose()).unwrap().unwrap().totp;
    let code = |ahead: i64| totp::code(&secret, (Timestamp::now().as_second() + ahead).try_into().unwrap());
    let invitation = format!("/invitation/{}", link.expose());
    let page = school.get(&invitation, None).await.text;
    assert!(page.contains("Robin Finch") && page.contains("<svg") && page.contains(&totp::grouped(&secret)));

    let accept = async |password: &str, again: &str, code: &str| {
        school.post(&invitation, None, &format!("password={password}&again={again}&code={code}")).await
    };
    assert!(accept("short", "short", &code(0)).await.text.contains("12 characters or more"));
    assert!(accept("correct+horse+battery", "correct+horse+batterz", &code(0)).await.text.contains("not the same"));
    assert!(accept("correct+horse+battery", "correct+horse+battery", "000000").await.text.contains("not the one of now"));
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
    let refused = school.events().into_iter().filter(|event| matches!(event, Event::SignInRefused { .. })).count();
    assert_eq!(refused, 4);
    let journal = format!("{:?}", school.review.desk().journal_end(1_000).unwrap());
    assert!(!journal.contains("Finck") && !journal.contains("horse"), "what a stranger typed is written nowhere");
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
    let slowed = school.events().into_iter().filter(|event| matches!(event, Event::SignInRefused { why } if why == "too-often")).count();
    assert_eq!(slowed, 1, "the sixth is not even weighed");
}

#[tokio::test]
async fn a_closed_account_ends_with_its_next_step() {
    let school = School::new();
    let dsl = school.person(Role::Dsl);
    assert_eq!(school.get("/queue", Some(&dsl)).await.status, StatusCode::OK);
    school.review.desk().close(Timestamp::now(), &Actor::Program, Role::Dsl.title()).unwrap();
    assert_eq!(school.get("/queue", Some(&dsl)).await.status, StatusCode::SEE_OTHER);
}
