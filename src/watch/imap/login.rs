//! Who signs in, and with what.

use crate::config::{Secret, TokenMechanism};

/// How a mailbox is opened.
#[derive(Clone)]
pub enum Login {
    /// One account reads every mailbox: `amber@school.example*scanner`.
    Master {
        user: String,
        master: String,
        separator: String,
        password: Secret,
    },
    Password {
        user: String,
        password: Secret,
    },
    Sasl(Sasl),
}

/// What AUTHENTICATE carries.
#[derive(Clone)]
pub enum Sasl {
    /// RFC 4616: `name` with its password, in the place of another user where `instead_of` is set.
    Plain {
        name: String,
        instead_of: Option<String>,
        password: Secret,
    },
    Token {
        user: String,
        token: Secret,
        mechanism: TokenMechanism,
    },
}

impl Sasl {
    pub(super) fn mechanism(&self) -> &'static str {
        match self {
            Self::Plain { .. } => "PLAIN",
            Self::Token { mechanism: TokenMechanism::OAuthBearer, .. } => "OAUTHBEARER",
            Self::Token { mechanism: TokenMechanism::XOAuth2, .. } => "XOAUTH2",
        }
    }

    /// What the client says, before it is put into base64; `None` when a name or secret holds what separates the two.
    pub(super) fn answer(&self) -> Option<String> {
        let safe = |text: &str| !text.contains(['\0', '\x01', '\r', '\n']);
        match self {
            Self::Plain { name, instead_of, password } => {
                let (instead_of, password) = (instead_of.as_deref().unwrap_or_default(), password.expose());
                [instead_of, name, password].into_iter().all(safe).then(|| format!("{instead_of}\0{name}\0{password}"))
            }
            Self::Token { user, token, mechanism } => {
                let token = token.expose();
                if ![user, token].into_iter().all(safe) {
                    return None;
                }
                Some(match mechanism {
                    // In a name of GS2, `=` and `,` are written as numbers (RFC 5801, 4).
                    TokenMechanism::OAuthBearer => {
                        format!("n,a={},\x01auth=Bearer {token}\x01\x01", user.replace('=', "=3D").replace(',', "=2C"))
                    }
                    TokenMechanism::XOAuth2 => format!("user={user}\x01auth=Bearer {token}\x01\x01"),
                })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(user: &str, token: &str, mechanism: TokenMechanism) -> Option<String> {
        Sasl::Token { user: user.to_owned(), token: Secret::new(token.to_owned()), mechanism }.answer()
    }

    #[test]
    fn a_token_is_shown_as_each_mechanism_wants_it() {
        assert_eq!(token("a@s.example", "t", TokenMechanism::XOAuth2).unwrap(), "user=a@s.example\x01auth=Bearer t\x01\x01");
        assert_eq!(token("a=,b", "t", TokenMechanism::OAuthBearer).unwrap(), "n,a=a=3D=2Cb,\x01auth=Bearer t\x01\x01");
    }

    #[test]
    fn what_would_end_a_name_or_a_token_early_is_not_sent() {
        assert_eq!(token("a\x01auth=Bearer other", "t", TokenMechanism::XOAuth2), None);
        assert_eq!(token("a", "t\x01", TokenMechanism::OAuthBearer), None);
        let plain = Sasl::Plain { name: "a\0b".to_owned(), instead_of: None, password: Secret::new(String::new()) };
        assert_eq!(plain.answer(), None);
    }
}
