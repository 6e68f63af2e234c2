//! Somebody with a key, a case and a reason: what `open` and `release` begin with.

use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use clap::Args;

use super::shelf::operator;
use super::{ConfigFile, Exit, Failure};
use crate::case::Codename;
use crate::fault::Fault;
use crate::finding::Audience;
use crate::journal::Actor;
use crate::vault::{AudienceIdentity, MemberIdentity, Ring, Vault, VaultError};

#[derive(Debug, Args)]
pub(super) struct KeyHolder {
    #[command(flatten)]
    pub config: ConfigFile,
    /// Your private key; `-` reads it from standard input.
    #[arg(long, value_name = "FILE")]
    identity: PathBuf,
    /// Why, in 10 characters or more. It is kept in the journal, beside your name.
    #[arg(long, value_name = "TEXT")]
    pub reason: Reason,
}

/// What somebody gives as her reason: 10 to 1,000 characters.
#[derive(Clone, Debug)]
pub(super) struct Reason(String);

/// Whether a key opens what it is to open. Either way, the journal learns who came.
pub(super) enum Admission {
    /// `others` are the keys of the other audiences that she is a member of.
    Admitted {
        who: Actor,
        key: AudienceIdentity,
        others: Vec<AudienceIdentity>,
    },
    Refused {
        who: Actor,
    },
}

impl KeyHolder {
    /// Opens the ring of the first of these audiences that she is a member of.
    ///
    /// # Errors
    /// When a ring is damaged.
    pub fn admission(member: &MemberIdentity, vault: &Vault, audiences: &[Audience]) -> Result<Admission, Failure> {
        for audience in audiences {
            if let Some((who, key)) = enter(&vault.ring(), *audience, member)? {
                let others = Audience::ALL.into_iter().filter(|other| other != audience);
                let others = others.filter_map(|other| enter(&vault.ring(), other, member).ok().flatten().map(|(_, key)| key)).collect();
                return Ok(Admission::Admitted { who, key, others });
            }
        }
        // A member of another audience is known by name all the same.
        let name = Audience::ALL.into_iter().find_map(|audience| enter(&vault.ring(), audience, member).ok().flatten());
        Ok(Admission::Refused { who: name.map_or_else(operator, |(who, _)| who) })
    }

    /// Her key, read once: it may come from standard input.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn presented(&self) -> Result<MemberIdentity, VaultError> {
        if self.identity == Path::new("-") {
            MemberIdentity::read_from(io::stdin(), Path::new("standard input"))
        } else {
            MemberIdentity::read(&self.identity)
        }
    }

    /// What she is told whose key does not fit.
    pub fn not_hers(codename: &Codename, audiences: &[Audience]) -> Failure {
        let theirs = audiences.iter().map(|audience| format!("`{audience}`")).collect::<Vec<_>>().join(" and ");
        let what = format!("{codename} is for {theirs} to open; this key is not among theirs, so please ask one of them");
        Failure { exit: Exit::World, faults: vec![Fault { what, at: None, why: String::new(), hint: String::new() }] }
    }
}

impl Reason {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Reason {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        match text.chars().count() {
            ..10 => Err("say in 10 characters or more why you do this: it stands in the journal, for you as for others"),
            10..=1_000 => Ok(Self(text.to_owned())),
            _ => Err("keep it below 1,000 characters, and out of the journal whatever is personal"),
        }
    }
}

/// Her name in the ring and the audience's key; none where she is no member, or nobody is.
fn enter(ring: &Ring<'_>, audience: Audience, member: &MemberIdentity) -> Result<Option<(Actor, AudienceIdentity)>, VaultError> {
    let members = match ring.members(audience, member) {
        Err(VaultError::NoRing { .. } | VaultError::WrongIdentity { .. }) => return Ok(None),
        members => members?,
    };
    let recipient = member.recipient();
    let name = members.into_iter().find(|member| member.recipient == recipient).map(|member| member.name);
    Ok(Some((name.map_or_else(operator, Actor::Member), ring.open(audience, member)?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_says_something() {
        assert!("because".parse::<Reason>().is_err_and(|told| told.contains("10 characters")));
        assert!("         a         ".parse::<Reason>().is_err(), "blanks say nothing");
        assert_eq!(" a tutor asked ".parse::<Reason>().unwrap().as_str(), "a tutor asked");
    }
}
