//! Check digits: what tells a number of a kind from any other number as long.

use super::form::CheckDigits;

/// The letters of a unique pupil number, by their value.
const UPN_LETTERS: &[u8] = b"ABCDEFGHJKLMNPQRTUVWXYZ";

impl CheckDigits {
    /// Whether a find of a regex is right by its check digits. Only its letters and digits count.
    pub fn hold(self, found: &[u8]) -> bool {
        let signs: Vec<u8> = found.iter().filter(|octet| octet.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase).collect();
        match self {
            Self::Iban => iban(&signs),
            Self::Luhn => luhn(&signs),
            Self::Nhs => nhs(&signs),
            Self::Upn => upn(&signs).unwrap_or(false),
        }
    }
}

/// Source: ISO 13616-1, with the check of ISO 7064, MOD 97-10.
fn iban(signs: &[u8]) -> bool {
    if !(15..=34).contains(&signs.len()) {
        return false;
    }
    let remainder = signs[4..].iter().chain(&signs[..4]).fold(0_u32, |sum, sign| match sign {
        b'0'..=b'9' => (sum * 10 + u32::from(sign - b'0')) % 97,
        _ => (sum * 100 + u32::from(sign - b'A') + 10) % 97,
    });
    remainder == 1
}

/// Source: ISO/IEC 7812-1, annex B.
fn luhn(signs: &[u8]) -> bool {
    if signs.len() < 2 || !signs.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let sum: u32 = signs
        .iter()
        .rev()
        .enumerate()
        .map(|(place, sign)| {
            let digit = u32::from(sign - b'0') << (place % 2);
            if digit > 9 { digit - 9 } else { digit }
        })
        .sum();
    sum.is_multiple_of(10)
}

/// Source: NHS Data Dictionary, NHS NUMBER.
fn nhs(signs: &[u8]) -> bool {
    if signs.len() != 10 || !signs.iter().all(u8::is_ascii_digit) {
        return false;
    }
    let weighted: u32 = signs.iter().zip((1..=10_u32).rev()).map(|(sign, weight)| u32::from(sign - b'0') * weight).sum();
    weighted.is_multiple_of(11)
}

/// Source: Department for Education, Unique pupil numbers: guide. The last sign of a temporary number is a letter.
fn upn(signs: &[u8]) -> Option<bool> {
    let (check, rest) = signs.split_first().filter(|_| signs.len() == 13)?;
    let value = |sign: &u8| UPN_LETTERS.iter().position(|letter| letter == sign);
    let mut sum = 0;
    for (place, sign) in rest.iter().enumerate() {
        let digit = match sign {
            b'0'..=b'9' => usize::from(sign - b'0'),
            _ if place == 11 => value(sign)?,
            _ => return None,
        };
        sum += digit * (place + 2);
    }
    Some(value(check)? == sum % UPN_LETTERS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_with_one_digit_wrong_is_not_one() {
        for (check, right, wrong) in [
            (CheckDigits::Nhs, "943 476 5919", "943 476 5918"),
            (CheckDigits::Luhn, "4111-1111-1111-1111", "4111-1111-1111-1112"),
            (CheckDigits::Iban, "GB82 WEST 1234 5698 7654 32", "GB82 WEST 1234 5698 7654 33"),
            (CheckDigits::Upn, "M823432111001", "A823432111001"),
        ] {
            assert!(check.hold(right.as_bytes()), "{right}");
            assert!(!check.hold(wrong.as_bytes()), "{wrong}");
            assert!(!check.hold(b""), "{check:?}");
            assert!(!check.hold(b"one two three"), "{check:?}");
        }
    }

    #[test]
    fn a_temporary_pupil_number_ends_in_a_letter() {
        // 126 of the number above, less its last 1 x 13, and 2 x 13 for the C: 139 is 6 times 23 and 1.
        assert!(CheckDigits::Upn.hold(b"B82343211100C"));
        assert!(!CheckDigits::Upn.hold(b"C82343211100C"));
    }
}
