//! What a token of Microsoft's permits: it says so itself, to whom it is for.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::Provider;

/// Of an application that reads mailboxes with nobody signed in.
const IMAP: &str = "IMAP.AccessAsApp";

#[derive(Deserialize)]
struct Claims {
    #[serde(default)]
    roles: Vec<String>,
}

/// The permission that a token should hold and does not. Of one that cannot be read, nothing is known.
pub(super) fn lacks_role(provider: Provider, token: &str) -> Option<&'static str> {
    if provider != Provider::Microsoft {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let Claims { roles } = serde_json::from_slice(&claims).ok()?;
    (!roles.iter().any(|role| role == IMAP)).then_some(IMAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_without_the_permission_is_known_by_what_it_says_itself() {
        let token = |claims: &str| format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims));
        assert_eq!(lacks_role(Provider::Microsoft, &token(r#"{"roles":["SMTP.SendAsApp"]}"#)), Some(IMAP));
        assert_eq!(lacks_role(Provider::Microsoft, &token("{}")), Some(IMAP));
        assert_eq!(lacks_role(Provider::Microsoft, &token(r#"{"roles":["IMAP.AccessAsApp"]}"#)), None);
        assert_eq!(lacks_role(Provider::Microsoft, "opaque"), None);
        assert_eq!(lacks_role(Provider::Other, &token("{}")), None);
    }
}
