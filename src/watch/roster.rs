//! Who joins and who leaves with a new configuration, and whose mailbox a fault in the list keeps from being watched.

use std::collections::BTreeSet;

use super::{Daemon, tell};
use crate::casebook::Trouble;
use crate::config::Config;
use crate::journal::Event;
use crate::mail::Address;

/// Writes down how many have joined and left; the log names them.
pub fn changed(daemon: &Daemon, before: &Config, after: &Config) {
    let (then, now) = (addresses(before), addresses(after));
    let (joined, left): (Vec<_>, Vec<_>) = (now.difference(&then).collect(), then.difference(&now).collect());
    for (mailbox, verb) in joined.iter().map(|mailbox| (mailbox, "joins")).chain(left.iter().map(|mailbox| (mailbox, "leaves"))) {
        tracing::info!(%mailbox, "it {verb}");
    }
    if !(joined.is_empty() && left.is_empty()) {
        daemon.note(&Event::MailboxesChanged { joined: joined.len(), left: left.len() });
    }
}

/// A line that is broken keeps none of the others, and is a trouble until it is mended.
pub fn tell_of_faults(daemon: &Daemon) {
    let config = daemon.config();
    for fault in &config.faults {
        let at = fault.at.as_ref().map(ToString::to_string).unwrap_or_default();
        tracing::warn!(%at, "{}: {}", fault.what, fault.why);
    }
    let first = config.faults.first().map(|fault| {
        let place = fault.at.as_ref().map(|at| format!(", the first at {at}")).unwrap_or_default();
        format!("{} faults in the list of mailboxes keep some from being watched{place}; see `mailwarden check`", config.faults.len())
    });
    match first {
        Some(_) => tell::trouble(daemon, Trouble::MailboxListBroken, None),
        None => tell::trouble_over(daemon, Trouble::MailboxListBroken, None),
    }
    daemon.board.trouble("mailboxes", first);
}

fn addresses(config: &Config) -> BTreeSet<&Address> {
    config.mailboxes.iter().map(|watched| &watched.mailbox.address).collect()
}
