//! The second factor: codes of six digits that change every half minute (RFC 6238 with HMAC-SHA-1, as every app has it).

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha1::Sha1;

/// In seconds.
const STEP: u64 = 30;
/// A phone's clock may be a step behind or ahead.
const DRIFT: u64 = 1;
const DIGITS: u32 = 6;
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The step whose code this is, if it is one of now. A step is used once: see `Desk::signed_in`.
pub fn step_of(secret: &[u8], code: &str, now: Timestamp) -> Option<u64> {
    let typed: String = code.chars().filter(|c| !c.is_whitespace()).collect();
    let now = u64::try_from(now.as_second()).unwrap_or(0) / STEP;
    // Every one of them is computed, whichever fits.
    (now.saturating_sub(DRIFT)..=now + DRIFT)
        .fold(None, |found, step| if same(&code_at(secret, step), &typed) { Some(step) } else { found })
}

/// What an app on a phone reads from a picture or a link. Source: the key URI format of Google Authenticator.
pub fn link(secret: &[u8], school: &str, name: &str) -> String {
    let label: String = form_urlencoded::byte_serialize(format!("{school}: {name}").as_bytes()).collect();
    let issuer: String = form_urlencoded::byte_serialize(school.as_bytes()).collect();
    format!("otpauth://totp/{}?secret={}&issuer={}", label.replace('+', "%20"), base32(secret), issuer.replace('+', "%20"))
}

/// RFC 4648 without padding, in groups of four for people who type it.
pub fn grouped(secret: &[u8]) -> String {
    base32(secret).as_bytes().chunks(4).map(String::from_utf8_lossy).collect::<Vec<_>>().join(" ")
}

fn code_at(secret: &[u8], step: u64) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(&step.to_be_bytes());
    let digest = mac.finalize().into_bytes();
    // Source: RFC 4226, 5.3.
    let offset = usize::from(digest[19] & 0xf);
    let number = u32::from_be_bytes([digest[offset] & 0x7f, digest[offset + 1], digest[offset + 2], digest[offset + 3]]);
    format!("{:06}", number % 10_u32.pow(DIGITS))
}

/// In the same time whichever digit differs first.
pub fn same(one: &str, other: &str) -> bool {
    one.len() == other.len() && one.bytes().zip(other.bytes()).fold(0, |differing, (a, b)| differing | (a ^ b)) == 0
}

fn base32(octets: &[u8]) -> String {
    let mut text = String::new();
    for chunk in octets.chunks(5) {
        let mut five = [0; 8];
        five[3..3 + chunk.len()].copy_from_slice(chunk);
        let bits = u64::from_be_bytes(five);
        let characters = (chunk.len() * 8).div_ceil(5);
        text.extend((0..characters).map(|at| char::from(BASE32[(bits >> (35 - 5 * at) & 31) as usize])));
    }
    text
}

/// The code of now, as an app would show it.
#[cfg(test)]
pub fn code(secret: &[u8], unix_seconds: u64) -> String {
    code_at(secret, unix_seconds / STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_are_those_of_the_standard() {
        // RFC 6238, appendix B: the last six of its eight digits.
        for (seconds, expected) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_111_111_111, "050471"), (1_234_567_890, "005924"), (2_000_000_000, "279037")]
        {
            assert_eq!(code(b"12345678901234567890", seconds), expected);
        }
    }

    #[test]
    fn a_code_counts_a_step_early_and_a_step_late_and_no_longer() {
        let secret = b"12345678901234567890";
        let code = code(secret, 3_000);
        let step_at = |second, code: &str| step_of(secret, code, Timestamp::from_second(second).unwrap());
        assert_eq!([2_940, 2_970, 3_000, 3_059, 3_060].map(|at| step_at(at, &code)), [None, Some(100), Some(100), Some(100), None]);
        assert_eq!(step_at(3_000, &format!(" {} {}", &code[..3], &code[3..])), Some(100), "as apps show it");
        assert_eq!([step_at(3_000, ""), step_at(3_000, "1234567")], [None, None]);
    }

    #[test]
    fn the_secret_is_written_as_apps_read_it() {
        // RFC 4648, 10.
        assert_eq!(
            ["f", "fo", "foo", "foob", "fooba", "foobar"].map(|text| base32(text.as_bytes())),
            ["MY", "MZXQ", "MZXW6", "MZXW6YQ", "MZXW6YTB", "MZXW6YTBOI"]
        );
        assert_eq!(
            link(b"fooba", "St. Mary's", "Ann B"),
            "otpauth://totp/St.%20Mary%27s%3A%20Ann%20B?secret=MZXW6YTB&issuer=St.%20Mary%27s"
        );
    }
}
