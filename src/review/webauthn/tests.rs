//! Passkeys that others have made: the examples of the standard, and RSA by a program that is not ours.

use std::process::Command;

use super::*;

const VECTORS: &str = include_str!("vectors.tsv");

fn packed(pieces: &[&[u8]]) -> String {
    pieces.iter().map(|piece| BASE64URL.encode(piece)).collect::<Vec<_>>().join(".")
}

/// Whether an assertion of these pieces is one by this key: authenticator data, client data, signature.
fn is_taken(pieces: [&[u8]; 3], public_key: &[u8], place: &Place) -> bool {
    let [data, client, signature] = pieces;
    Assertion::parse(&packed(&[b"credential", data, client, signature])).unwrap().verified(public_key, place).is_some()
}

/// Each of these with one bit of one octet turned round, as often as there are octets.
fn spoilt(pieces: [&[u8]; 3]) -> impl Iterator<Item = [Vec<u8>; 3]> {
    let whole = pieces.map(<[u8]>::to_vec);
    let octets = (0..3).flat_map({
        let whole = whole.clone();
        move |piece| (0..whole[piece].len()).map(move |at| (piece, at)).collect::<Vec<_>>()
    });
    octets.map(move |(piece, at)| {
        let mut spoilt = whole.clone();
        spoilt[piece][at] ^= 1;
        spoilt
    })
}

fn nothing_spoilt_is_taken(pieces: [&[u8]; 3], public_key: &[u8], place: &Place) {
    let mut tried = 0;
    for [data, client, signature] in spoilt(pieces) {
        assert!(!is_taken([&data, &client, &signature], public_key, place), "{data:02x?} {client:02x?} {signature:02x?}");
        tried += 1;
    }
    assert!(tried > HEAD);
}

#[test]
fn the_examples_of_the_standard_end_as_they_should() {
    let place = Place { host: "example.org".to_owned(), origin: "https://example.org".to_owned() };
    let elsewhere = Place { host: "example.com".to_owned(), origin: "https://example.org".to_owned() };
    let other_origin = Place { host: "example.org".to_owned(), origin: "https://example.com".to_owned() };
    let (mut made, mut used, mut signed) = (0, 0, 0);
    for line in VECTORS.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<_> = line.split('\t').collect();
        let name = fields[0];
        let octets = |at: usize| hex::decode(fields[at]).unwrap();
        let (credential, key) = (octets(4), octets(5));

        let text = packed(&[&credential, &octets(2), &octets(3), &key]);
        let registration = Registration::parse(&text).unwrap();
        assert_eq!(registration.challenge(), Some(octets(1)), "{name}");
        assert_eq!(registration.verified(&place).is_some(), fields[6] == "taken", "{name} is made: {}", fields[6]);
        made += u32::from(fields[6] == "taken");

        let (data, client, signature) = (octets(8), octets(9), octets(10));
        let pieces = [data.as_slice(), &client, &signature];
        let assertion = Assertion::parse(&packed(&[&credential, &data, &client, &signature])).unwrap();
        assert_eq!(assertion.challenge(), Some(octets(7)), "{name}");
        assert_eq!(assertion.verified(&key, &place), (fields[11] == "taken").then_some(0), "{name} is used: {}", fields[11]);
        used += u32::from(fields[11] == "taken");
        // What is not taken is refused for what is said of it, and not for its signature.
        let all = [data.as_slice(), &Sha256::digest(&client)].concat();
        let fits = verifier(&key).map(|key| key.verify(&all, &signature).is_ok());
        assert_eq!(fits, (fields[11] != "unknown").then_some(true), "{name}");
        signed += u32::from(fits == Some(true));

        if fields[11] == "taken" {
            assert!(!is_taken(pieces, &key, &elsewhere) && !is_taken(pieces, &key, &other_origin), "{name}");
            nothing_spoilt_is_taken(pieces, &key, &place);
        }
    }
    assert_eq!((made, used, signed), (4, 3, 11));
}

/// An authenticator of Windows may have no other kind.
#[test]
fn an_rsa_key_of_2048_bits_signs_in_and_one_of_another_length_does_not() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let openssl = |arguments: &str| {
        let done = Command::new("openssl").args(arguments.split(' ')).current_dir(folder.path()).output().expect("openssl, of Debian");
        assert!(done.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&done.stderr));
    };
    let place = Place { host: "desk.school.example".to_owned(), origin: "https://desk.school.example:8443".to_owned() };
    let client = br#"{"type":"webauthn.get","challenge":"AAAA","origin":"https://desk.school.example:8443","crossOrigin":false}"#;
    let data = [&Sha256::digest(&place.host)[..], &[PRESENT_AND_VERIFIED, 0, 0, 0, 7]].concat();
    std::fs::write(at("signed"), [&data[..], &Sha256::digest(client)].concat()).unwrap();
    for (bits, counts) in [(2_048, Some(7)), (3_072, None)] {
        openssl(&format!("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:{bits} -out key.pem"));
        openssl("pkey -in key.pem -pubout -outform DER -out key.der");
        openssl("dgst -sha256 -sign key.pem -out signature signed");
        let (key, signature) = (std::fs::read(at("key.der")).unwrap(), std::fs::read(at("signature")).unwrap());
        let assertion = Assertion::parse(&packed(&[b"credential", &data, client, &signature])).unwrap();
        assert_eq!(assertion.verified(&key, &place), counts, "{bits} bits");
        if counts.is_some() {
            nothing_spoilt_is_taken([&data, client, &signature], &key, &place);
        }
    }
}
