//! Packages for the police: who makes one, after which words and which code, and what is in it.

use std::collections::BTreeMap;
use std::io::Read;

use super::*;
use crate::case::PlaceState;
use crate::casebook::Recorded;
use crate::vault::{HandedOver, Member, MemberIdentity, ObjectId, Receiver};

const WORDS: &str = "words=PC+Example,+crime+number+42/7";

impl School {
    fn held_case(&self, number: u8, action: Action) -> Recorded {
        let (concern, sheet, object, place) =
            (concern(Level::Day, action), self.shelf.sealed(), self.shelf.sealed(), place("ann", number.into()));
        let plain = self.shelf.plain(number, &concern);
        let recorded = self.shelf.book.record(&New { place: &place, sheet: Some(&sheet), message_object: Some(&object), ..plain }).unwrap();
        self.shelf.book.settle(Timestamp::now(), &Actor::Program, recorded.place, PlaceState::Removed).unwrap();
        recorded
    }

    /// The same message once more, in another place.
    fn another_copy(&self, number: u8, uid: u32) {
        let (concern, object, place) = (concern(Level::Day, Action::Hold), self.shelf.sealed(), place("ann", uid));
        let plain = self.shelf.plain(number, &concern);
        let recorded = self.shelf.book.record(&New { place: &place, message_object: Some(&object), ..plain }).unwrap();
        self.shelf.book.settle(Timestamp::now(), &Actor::Program, recorded.place, PlaceState::Removed).unwrap();
    }

    fn object(&self, case: &Recorded) -> ObjectId {
        self.shelf.book.case(&case.codename).unwrap().unwrap().places[0].object.unwrap().object
    }

    /// The files of the package that somebody is handed, or the refusal.
    async fn package(&self, role: Role, case: &Recorded, fields: &str) -> Result<BTreeMap<String, Vec<u8>>, Told> {
        let path = format!("/case/{}/evidence", case.codename);
        let request = asked(Method::POST, &path, None, String::new());
        let person = self.person(role);
        let (mut head, _) = request.into_parts();
        head.headers.insert(COOKIE, person.cookie.parse().unwrap());
        let response =
            router(Arc::clone(&self.review)).oneshot(Request::from_parts(head, Body::from(format!("form={}&{fields}", person.form)))).await;
        let (head, body) = response.unwrap().into_parts();
        let octets = to_bytes(body, usize::MAX).await.unwrap();
        if head.status != StatusCode::OK {
            return Err(Told { status: head.status, headers: head.headers, text: String::from_utf8(octets.to_vec()).unwrap() });
        }
        assert_eq!(head.headers["content-disposition"], format!("attachment; filename=\"{}.tar\"", case.codename));
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(&octets[..]).entries().unwrap() {
            let (mut entry, mut octets) = (entry.unwrap(), Vec::new());
            entry.read_to_end(&mut octets).unwrap();
            let name = entry.path().unwrap().strip_prefix(case.codename.as_str()).unwrap().to_string_lossy().into_owned();
            files.insert(name, octets);
        }
        Ok(files)
    }

    fn packages(&self) -> Vec<(String, String)> {
        let made = self.events().into_iter().filter_map(|event| match event {
            Event::EvidencePackaged { to, reason, .. } => Some((to, reason)),
            _ => None,
        });
        made.collect()
    }
}

fn refused(made: Result<BTreeMap<String, Vec<u8>>, Told>) -> String {
    let Err(told) = made else { panic!("a package is made") };
    assert_eq!(told.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", told.text);
    told.text
}

/// A header for somebody, as a form holds it. The key in it is another's: that shows when she opens the file.
fn header(for_whom: &MemberIdentity) -> (String, Vec<u8>) {
    let octets = HandedOver::of(b"x", &Receiver::Key(for_whom.recipient())).unwrap().octets;
    let last = octets.windows(5).position(|five| five == b"\n--- ").unwrap() + 1;
    let length = last + octets[last..].iter().position(|octet| *octet == b'\n').unwrap() + 1;
    let packed = BASE64.encode(&octets[..length]);
    (form_urlencoded::byte_serialize(packed.as_bytes()).collect(), octets[..length].to_vec())
}

#[tokio::test]
async fn what_is_withheld_leaves_as_it_was_sealed_after_a_reason_and_a_fresh_code_that_are_written_down() {
    let school = School::new();
    let member = Member { name: "Sealed envelope".to_owned(), recipient: MemberIdentity::generate().recipient() };
    school.shelf.vault.ring().create(Audience::Evidence, &[member]).unwrap();
    let case = school.held_case(1, Action::Withhold);
    let page = school.get(&format!("/case/{}", case.codename), Some(&school.person(Role::Dsl))).await.text;
    assert!(page.contains("For the police") && page.contains("as it lies in the vault") && !page.contains("age1…"), "{page}");

    let fresh = || format!("code={}", school.code(Role::Dsl));
    assert!(refused(school.package(Role::Dsl, &case, &format!("words=police&{}", fresh())).await).contains("ten characters"));
    assert!(refused(school.package(Role::Dsl, &case, &format!("{WORDS}&code=000000")).await).contains("not the one of now"));
    assert!(refused(school.package(Role::Dsl, &case, WORDS).await).contains("not the one of now"));
    assert_eq!(school.packages(), []);
    assert_eq!(school.review.desk().history(case.case).unwrap(), []);

    let files = school.package(Role::Dsl, &case, &format!("{WORDS}&{}", fresh())).await.unwrap_or_else(|told| panic!("{}", told.text));
    let names: Vec<_> = files.keys().map(String::as_str).collect();
    let expected = [
        "README.txt",
        "SHA256SUMS",
        "chronology.json.age",
        "manifest.json",
        "manifest.json.minisig",
        "message-1.eml.age",
        "ring-evidence.age",
    ];
    assert_eq!(names, expected);
    assert!(files["message-1.eml.age"] == school.shelf.vault.ciphertext(&school.object(&case)).unwrap());
    let key = minisign_verify::PublicKey::from_base64(&school.review.desk().signer().public_key()).unwrap();
    let signature = minisign_verify::Signature::decode(std::str::from_utf8(&files["manifest.json.minisig"]).unwrap()).unwrap();
    key.verify(&files["manifest.json"], &signature, true).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&files["manifest.json"]).unwrap();
    assert_eq!((manifest["journal"]["of"].as_str(), manifest["journal"]["whole"].as_bool()), (Some("desk"), Some(true)));
    assert_eq!(school.packages(), [("as it was sealed".to_owned(), "PC Example, crime number 42/7".to_owned())]);
    let history = school.get(&format!("/case/{}", case.codename), Some(&school.person(Role::Deputy))).await.text;
    assert!(history.contains("made a package for the police") && history.contains("in hand, safeguarding lead"), "{history}");
    let spoken = String::from_utf8_lossy(&files["manifest.json"]).into_owned() + &String::from_utf8_lossy(&files["README.txt"]);
    assert!(!spoken.contains("42/7"), "her own words are sealed");
}

#[tokio::test]
async fn what_is_held_leaves_behind_the_headers_that_her_browser_made_for_the_officer_and_behind_no_others() {
    let school = School::new();
    let case = school.held_case(1, Action::Hold);
    let (officer, object) = (MemberIdentity::generate(), school.object(&case));
    let to = officer.recipient().to_string();
    let (packed, octets) = header(&officer);
    let fresh = |rest: &str| format!("{WORDS}&code={}&{rest}", school.code(Role::Dsl));

    let told = school.post(&format!("/case/{}/evidence/keys", case.codename), Some(&school.person(Role::Dsl)), WORDS).await;
    let given: serde_json::Value = serde_json::from_str(&told.text).unwrap();
    assert_eq!(given["objects"][0]["object"].as_str(), Some(object.to_string().as_str()));
    assert!(
        matches!(school.events().last(), Some(Event::CiphertextServed { depth, reason, .. }) if depth == "hand-over" && reason.ends_with("42/7"))
    );
    let other = "ab".repeat(16);
    for (fields, status) in [
        (format!("to=age1x&header={object}:{packed}"), StatusCode::UNPROCESSABLE_ENTITY),
        (format!("to={to}"), StatusCode::BAD_REQUEST),
        (format!("to={to}&header={other}:{packed}"), StatusCode::BAD_REQUEST),
        (format!("to={to}&header={object}:{packed}&header={other}:{packed}"), StatusCode::BAD_REQUEST),
        (format!("to={to}&header={object}:YWdl"), StatusCode::BAD_REQUEST),
        (format!("to={to}&header={object}:{packed}&key=AGE-SECRET-KEY-1QQQ"), StatusCode::BAD_REQUEST),
    ] {
        let Err(told) = school.package(Role::Dsl, &case, &fresh(&fields)).await else { panic!("{fields}") };
        assert_eq!(told.status, status, "{fields}");
    }
    assert_eq!(school.packages(), []);

    let files = school.package(Role::Dsl, &case, &fresh(&format!("to={to}&header={object}:{packed}"))).await;
    let files = files.unwrap_or_else(|told| panic!("{}", told.text));
    let whole = school.shelf.vault.ciphertext(&object).unwrap();
    assert!(files["message-1.eml.age"].starts_with(&octets) && whole.ends_with(&files["message-1.eml.age"][octets.len()..]));
    assert!(!files.contains_key("key.age") && !files.contains_key("ring-dsl.age"), "no key of the school's leaves");
    assert_eq!(school.packages()[0].0, to);
}

/// What her browser sends of every copy is longer than any other form.
#[tokio::test]
async fn a_case_of_many_copies_is_handed_over_and_put_back_as_one_of_few_is() {
    const COPIES: usize = 300;
    let school = School::new();
    let case = school.held_case(1, Action::Hold);
    for uid in 1_000..999 + u32::try_from(COPIES).unwrap() {
        school.another_copy(1, uid);
    }
    let officer = MemberIdentity::generate();
    let (packed, _) = header(&officer);
    let told = school.post(&format!("/case/{}/evidence/keys", case.codename), Some(&school.person(Role::Dsl)), WORDS).await;
    let given: serde_json::Value = serde_json::from_str(&told.text).unwrap();
    let objects: Vec<_> = given["objects"].as_array().unwrap().iter().map(|one| one["object"].as_str().unwrap().to_owned()).collect();
    let served = school.events().into_iter().filter(|event| matches!(event, Event::CiphertextServed { .. })).count();
    assert_eq!((objects.len(), served), (COPIES, COPIES));
    let headers = objects.iter().map(|object| format!("&header={object}%3A{packed}")).collect::<Vec<_>>().concat();
    assert!(headers.len() > 64 << 10, "{}", headers.len());
    let fields = format!("{WORDS}&code={}&to={}{headers}", school.code(Role::Dsl), officer.recipient());
    let files = school.package(Role::Dsl, &case, &fields).await.unwrap_or_else(|told| panic!("{}", told.text));
    assert!(files.contains_key(&format!("message-{COPIES}.eml.age")));

    let keys = objects.iter().map(|object| format!("&key={object}:{}", "07".repeat(16))).collect::<Vec<_>>().concat();
    let fields = format!("words=a+lesson+on+biology&code={}{keys}&padding={}", school.code(Role::Dsl), "x".repeat(64 << 10));
    let told = school.post(&format!("/case/{}/release", case.codename), Some(&school.person(Role::Dsl)), &fields).await;
    assert_eq!(told.status, StatusCode::OK, "{}", told.text);
}

#[tokio::test]
async fn nobody_hands_over_what_her_own_key_does_not_open_or_what_is_damaged_or_gone() {
    let school = School::new();
    let case = school.held_case(1, Action::Hold);
    for role in [Role::Pastoral, Role::Head] {
        let Err(told) = school.package(role, &case, &format!("{WORDS}&code={}", school.code(role))).await else { panic!("{role}") };
        assert_eq!(told.status, StatusCode::NOT_FOUND, "{role}");
    }
    let flagged = school.case(2, Category::Bullying, &[Audience::Dsl], Action::Flag, &[]);
    for page in ["evidence", "evidence/keys"] {
        let told = school.post(&format!("/case/{flagged}/{page}"), Some(&school.person(Role::Dsl)), WORDS).await;
        assert!(told.status == StatusCode::UNPROCESSABLE_ENTITY && told.text.contains("nothing to hand over"), "{page}: {}", told.text);
    }

    let (officer, object) = (MemberIdentity::generate(), school.object(&case));
    let path = school.shelf.folder.path().join(format!("vault/objects/{}/{object}.age", &object.to_string()[..2]));
    let mut octets = fs::read(&path).unwrap();
    *octets.last_mut().unwrap() ^= 1;
    fs::write(&path, octets).unwrap();
    let fields = format!("{WORDS}&code={}&to={}&header={object}:{}", school.code(Role::Dsl), officer.recipient(), header(&officer).0);
    let Err(told) = school.package(Role::Dsl, &case, &fields).await else { panic!("damaged, and handed over") };
    assert!(told.status == StatusCode::SERVICE_UNAVAILABLE && told.text.contains("restore the vault from the backup"), "{}", told.text);
}
