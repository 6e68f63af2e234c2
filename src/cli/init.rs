//! `mailwarden init`: makes the state of an installation and the key of every audience.

use std::collections::BTreeMap;
use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt;

use clap::Args;
use jiff::Timestamp;

use super::enrolment::Enrolment;
use super::remedy::out_of_reach;
use super::shelf::{Shelf, operator};
use super::{ConfigFile, Exit, Failure, Output};
use crate::config::Config;
use crate::fault::Fault;
use crate::finding::Audience;
use crate::journal::{Event, InstanceKey};
use crate::vault::{Member, VaultError};

/// Make the state directory, the instance key and the key of every audience.
///
/// Each audience (dsl, head, chair) gets a key of its own whose private half only its members can open. `evidence`, for what
/// nobody at the school may look at, is the public half of a key that `mailwarden keys evidence` has made on another machine.
/// Run as the user of the service. What is there already stays as it is.
#[derive(Debug, Args)]
pub(super) struct Init {
    #[command(flatten)]
    config: ConfigFile,
    /// Somebody who can open what is sealed to an audience, with her public key from `mailwarden keys new`.
    #[arg(long = "member", value_name = "AUDIENCE:NAME=age1…")]
    members: Vec<Enrolment>,
}

impl Init {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let Shelf { vault, book } = make_state(&config, out)?;
        let ring = vault.ring();

        let mut wanted: BTreeMap<Audience, Vec<Member>> = BTreeMap::new();
        for Enrolment { audience, member } in self.members {
            wanted.entry(audience).or_default().push(member);
        }
        let (mut missing, mut broken) = (Vec::new(), Vec::new());
        for audience in Audience::ALL {
            match (ring.recipient(audience), wanted.contains_key(&audience)) {
                (Ok(_), true) => missing.push(enrolled_already(audience)),
                (Err(VaultError::NoRing { .. }), false) => missing.push(nobody_enrolled(audience)),
                (Ok(_), false) | (Err(VaultError::NoRing { .. }), true) => {}
                (Err(error), _) => broken.extend(Failure::from(error).faults),
            }
        }
        if wanted.get(&Audience::Evidence).is_some_and(|holders| holders.len() > 1) {
            missing.push(one_evidence_key());
        }
        if !broken.is_empty() {
            return Err(Failure::config(broken.into_iter().chain(missing).collect()));
        }
        if !missing.is_empty() {
            return Err(Failure { exit: Exit::Usage, faults: missing });
        }
        if let Some(holder) = wanted.remove(&Audience::Evidence).and_then(|mut holders| holders.pop()) {
            let (audience, name, recipient) = (Audience::Evidence, holder.name.clone(), holder.recipient.to_string());
            let fingerprint = holder.recipient.fingerprint();
            book.note(Timestamp::now(), &operator(), &Event::AudienceKeyTaken { audience, name, recipient })?;
            ring.take(audience, holder)?;
            out.line(&format!("took  the public half of `evidence`: compare its fingerprint, {fingerprint}, with who made it"))?;
        }
        for (audience, members) in wanted {
            let names = members.iter().map(|member| member.name.clone()).collect::<Vec<_>>();
            let told = names.join(", ");
            book.note(Timestamp::now(), &operator(), &Event::AudienceCreated { audience, members: names })?;
            ring.create(audience, &members)?;
            out.line(&format!("made  the key of `{audience}`, which opens for {told}"))?;
        }
        Ok(())
    }
}

fn make_state(config: &Config, out: &mut Output) -> Result<Shelf, Failure> {
    let directory = &config.state.directory;
    DirBuilder::new().recursive(true).mode(0o750).create(directory).map_err(|error| out_of_reach(directory, &error))?;
    let path = config.state.instance_key();
    match InstanceKey::create(&path) {
        Ok(_) => out.line(&format!("made  {}", path.display()))?,
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => out.line(&format!("found {}", path.display()))?,
        Err(error) => return Err(out_of_reach(&path, &error)),
    }
    Shelf::open(config)
}

fn nobody_enrolled(audience: Audience) -> Fault {
    let maker = if audience == Audience::Evidence { "`mailwarden keys evidence` on another machine" } else { "`mailwarden keys new FILE`" };
    Fault {
        what: format!("nobody would be able to open what is sealed to `{audience}`"),
        at: None,
        why: "the audience has no key, and no member to make one for".to_owned(),
        hint: format!("add `--member {audience}:NAME=age1…` with a key from {maker}"),
    }
}

fn one_evidence_key() -> Fault {
    Fault {
        what: "`evidence` takes one key".to_owned(),
        at: None,
        why: "it is made away from this machine, and wrapped to nobody".to_owned(),
        hint: "leave out all but one `--member evidence:…`; copies of its file or sheet are other envelopes".to_owned(),
    }
}

fn enrolled_already(audience: Audience) -> Fault {
    let instead = if audience == Audience::Evidence {
        "`mailwarden keys take` takes another from then on"
    } else {
        "a member adds another with `mailwarden keys add`"
    };
    Fault {
        what: format!("the audience `{audience}` has a key already"),
        at: None,
        why: "another one would not open what is sealed".to_owned(),
        hint: format!("leave out `--member {audience}:…`; {instead}"),
    }
}
