//! How a key comes to open anything: made, confirmed by another, admitted by a member, and taken over by the service.

use super::*;
use crate::casebook::Recorded;
use crate::desk::{AccountId, Admission};
use crate::review::admit::fingerprint_of;
use crate::vault::{Member, MemberIdentity};

/// What a browser would have sealed; nothing on the server can tell what is in it.
const WRAPPED: &str = "age-encryption.org/v1\n-> X25519 abc\nbody\n--- mac\nciphertext";

impl School {
    fn id(&self, role: Role) -> AccountId {
        self.review.desk().accounts().unwrap().into_iter().find(|account| account.role == role).unwrap().id
    }

    /// Makes a key in a browser; answers with its public half.
    async fn makes_a_key(&self, role: Role) -> String {
        let recipient = MemberIdentity::generate().recipient().to_string();
        self.keeps(role, &recipient).await;
        recipient
    }

    /// Goes on with the key of the ceremony, which is a member.
    async fn uses_the_key_of_the_ceremony(&self, role: Role) {
        let members = self.shelf.vault.ring().listed(Audience::Dsl).unwrap();
        self.keeps(role, &members[0].recipient.to_string()).await;
    }

    async fn keeps(&self, role: Role, recipient: &str) {
        let told = self.post("/keys", Some(&self.person(role)), &format!("{}&code={}", key_fields(recipient), self.code(role))).await;
        assert_eq!(told.status, StatusCode::OK);
    }

    async fn confirms(&self, by: Role, whose: Role, recipient: &str) {
        let fields = format!("account={}&recipient={recipient}&code={}", self.id(whose).0, self.code(by));
        assert_eq!(self.post("/keys/confirm", Some(&self.person(by)), &fields).await.status, StatusCode::SEE_OTHER);
    }

    fn ring(&self) -> String {
        fingerprint_of(&self.shelf.vault.ring().ciphertext(Audience::Dsl).unwrap())
    }

    async fn admits(&self, by: Role, whose: Role, recipient: &str, ring: &str, wrapped: &str) -> Told {
        let fields = format!("{}&code={}", self.admission_fields(whose, recipient, ring, wrapped), self.code(by));
        self.post("/keys/admit", Some(&self.person(by)), &fields).await
    }

    /// What a browser sends of a ring that it has wrapped for somebody.
    fn admission_fields(&self, whose: Role, recipient: &str, ring: &str, wrapped: &str) -> String {
        let wrapped: String = form_urlencoded::byte_serialize(BASE64.encode(wrapped).as_bytes()).collect();
        format!("account={}&recipient={recipient}&ring={ring}&wrapped={wrapped}", self.id(whose).0)
    }

    /// The deputy makes a key, the head confirms it, and whoever holds that of the ceremony admits it; gives the key.
    async fn deputy_is_admitted(&self) -> String {
        let recipient = self.makes_a_key(Role::Deputy).await;
        self.confirms(Role::Head, Role::Deputy, &recipient).await;
        assert_eq!(self.admits(Role::Dsl, Role::Deputy, &recipient, &self.ring(), WRAPPED).await.status, StatusCode::OK);
        recipient
    }

    fn admissions(&self) -> Vec<Admission> {
        self.review.desk().admissions().unwrap()
    }

    fn about(&self, number: u8, party: Role) -> Recorded {
        let parties = [(self.shelf.book.key_address(&address(party)), Party::Sender)];
        let (concern, place) = (concern(Level::SameDay, Action::Flag), place("ann", number.into()));
        self.shelf.book.record(&New { place: &place, parties: &parties, ..self.shelf.plain(number, &concern) }).unwrap()
    }
}

/// What a browser sends of a key that it has made.
fn key_fields(recipient: &str) -> String {
    let octets = BASE64.encode(b"age-encryption.org/v1\n-> scrypt abc 18\n");
    let armour = format!("-----BEGIN AGE ENCRYPTED FILE-----\n{octets}\n-----END AGE ENCRYPTED FILE-----\n");
    let wrapped: String = form_urlencoded::byte_serialize(armour.as_bytes()).collect();
    format!("recipient={recipient}&wrapped={wrapped}")
}

fn because(told: &Told, why: &str) {
    assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains(why), "{} {}", told.status, told.text);
}

#[tokio::test]
async fn a_key_opens_nothing_before_another_has_confirmed_it_and_a_member_has_sealed_to_it() {
    let school = School::new();
    let recipient = school.makes_a_key(Role::Deputy).await;
    let (ring, changed) = (school.ring(), "is not as this page showed it any more");
    because(&school.admits(Role::Dsl, Role::Deputy, &recipient, &ring, WRAPPED).await, changed);
    school.confirms(Role::Head, Role::Deputy, &recipient).await;
    because(&school.admits(Role::Dsl, Role::Deputy, &recipient, &ring, WRAPPED).await, "Only whose own key opens these cases");
    school.uses_the_key_of_the_ceremony(Role::Dsl).await;
    let page = school.get("/keys", Some(&school.person(Role::Dsl))).await.text;
    assert!(page.contains("Keys to admit") && page.contains(&recipient) && page.contains(&ring), "{page}");
    let head = school.get("/keys", Some(&school.person(Role::Head))).await.text;
    assert!(
        head.contains("for somebody who opens <span class=\"mono\">dsl</span> to admit") && !head.contains("class=\"admit\""),
        "{head}"
    );

    because(&school.admits(Role::Deputy, Role::Deputy, &recipient, &ring, WRAPPED).await, "Nobody admits her own key");
    because(&school.admits(Role::Head, Role::Deputy, &recipient, &ring, WRAPPED).await, changed);
    because(&school.admits(Role::Dsl, Role::Pastoral, &recipient, &ring, WRAPPED).await, changed);
    because(&school.admits(Role::Dsl, Role::Deputy, "age1another", &ring, WRAPPED).await, changed);
    because(&school.admits(Role::Dsl, Role::Deputy, &recipient, &"ab".repeat(32), WRAPPED).await, changed);
    for bare in ["AGE-SECRET-KEY-1QQQ", "age-encryption.org/v1\n-> scrypt abc 18\nbody\n--- mac\n", ""] {
        let told = school.admits(Role::Dsl, Role::Deputy, &recipient, &ring, bare).await;
        assert_eq!(told.status, StatusCode::BAD_REQUEST, "{bare}");
    }
    for role in [Role::Pastoral, Role::DataProtection, Role::Technician] {
        assert_eq!(school.admits(role, Role::Deputy, &recipient, &ring, WRAPPED).await.status, StatusCode::NOT_FOUND, "{role}");
    }
    let dsl = school.person(Role::Dsl);
    let wrapped: String = form_urlencoded::byte_serialize(BASE64.encode(WRAPPED).as_bytes()).collect();
    let fields = format!("account={}&recipient={recipient}&ring={ring}&wrapped={wrapped}", school.id(Role::Deputy).0);
    because(&school.post("/keys/admit", Some(&dsl), &format!("{fields}&code=000000")).await, "not the one of now");
    assert_eq!(school.admissions(), [], "nothing of all that was kept");

    assert_eq!(school.admits(Role::Dsl, Role::Deputy, &recipient, &ring, WRAPPED).await.status, StatusCode::OK);
    let Some(Event::KeyAdmitted { audience: Audience::Dsl, recipient: seen, .. }) =
        school.events().into_iter().rev().find(|event| matches!(event, Event::KeyAdmitted { .. }))
    else {
        panic!("it stands in no journal")
    };
    assert_eq!(seen, recipient);
    assert!(
        matches!(&school.admissions()[..], [Admission { wrapped, by, .. }] if wrapped == WRAPPED.as_bytes() && by == Role::Dsl.title())
    );
    assert!(school.get("/keys", Some(&school.person(Role::Deputy))).await.text.contains("A colleague has admitted it"));

    // The service takes it over; her browser is handed it beside the ring of the others, and nobody else's is.
    let member = Member { name: Role::Deputy.title().to_owned(), recipient: recipient.parse().unwrap() };
    school.shelf.vault.ring().admit(Audience::Dsl, member, WRAPPED.as_bytes()).unwrap();
    assert!(school.get("/keys", Some(&school.person(Role::Deputy))).await.text.contains("It is a member of"));
    assert_eq!(school.admissions(), [], "what is taken over is forgotten");
    because(&school.admits(Role::Dsl, Role::Deputy, &recipient, &school.ring(), WRAPPED).await, changed);
    let sheet = school.shelf.sealed();
    let concern = concern(Level::Day, Action::Flag);
    let case = school.shelf.book.record(&New { sheet: Some(&sheet), ..school.shelf.plain(1, &concern) }).unwrap();
    for (role, rings) in [(Role::Deputy, 2), (Role::Dsl, 1)] {
        let told = school.post(&format!("/case/{}/sheet", case.codename), Some(&school.person(role)), "depth=excerpt").await;
        let given: serde_json::Value = serde_json::from_str(&told.text).unwrap();
        assert_eq!(given["rings"].as_array().unwrap().len(), rings, "{role}");
    }
}

#[tokio::test]
async fn what_waits_for_her_comes_before_a_key_that_she_may_never_need_and_after_the_one_that_she_does() {
    let school = School::new();
    let recipient = school.makes_a_key(Role::Deputy).await;
    school.makes_a_key(Role::Chair).await;
    school.confirms(Role::Head, Role::Deputy, &recipient).await;
    let order = async |signs: [&str; 3]| {
        let page = school.get("/keys", Some(&school.person(Role::Dsl))).await.text;
        let found = signs.map(|sign| page.find(sign).unwrap_or_else(|| panic!("{sign}: {page}")));
        assert!(found.is_sorted(), "{signs:?} {found:?}");
        assert_eq!(page.matches("id=\"make-key\"").count(), 1);
    };
    order(["Make your key</h2>", "Keys to confirm</h2>", "Keys to admit</h2>"]).await;
    school.uses_the_key_of_the_ceremony(Role::Dsl).await;
    order(["Keys to confirm</h2>", "Keys to admit</h2>", "Make another key</h2>"]).await;
}

#[tokio::test]
async fn whoever_took_over_an_open_session_makes_confirms_and_admits_no_key() {
    let school = School::new();
    school.uses_the_key_of_the_ceremony(Role::Dsl).await;
    let (recipient, hers) = (school.makes_a_key(Role::Deputy).await, school.makes_a_key(Role::Chair).await);
    let another = MemberIdentity::generate().recipient().to_string();
    school.confirms(Role::Head, Role::Deputy, &recipient).await;
    let admitting = school.admission_fields(Role::Deputy, &recipient, &school.ring(), WRAPPED);
    let grave = [
        (Role::Deputy, "/keys", key_fields(&another), StatusCode::OK),
        (Role::Deputy, "/keys/confirm", format!("account={}&recipient={hers}", school.id(Role::Chair).0), StatusCode::SEE_OTHER),
        (Role::Dsl, "/keys/admit", admitting, StatusCode::OK),
    ];
    let missed = |event: &Event| matches!(event, Event::SignInRefused { why, .. } if why == "second factor");
    let before = school.review.desk().accounts().unwrap();
    for (role, path, fields, _) in &grave {
        let (taken_over, used) = (school.person(*role), school.code(*role));
        // She has shown it elsewhere; whoever watched her type it has nothing by it.
        let shown = school.post("/passkeys/drop", Some(&school.person(*role)), &format!("credential=AAAA&code={used}")).await;
        because(&shown, "not there any more");
        for factor in [String::new(), "&code=000000".to_owned(), format!("&code={used}")] {
            let misses = school.events().iter().filter(|event| missed(event)).count();
            because(
                &school.post(path, Some(&taken_over), &format!("{fields}{factor}")).await,
                "Nothing was changed. Please wait for the next",
            );
            assert_eq!(school.events().iter().filter(|event| missed(event)).count(), misses + 1, "{path}: it is written down");
        }
        assert!(school.review.desk().accounts().unwrap() == before && school.admissions().is_empty(), "{path}");
    }
    // It was for the factor alone. The deputy's own key comes last: what is replaced is admitted by nobody.
    for (role, path, fields, status) in grave.iter().rev() {
        let told = school.post(path, Some(&school.person(*role)), &format!("{fields}&code={}", school.code(*role))).await;
        assert_eq!(told.status, *status, "{path}: {}", told.text);
    }
}

#[tokio::test]
async fn a_key_that_is_made_anew_is_neither_confirmed_nor_admitted() {
    let school = School::new();
    school.uses_the_key_of_the_ceremony(Role::Dsl).await;
    school.deputy_is_admitted().await;
    let other = school.makes_a_key(Role::Deputy).await;
    assert_eq!(school.admissions(), [], "the service does not admit what was replaced");
    because(&school.admits(Role::Dsl, Role::Deputy, &other, &school.ring(), WRAPPED).await, "is not as this page showed it");
}

#[tokio::test]
async fn an_admission_ends_with_the_confirmation_that_it_rests_on_and_a_later_one_does_not_revive_it() {
    let school = School::new();
    school.uses_the_key_of_the_ceremony(Role::Dsl).await;
    let recipient = school.deputy_is_admitted().await;
    assert_eq!(school.admissions().len(), 1);
    // The very key once more, by way of her recovery sheet, say.
    school.keeps(Role::Deputy, &recipient).await;
    assert_eq!(school.admissions(), []);
    school.confirms(Role::Head, Role::Deputy, &recipient).await;
    assert_eq!(school.admissions(), [], "whoever opens the cases decides anew");
    assert_eq!(school.admits(Role::Dsl, Role::Deputy, &recipient, &school.ring(), WRAPPED).await.status, StatusCode::OK);
    assert_eq!(school.admissions().len(), 1);
}

#[tokio::test]
async fn a_party_to_an_open_case_is_not_let_in_to_what_is_sealed_of_it() {
    let school = School::new();
    school.uses_the_key_of_the_ceremony(Role::Dsl).await;
    let recipient = school.makes_a_key(Role::Deputy).await;
    school.confirms(Role::Head, Role::Deputy, &recipient).await;
    let about = school.about(1, Role::Deputy);
    because(&school.admits(Role::Dsl, Role::Deputy, &recipient, &school.ring(), WRAPPED).await, about.codename.as_str());
    let page = format!("/case/{}", about.codename);
    let closed = school.post(&page, Some(&school.person(Role::Dsl)), "deed=close&words=all+is+done+here").await;
    assert_eq!(closed.status, StatusCode::SEE_OTHER);
    assert_eq!(school.admits(Role::Dsl, Role::Deputy, &recipient, &school.ring(), WRAPPED).await.status, StatusCode::OK);
}

#[tokio::test]
async fn whoever_signs_in_for_the_first_time_is_told_what_losing_every_key_means_before_she_makes_hers() {
    let school = School::new();
    for (role, to) in [(Role::Dsl, "/keys"), (Role::Head, "/keys"), (Role::Pastoral, "/queue"), (Role::Technician, "/health")] {
        assert_eq!(school.get("/", Some(&school.person(role))).await.headers[LOCATION], to, "{role}");
    }
    let page = school.get("/keys", Some(&school.person(Role::Dsl))).await.text;
    let (told, button) =
        (page.find("what is sealed can never be opened again, by anybody").unwrap(), page.find("id=\"make-key\"").unwrap());
    assert!(told < button && page.contains("There is one key alone"), "{page}");
    school.makes_a_key(Role::Dsl).await;
    assert_eq!(school.get("/", Some(&school.person(Role::Dsl))).await.headers[LOCATION], "/queue");
}
