//! Passkeys, as an authenticator made of software would use them: what fits, and everything that does not.

use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha256};

use super::*;
use crate::review::{password, webauthn};

const P256: &str = "3059301306072a8648ce3d020106082a8648ce3d030107034200";
const ED25519: &str = "302a300506032b6570032100";
const VERIFIED: u8 = 0b101;
const HOST: &str = "desk.school.example";

enum Pair {
    P256(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
}

/// What an authenticator signs, to be spoilt.
#[derive(Clone)]
struct Said {
    kind: &'static str,
    challenge: Vec<u8>,
    origin: String,
    cross_origin: bool,
    host: &'static str,
    flags: u8,
    uses: u32,
}

struct Device {
    pair: Pair,
    credential: Vec<u8>,
}

impl Device {
    fn p256() -> Self {
        let random = SystemRandom::new();
        let made = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, made.as_ref(), &random).unwrap();
        Self { pair: Pair::P256(pair), credential: b"credential of a phone".to_vec() }
    }

    fn ed25519() -> Self {
        let made = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self { pair: Pair::Ed25519(Ed25519KeyPair::from_pkcs8(made.as_ref()).unwrap()), credential: b"another".to_vec() }
    }

    fn public_key(&self) -> Vec<u8> {
        let (head, key) = match &self.pair {
            Pair::P256(pair) => (P256, pair.public_key().as_ref()),
            Pair::Ed25519(pair) => (ED25519, pair.public_key().as_ref()),
        };
        [&hex::decode(head).unwrap(), key].concat()
    }

    fn sign(&self, octets: &[u8]) -> Vec<u8> {
        match &self.pair {
            Pair::P256(pair) => pair.sign(&SystemRandom::new(), octets).unwrap().as_ref().to_vec(),
            Pair::Ed25519(pair) => pair.sign(octets).as_ref().to_vec(),
        }
    }

    fn answers(&self, said: &Said) -> String {
        let (data, client) = (said.authenticator_data(&[]), said.client_data());
        let signature = self.sign(&[data.as_slice(), &Sha256::digest(&client)].concat());
        packed(&[&self.credential, &data, &client, &signature])
    }

    fn made(&self, said: &Said) -> String {
        let length = u16::try_from(self.credential.len()).unwrap().to_be_bytes();
        let data = said.authenticator_data(&[&[0; 16], length.as_slice(), &self.credential, b"a public key in CBOR"].concat());
        packed(&[&self.credential, &data, &said.client_data(), &self.public_key()])
    }
}

impl Said {
    fn getting(challenge: &[u8], uses: u32) -> Self {
        let (challenge, origin) = (challenge.to_vec(), ORIGIN_OF_THE_DESK.to_owned());
        Self { kind: "webauthn.get", challenge, origin, cross_origin: false, host: HOST, flags: VERIFIED, uses }
    }

    fn making(challenge: &[u8]) -> Self {
        Self { kind: "webauthn.create", flags: VERIFIED | 0x40, ..Self::getting(challenge, 0) }
    }

    fn authenticator_data(&self, rest: &[u8]) -> Vec<u8> {
        [&Sha256::digest(self.host)[..], &[self.flags], &self.uses.to_be_bytes(), rest].concat()
    }

    fn client_data(&self) -> Vec<u8> {
        let told = serde_json::json!({
            "type": self.kind, "challenge": BASE64URL.encode(&self.challenge), "origin": self.origin, "crossOrigin": self.cross_origin,
        });
        told.to_string().into_bytes()
    }

    /// Everything that makes it another's, another place's or nobody's.
    fn spoilt(&self) -> Vec<(&'static str, Self)> {
        let mut random = self.challenge.clone();
        random[0] ^= 1;
        vec![
            ("a challenge of nobody's", Self { challenge: random, ..self.clone() }),
            ("no challenge", Self { challenge: Vec::new(), ..self.clone() }),
            ("another deed", Self { kind: "payment.get", ..self.clone() }),
            ("another site", Self { origin: "https://desk.school.example.evil.example:8443".to_owned(), ..self.clone() }),
            ("a frame of another site", Self { cross_origin: true, ..self.clone() }),
            ("a passkey for another site", Self { host: "evil.example", ..self.clone() }),
            ("nobody was there", Self { flags: self.flags & !1, ..self.clone() }),
            ("who was there was not made sure of", Self { flags: self.flags & !4, ..self.clone() }),
        ]
    }
}

fn packed(pieces: &[&[u8]]) -> String {
    pieces.iter().map(|piece| BASE64URL.encode(piece)).collect::<Vec<_>>().join(".")
}

impl School {
    async fn challenge(&self) -> Vec<u8> {
        let told = self.post("/passkeys/challenge", None, "").await;
        let given: serde_json::Value = serde_json::from_str(&told.text).unwrap();
        BASE64URL.decode(given["challenge"].as_str().unwrap()).unwrap()
    }

    async fn adds(&self, role: Role, made: &str) -> Told {
        let fields = format!("name=my+phone&made={made}&code={}", self.code(role));
        self.post("/passkeys", Some(&self.person(role)), &fields).await
    }

    async fn with_passkey(&self, role: Role) -> Device {
        let device = Device::p256();
        let told = self.adds(role, &device.made(&Said::making(&self.challenge().await))).await;
        assert_eq!(told.status, StatusCode::OK, "{}", told.text);
        device
    }

    /// Whether somebody is let in with this.
    async fn signs_in(&self, fields: &str) -> bool {
        let told = self.post("/sign-in", None, &format!("name=safeguarding+lead&{fields}")).await;
        // Who guesses waits; that is tested elsewhere.
        self.review
            .attempts
            .succeeded("safeguarding lead", &crate::review::attempts::Caller::Stranger(std::net::IpAddr::from([0; 4]).into()));
        told.status == StatusCode::SEE_OTHER && told.headers.contains_key(SET_COOKIE)
    }
}

#[tokio::test]
async fn a_passkey_takes_the_place_of_the_code_and_of_nothing_else() {
    let school = School::new();
    let tables = rusqlite::Connection::open(school.shelf.folder.path().join("desk/desk.db")).unwrap();
    let hash = password::hash("correct horse battery").unwrap();
    tables.execute("UPDATE account SET password = ? WHERE name = 'safeguarding lead'", [hash]).unwrap();
    let device = school.with_passkey(Role::Dsl).await;
    assert!(matches!(school.events().last(), Some(Event::PasskeyAdded { opens_key: false })));

    let answer = device.answers(&Said::getting(&school.challenge().await, 1));
    assert!(!school.signs_in(&format!("password=wrong&passkey={answer}")).await, "not without the password");
    assert!(school.signs_in(&format!("password=correct+horse+battery&passkey={answer}")).await);
    assert!(!school.signs_in(&format!("password=correct+horse+battery&passkey={answer}")).await, "an answer counts once");
    let copied = device.answers(&Said::getting(&school.challenge().await, 1));
    assert!(!school.signs_in(&format!("password=correct+horse+battery&passkey={copied}")).await, "its count did not grow");
    let stranger = Device { credential: device.credential.clone(), ..Device::p256() };
    let forged = stranger.answers(&Said::getting(&school.challenge().await, 2));
    assert!(!school.signs_in(&format!("password=correct+horse+battery&passkey={forged}")).await, "another's signature");
    assert!(school.signs_in(&format!("password=correct+horse+battery&code={}", school.code(Role::Dsl))).await, "the code goes on working");
}

#[tokio::test]
async fn an_answer_for_another_place_person_or_moment_is_none() {
    let school = School::new();
    let device = school.with_passkey(Role::Dsl).await;
    let account = school.review.desk().credentials(Role::Dsl.title()).unwrap().unwrap();
    let factor = |answer: String, at: Timestamp| {
        let form = crate::review::form::Form::parse(format!("passkey={answer}").as_bytes());
        let signed = school.review.signed(at, Some(&account.0), &form).unwrap();
        school.review.factor(at, &account.1, &form, signed)
    };
    let now = Timestamp::now();
    for (what, said) in Said::getting(&school.challenge().await, 1).spoilt() {
        assert_eq!(factor(device.answers(&said), now), None, "{what}");
    }
    let fresh = Said::getting(&school.challenge().await, 1);
    assert_eq!(factor(device.answers(&fresh), now + jiff::SignedDuration::from_mins(6)), None, "too late");
    assert_eq!(factor(Device::ed25519().answers(&fresh), now), None, "a passkey that nobody has added");
    for junk in ["", "....", "a.b.c", "!.!.!.!", &device.answers(&fresh)[1..]] {
        assert_eq!(factor(junk.to_owned(), now), None, "{junk}");
    }
    assert!(factor(device.answers(&fresh), now).is_some());

    let deputy = school.review.desk().credentials(Role::Deputy.title()).unwrap().unwrap();
    let answer = device.answers(&Said::getting(&school.challenge().await, 2));
    let form = crate::review::form::Form::parse(format!("passkey={answer}").as_bytes());
    let signed = school.review.signed(now, Some(&deputy.0), &form).unwrap();
    assert_eq!(school.review.factor(now, &deputy.1, &form, signed), None, "it is another's");
    let school = School::new();
    assert!(!school.review.is_ours(now, &fresh.challenge), "another process's");
}

#[tokio::test]
async fn a_passkey_is_added_where_it_was_made_for_this_desk_and_with_the_second_factor_alone() {
    let school = School::new();
    let device = Device::ed25519();
    for (what, said) in Said::making(&school.challenge().await).spoilt() {
        assert_ne!(school.adds(Role::Dsl, &device.made(&said)).await.status, StatusCode::OK, "{what}");
    }
    let nameless = Said { flags: VERIFIED, ..Said::making(&school.challenge().await) };
    assert_ne!(school.adds(Role::Dsl, &device.made(&nameless)).await.status, StatusCode::OK, "it holds no credential");
    let made = device.made(&Said::making(&school.challenge().await));
    let without = school.post("/passkeys", Some(&school.person(Role::Dsl)), &format!("name=my+phone&made={made}&code=000000")).await;
    assert!(without.status == StatusCode::UNPROCESSABLE_ENTITY && without.text.contains("use your passkey"), "{}", without.text);
    assert_eq!(school.adds(Role::Dsl, &made).await.status, StatusCode::OK);
    assert_ne!(school.adds(Role::Dsl, &made).await.status, StatusCode::OK, "once");

    // It is the second factor for removing itself, too.
    let page = school.get("/passkeys", Some(&school.person(Role::Dsl))).await.text;
    let credential = BASE64URL.encode(&device.credential);
    assert!(page.contains(&credential) && page.contains("my phone"), "{page}");
    let answer = device.answers(&Said::getting(&school.challenge().await, 1));
    let drops = async |who: Role, with: &str| {
        school.post("/passkeys/drop", Some(&school.person(who)), &format!("credential={credential}&{with}")).await.status
    };
    assert_eq!(drops(Role::Deputy, &format!("code={}", school.code(Role::Deputy))).await, StatusCode::UNPROCESSABLE_ENTITY, "not hers");
    for without in ["", "code=000000", "passkey=AAAA"] {
        assert_eq!(drops(Role::Dsl, without).await, StatusCode::UNPROCESSABLE_ENTITY, "{without}");
    }
    assert!(school.get("/passkeys", Some(&school.person(Role::Dsl))).await.text.contains(&credential), "it is still there");
    assert_eq!(drops(Role::Dsl, &format!("passkey={answer}")).await, StatusCode::SEE_OTHER);
    assert!(matches!(school.events().last(), Some(Event::PasskeyDropped)));
}

#[test]
fn a_key_of_an_unknown_kind_is_not_taken() {
    let place = webauthn::Place { host: HOST.to_owned(), origin: ORIGIN_OF_THE_DESK.to_owned() };
    let device = Device::p256();
    let said = Said::making(&[7; 72]);
    let with_key = |key: &[u8]| {
        let made = device.made(&said);
        let (front, _) = made.rsplit_once('.').unwrap();
        webauthn::Registration::parse(&format!("{front}.{}", BASE64URL.encode(key))).unwrap().verified(&place)
    };
    let key = device.public_key();
    assert_eq!(with_key(&key), Some(0));
    for other in [&key[..key.len() - 1], &[key.as_slice(), b"x"].concat(), &key[26..], b""] {
        assert_eq!(with_key(other), None);
    }
}
