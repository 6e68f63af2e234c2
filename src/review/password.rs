//! Passwords: kept as argon2id, slow on purpose, and weighed in the same time whether or not there is such an account.

use argon2::password_hash::{PasswordHash, PasswordHasher, PasswordVerifier, SaltString};
use argon2::{Algorithm, Argon2, Params, Version};

/// 64 MiB, three times over, on one core. Source: RFC 9106, 4, the second recommended choice, on one lane.
const MEMORY_KIB: u32 = 64 << 10;
const PASSES: u32 = 3;
const LANES: u32 = 1;
/// In characters.
pub const SHORTEST: usize = 12;
const LONGEST: usize = 200;

/// A hash that no password fits: what is weighed where there is no account, so that it takes as long.
const NOBODY: &str = "$argon2id$v=19$m=65536,t=3,p=1$bm9ib2R5bm9ib2R5$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a new password is not taken, in one sentence.
pub fn weakness(password: &str, name: &str) -> Option<String> {
    let count = password.chars().count();
    let lower = password.to_lowercase();
    let distinct: std::collections::BTreeSet<char> = lower.chars().collect();
    if count < SHORTEST {
        Some(format!("A password has {SHORTEST} characters or more: four words with blanks between them are easy to keep in mind."))
    } else if count > LONGEST {
        Some(format!("A password has {LONGEST} characters at most."))
    } else if distinct.len() < 5 || name.split_whitespace().any(|part| part.len() > 3 && lower.contains(&part.to_lowercase())) {
        Some("That password is easy to guess: leave out your own name, and use more than a few characters.".to_owned())
    } else {
        None
    }
}

/// As PHC string.
///
/// # Errors
/// When the kernel gives no random octets, or there is not enough memory.
pub fn hash(password: &str) -> Result<String, String> {
    let mut salt = [0; 16];
    getrandom::fill(&mut salt).map_err(|error| error.to_string())?;
    let salt = SaltString::encode_b64(&salt).map_err(|error| error.to_string())?;
    argon2().hash_password(password.as_bytes(), &salt).map(|hash| hash.to_string()).map_err(|error| error.to_string())
}

/// Whether this is the password; `None` is weighed as long, and never fits.
pub fn fits(password: &str, known: Option<&str>) -> bool {
    let Ok(hash) = PasswordHash::new(known.unwrap_or(NOBODY)) else { return false };
    argon2().verify_password(password.as_bytes(), &hash).is_ok() && known.is_some()
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("parameters within the bounds of argon2");
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_and_nobody_has_one() {
        let known = hash("correct horse battery").unwrap();
        assert!(known.starts_with("$argon2id$v=19$m=65536,t=3,p=1$"), "{known}");
        assert_ne!(known, hash("correct horse battery").unwrap(), "salted");
        assert!(fits("correct horse battery", Some(&known)));
        assert!(!fits("correct horse batterz", Some(&known)) && !fits("correct horse battery", None) && !fits("", None));
    }

    #[test]
    fn who_does_not_exist_is_refused_as_slowly_as_who_does() {
        let known = hash("correct horse battery").unwrap();
        let time = |known: Option<&str>| {
            let began = Instant::now();
            assert!(!fits("wrong", known));
            began.elapsed().as_secs_f64()
        };
        let (real, nobody) = (time(Some(&known)), time(None));
        assert!(nobody > real / 10.0, "{nobody} s against {real} s: nobody is weighed at all");
    }

    #[test]
    fn a_password_that_is_easy_to_guess_is_not_taken() {
        for weak in ["short", "aaaaaaaaaaaaaaaa", "robin finch 2026!", "ababababababab"] {
            assert!(weakness(weak, "Robin Finch").is_some(), "{weak}");
        }
        assert_eq!(weakness("correct horse battery", "Robin Finch"), None);
    }
}
