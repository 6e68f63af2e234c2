//! What is sealed, the keys that open it, and whose they are.

use std::io::Read as _;

use super::*;
use crate::vault::Receipt;

const WHY: &str = "reason=her+tutor+asked+me+to+look+into+it+today";

/// What the JSON of an answer holds under a name, which has to be one of these as it lies in the vault, opened with the key of the
/// audience.
fn opened(school: &School, told: &Told, name: &str, of: &[&Receipt]) -> Option<String> {
    let given: serde_json::Value = serde_json::from_str(&told.text).unwrap();
    let (octets, vault) = (BASE64.decode(given[name].as_str()?).unwrap(), &school.shelf.vault);
    let object = of.iter().map(|sealed| sealed.object()).find(|object| vault.ciphertext(object).unwrap() == octets).unwrap();
    let key = vault.ring().open(Audience::Dsl, &school.shelf.member).unwrap();
    let mut text = String::new();
    vault.unseal(object, &key).unwrap().read_to_string(&mut text).unwrap();
    Some(text)
}

impl School {
    /// A case of which these are sealed.
    fn sealed_as(&self, sheet: &Receipt, text: Option<&Receipt>) -> Codename {
        let concern = concern(Level::Now, Action::Flag);
        self.shelf.book.record(&New { sheet: Some(sheet), text, ..self.shelf.plain(1, &concern) }).unwrap().codename
    }
}

#[tokio::test]
async fn each_depth_is_written_down_and_then_handed_out_and_an_excerpt_holds_nothing_of_the_text() {
    let school = School::new();
    let (sheet, text) = (school.shelf.seal("CANARY-PASSAGE"), school.shelf.seal("CANARY-BODY"));
    let (codename, both) = (school.sealed_as(&sheet, Some(&text)), [&sheet, &text]);
    let (dsl, page) = (school.person(Role::Dsl), format!("/case/{codename}/sheet"));
    assert!(!school.get(&format!("/case/{codename}"), Some(&dsl)).await.text.contains("handed both at once"));
    let told = school.post(&page, Some(&dsl), "depth=full&reason=curious").await;
    assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains("30 characters or more"), "{}", told.text);
    assert_eq!(school.post(&page, Some(&dsl), "depth=everything").await.status, StatusCode::BAD_REQUEST);
    // Nothing of a form makes an excerpt more than one: neither a reason nor a field that a script might add.
    for fields in ["depth=excerpt".to_owned(), format!("depth=excerpt&{WHY}&text=yes"), "depth=excerpt&depth=full".to_owned()] {
        let told = school.post(&page, Some(&dsl), &fields).await;
        assert_eq!(opened(&school, &told, "sheet", &both).as_deref(), Some("CANARY-PASSAGE"), "{fields}: {}", told.text);
        assert_eq!(opened(&school, &told, "text", &both), None, "{fields}");
        assert!(!told.text.contains(&BASE64.encode(school.shelf.vault.ciphertext(text.object()).unwrap())), "{fields}");
    }
    let told = school.post(&page, Some(&dsl), &format!("depth=full&{WHY}")).await;
    assert_eq!(["sheet", "text"].map(|name| opened(&school, &told, name, &both).unwrap()), ["CANARY-PASSAGE", "CANARY-BODY"]);
    let given: serde_json::Value = serde_json::from_str(&told.text).unwrap();
    assert_eq!(BASE64.decode(given["rings"][0].as_str().unwrap()).unwrap(), school.shelf.vault.ring().ciphertext(Audience::Dsl).unwrap());
    let (short, both) = (sheet.object().to_string(), format!("{} {}", sheet.object(), text.object()));
    let served: Vec<_> = school
        .events()
        .into_iter()
        .filter_map(
            |event| if let Event::CiphertextServed { object, depth, reason, .. } = event { Some((object, depth, reason)) } else { None },
        )
        .collect();
    let told: Vec<_> = served.iter().map(|(object, depth, _)| (object.as_str(), depth.as_str())).collect();
    assert_eq!(told, [(&*short, "excerpt"), (&*short, "excerpt"), (&*short, "excerpt"), (&*both, "full")]);
    assert!(served[3].2.starts_with("her tutor"), "{served:?}");

    let tables = rusqlite::Connection::open(school.shelf.folder.path().join("desk/desk.db")).unwrap();
    tables.execute_batch("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'no room'); END").unwrap();
    for depth in ["depth=excerpt".to_owned(), format!("depth=full&{WHY}")] {
        let told = school.post(&page, Some(&dsl), &depth).await;
        assert!(told.status == StatusCode::SERVICE_UNAVAILABLE && !told.text.contains("rings"), "{}", told.text);
    }
}

#[tokio::test]
async fn a_case_from_before_the_text_was_sealed_by_itself_still_opens_and_says_so() {
    let school = School::new();
    let sheet = school.shelf.seal("CANARY-BOTH");
    let codename = school.sealed_as(&sheet, None);
    let (dsl, page) = (school.person(Role::Dsl), format!("/case/{codename}/sheet"));
    assert!(school.get(&format!("/case/{codename}"), Some(&dsl)).await.text.contains("handed both at once"));
    for depth in ["depth=excerpt".to_owned(), format!("depth=full&{WHY}")] {
        let told = school.post(&page, Some(&dsl), &depth).await;
        assert_eq!(opened(&school, &told, "sheet", &[&sheet]).as_deref(), Some("CANARY-BOTH"));
        assert_eq!(opened(&school, &told, "text", &[&sheet]), None);
    }
}

#[tokio::test]
async fn a_text_that_is_gone_or_damaged_is_told_and_what_matched_still_opens() {
    let school = School::new();
    let (sheet, text) = (school.shelf.sealed(), school.shelf.sealed());
    let codename = school.sealed_as(&sheet, Some(&text));
    let (dsl, page, object) = (school.person(Role::Dsl), format!("/case/{codename}/sheet"), text.object().to_string());
    let path = school.shelf.folder.path().join(format!("vault/objects/{}/{object}.age", &object[..2]));
    let mut damaged = fs::read(&path).unwrap();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&path, damaged).unwrap();
    for _ in ["damaged", "gone"] {
        let told = school.post(&page, Some(&dsl), &format!("depth=full&{WHY}")).await;
        assert_eq!(told.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(told.text.contains("“Show what matched” still opens") && told.text.contains("restore the vault"), "{}", told.text);
        assert!(!told.text.contains("rings") && !told.text.contains(&object));
        assert_eq!(school.post(&page, Some(&dsl), "depth=excerpt").await.status, StatusCode::OK);
        let _ = fs::remove_file(&path);
    }
}

#[tokio::test]
async fn what_is_withheld_has_no_depths_and_what_is_held_is_released_with_its_own_keys_alone() {
    let school = School::new();
    let withheld = school.case(1, Category::SuspectedNude, &[Audience::Dsl], Action::Withhold, &[]);
    let held = school.case(2, Category::Violence, &[Audience::Dsl], Action::Hold, &[]);
    let facts = school.shelf.book.case(&held).unwrap().unwrap();
    school.shelf.book.settle(Timestamp::now(), &Actor::Program, facts.places[0].id, crate::case::PlaceState::Removed).unwrap();
    let (object, dsl) = (facts.places[0].object.unwrap().object, school.person(Role::Dsl));
    for part in ["sheet", "headers", "release"] {
        let told = school.post(&format!("/case/{withheld}/{part}"), Some(&dsl), "depth=excerpt&words=a+lesson+on+biology").await;
        assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains("It is withheld"), "{part}: {}", told.text);
    }
    let told = school.post(&format!("/case/{held}/headers"), Some(&dsl), "").await;
    let given: serde_json::Value = serde_json::from_str(&told.text).unwrap();
    assert_eq!(given["objects"][0]["object"].as_str(), Some(object.to_string().as_str()));
    assert!(BASE64.decode(given["objects"][0]["header"].as_str().unwrap()).unwrap().starts_with(b"age-encryption.org/v1"));

    let release = async |key: String| {
        school.post(&format!("/case/{held}/release"), Some(&dsl), &format!("words=a+lesson+on+biology{key}")).await.status
    };
    let other = "ab".repeat(16);
    for key in [String::new(), format!("&key={object}"), format!("&key={object}:00"), format!("&key={other}:{}", "07".repeat(16))] {
        assert_eq!(release(key.clone()).await, StatusCode::BAD_REQUEST, "{key}");
    }
    // Whoever took her session over has its keys at most.
    let whole = format!("&key={object}:{}", "07".repeat(16));
    for code in ["", "&code=000000", "&passkey=a.b.c.d"] {
        assert_eq!(release(format!("{whole}{code}")).await, StatusCode::UNPROCESSABLE_ENTITY, "{code}");
    }
    let case = school.shelf.book.case(&held).unwrap().unwrap().row.id;
    assert!(school.review.desk().history(case).unwrap().is_empty(), "nothing was decided");
    let refused = school.events().into_iter().filter(|event| matches!(event, Event::SignInRefused { why, .. } if why == "second factor"));
    assert_eq!(refused.count(), 3);
    let code = format!("&code={}", school.code(Role::Dsl));
    assert_eq!(release(format!("{whole}{code}")).await, StatusCode::OK);
    assert_eq!(release(format!("{whole}{code}")).await, StatusCode::UNPROCESSABLE_ENTITY, "digits count once");
    let deeds = crate::desk::Deeds::open(&school.shelf.folder.path().join("desk")).unwrap().unwrap();
    assert!(deeds.keys(1).unwrap() == [crate::desk::ReleasedKey { object, key: [7; 16] }]);
    school.shelf.book.desk_progressed(1).unwrap();
    school.review.tidy();
    assert!(deeds.keys(1).unwrap().is_empty(), "the service has put it back");
}

#[tokio::test]
async fn a_key_is_confirmed_by_somebody_else_who_has_seen_that_very_key() {
    let school = School::new();
    let (dsl, head) = (school.person(Role::Dsl), school.person(Role::Head));
    let recipient = crate::vault::MemberIdentity::generate().recipient().to_string();
    let armour = |octets: &[u8]| {
        let text = format!("-----BEGIN AGE ENCRYPTED FILE-----\n{}\n-----END AGE ENCRYPTED FILE-----\n", BASE64.encode(octets));
        form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()
    };
    let wrapped = armour(b"age-encryption.org/v1\n-> scrypt abc 18\n");
    let bare = armour(b"AGE-SECRET-KEY-1QQQ");
    let keeps = || format!("recipient={recipient}&wrapped={wrapped}&code={}", school.code(Role::Dsl));
    assert_eq!(school.post("/keys", Some(&dsl), &format!("recipient={recipient}&wrapped={bare}")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(school.post("/keys", Some(&dsl), &format!("recipient=age1x&wrapped={wrapped}")).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(school.post("/keys", Some(&dsl), &keeps()).await.status, StatusCode::OK);
    let id = school.review.desk().accounts().unwrap().into_iter().find(|account| account.role == Role::Dsl).unwrap().id.0;
    let confirm = async |role: Role, recipient: &str| {
        let (who, code) = (school.person(role), school.code(role));
        school.post("/keys/confirm", Some(&who), &format!("account={id}&recipient={recipient}&code={code}")).await.status
    };
    assert_eq!(confirm(Role::Dsl, &recipient).await, StatusCode::UNPROCESSABLE_ENTITY, "her own");
    assert_eq!(confirm(Role::Head, "age1another").await, StatusCode::UNPROCESSABLE_ENTITY, "another than she has seen");
    assert!(school.get("/keys", Some(&head)).await.text.contains("Keys to confirm"));
    assert_eq!(confirm(Role::Head, &recipient).await, StatusCode::SEE_OTHER);
    assert!(school.get("/keys", Some(&dsl)).await.text.contains("A colleague has confirmed it"));
    assert!(
        matches!(school.events().into_iter().rev().find(|event| matches!(event, Event::KeyConfirmed { .. })), Some(Event::KeyConfirmed { recipient: seen, .. }) if seen == recipient)
    );
    school.post("/keys", Some(&dsl), &keeps()).await;
    assert!(school.get("/keys", Some(&dsl)).await.text.contains("Not confirmed yet"), "a new key is confirmed anew");
}

#[tokio::test]
async fn what_is_damaged_or_gone_is_told_with_what_to_do_and_nothing_of_it_is_handed_out() {
    let school = School::new();
    let sheet = school.shelf.sealed();
    let concern = concern(Level::Now, Action::Flag);
    let codename = school.shelf.book.record(&New { sheet: Some(&sheet), ..school.shelf.plain(1, &concern) }).unwrap().codename;
    let (dsl, object) = (school.person(Role::Dsl), sheet.object().to_string());
    let path = school.shelf.folder.path().join(format!("vault/objects/{}/{object}.age", &object[..2]));
    let whole = fs::read(&path).unwrap();
    let ask = async || school.post(&format!("/case/{codename}/sheet"), Some(&dsl), "depth=excerpt").await;
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    fs::write(&path, damaged).unwrap();
    let told = ask().await;
    assert!(told.status == StatusCode::SERVICE_UNAVAILABLE && told.text.contains("restore the vault from the backup"), "{}", told.text);
    fs::remove_file(&path).unwrap();
    assert!(ask().await.text.contains("restore the vault from the backup"));
    fs::write(&path, &whole).unwrap();
    fs::remove_file(school.shelf.folder.path().join("vault/ring/dsl.age")).unwrap();
    let told = ask().await;
    assert!(told.text.contains("Nobody has a key for what is sealed here yet") && !told.text.contains("ring/"), "{}", told.text);
}
