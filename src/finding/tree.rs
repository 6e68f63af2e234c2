//! A message as a tree: which parts it has, what they are, and what was read of each.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Defect, Incomplete, Location};

/// What a message is made of. With words it quotes the message, and has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tree {
    /// In the order of their parts.
    pub branches: Vec<Branch>,
    pub incomplete: Vec<Incomplete>,
    pub defects: Vec<Defect>,
    /// Every text as it was read; empty unless it was asked for.
    pub texts: Vec<(Location, String)>,
}

/// One part, or one member of a container.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Branch {
    /// As in [`Incomplete::part`].
    pub part: String,
    /// What the sender says that it is: `text/html` where words were asked for, else the kind alone, `text`; empty where
    /// nothing is said.
    pub declared: String,
    /// What it is by its octets.
    pub media_type: String,
    /// Transfer encoding and packing undone.
    pub octets: u64,
    /// With all that lies inside it.
    pub took: Duration,
    /// As the sender named it; `None` unless words were asked for.
    pub name: Option<String>,
}

impl Tree {
    /// Of a message that nobody could read.
    pub fn unread(incomplete: Incomplete) -> Self {
        Self { branches: Vec::new(), incomplete: vec![incomplete], defects: Vec::new(), texts: Vec::new() }
    }

    /// Whether it says what nobody asked for.
    pub fn has_words(&self) -> bool {
        !self.texts.is_empty() || self.branches.iter().any(|branch| branch.name.is_some() || branch.declared.contains('/'))
    }
}
