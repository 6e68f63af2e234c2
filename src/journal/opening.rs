//! Who opened what of which case: the lines of both journals that tell of it, told by depth.

use super::Event;
use crate::case::{CaseId, Codename};

/// How deep somebody has looked, the shallowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    Facts,
    Excerpt,
    Full,
    /// With the command line and a key file: no more than what matched,
    ExcerptAtTheServer,
    /// or all of it.
    AtTheServer,
    /// The keys of what is held, for it to go back.
    Release,
    /// The keys of what is sealed, for a package for the police.
    HandOver,
    /// All of it, for the police.
    Evidence,
}

impl Depth {
    pub fn told(self) -> &'static str {
        match self {
            Self::Facts => "the facts",
            Self::Excerpt => "what matched",
            Self::Full => "the whole text",
            Self::ExcerptAtTheServer => "what matched, at the server",
            Self::AtTheServer => "the whole text, at the server",
            Self::Release => "the keys, to put it back",
            Self::HandOver => "the keys, for a package for the police",
            Self::Evidence => "a package for the police",
        }
    }

    /// What an event opened, and of which case.
    pub fn of(event: &Event) -> Option<(Self, CaseId, &Codename)> {
        match event {
            Event::CiphertextServed { case, codename, depth, .. } => match depth.as_str() {
                "excerpt" => Some((Self::Excerpt, *case, codename)),
                "hand-over" => Some((Self::HandOver, *case, codename)),
                "release" => Some((Self::Release, *case, codename)),
                // A depth that this version does not know counts as the deepest that one reads.
                _ => Some((Self::Full, *case, codename)),
            },
            Event::EvidencePackaged { case, codename, .. } => Some((Self::Evidence, *case, codename)),
            Event::FactsViewed { case, codename } => Some((Self::Facts, *case, codename)),
            Event::Viewed { case, codename, excerpt: true, .. } => Some((Self::ExcerptAtTheServer, *case, codename)),
            Event::Viewed { case, codename, .. } => Some((Self::AtTheServer, *case, codename)),
            _ => None,
        }
    }
}
