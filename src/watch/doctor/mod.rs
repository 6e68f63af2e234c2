//! Every step of the way into a mailbox, tried once: which one fails, why most likely, and what mends it.

mod advice;
mod roles;
mod walk;

use serde::Serialize;

use crate::config::Watched;
use crate::mail::Address;

pub use advice::{Advice, Provider, advise};
pub use walk::walk;

/// The steps, in the order in which they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    Token,
    Resolve,
    Connect,
    Tls,
    SignIn,
    List,
    Select,
    Fetch,
    Remove,
}

impl Step {
    pub const ALL: [Self; 9] =
        [Self::Token, Self::Resolve, Self::Connect, Self::Tls, Self::SignIn, Self::List, Self::Select, Self::Fetch, Self::Remove];

    /// What is done, in a word or two.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::Resolve => "resolve",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::SignIn => "sign in",
            Self::List => "list",
            Self::Select => "select",
            Self::Fetch => "fetch",
            Self::Remove => "remove",
        }
    }
}

/// How far the way into one mailbox was walked.
pub struct Walk {
    pub mailbox: Address,
    /// The name of its server.
    pub server: String,
    pub provider: Provider,
    /// What it does not take, such as a token where there is a password, is not among them.
    pub done: Vec<Step>,
    /// Folders that can be opened.
    pub folders: usize,
    /// Where the way ends, and why.
    pub failure: Option<(Step, String)>,
}

impl Walk {
    fn begin(watched: &Watched) -> Self {
        Self {
            mailbox: watched.mailbox.address.clone(),
            server: watched.server.name.clone(),
            provider: Provider::of(&watched.server.host),
            done: Vec::new(),
            folders: 0,
            failure: None,
        }
    }

    /// Of a server that nothing can vouch for.
    pub fn without_trust(watched: &Watched, why: String) -> Self {
        Self { failure: Some((Step::Tls, why)), ..Self::begin(watched) }
    }
}
