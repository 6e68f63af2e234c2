//! Who joins and who leaves with a new configuration, and whose mailbox a fault in the list keeps from being watched.

use std::collections::{BTreeSet, HashMap};

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::{Daemon, tell};
use crate::casebook::Trouble;
use crate::config::Config;
use crate::journal::Event;
use crate::mail::Address;

/// Who was not looked into for longer is as good as one that never was, in days.
const LONG_AGO: i64 = 7;

/// Puts those first that have waited longest for a look: where the daemon is started anew in the middle of a long round, it is not always
/// the end of the list that goes without.
pub fn longest_unseen_first<T>(daemon: &Daemon, mailboxes: &mut [T], address: impl Fn(&T) -> &Address) {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let since = today.checked_sub(LONG_AGO.days()).unwrap_or(today);
    match daemon.shelf.book(|book| book.last_polls(since)) {
        Ok(polls) => sort_by_last_look(mailboxes, &polls, address),
        // The order of the list is one as well.
        Err(error) => daemon.board.trouble("casebook", Some(error.to_string())),
    }
}

fn sort_by_last_look<T>(mailboxes: &mut [T], polls: &HashMap<Address, Timestamp>, address: impl Fn(&T) -> &Address) {
    mailboxes.sort_by_key(|mailbox| polls.get(address(mailbox)).copied());
}

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
        let kept = match config.unwatched.kept {
            0 => String::new(),
            kept => format!("; {kept} are watched as before"),
        };
        format!("{} faults in the list of mailboxes keep some from being watched{place}{kept}; see `mailwarden check`", config.faults.len())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_never_looked_into_is_first_and_who_was_looked_into_last_is_last() {
        let address = |name: &str| -> Address { format!("{name}@school.example").parse().unwrap() };
        let at = |second| Timestamp::from_second(second).unwrap();
        let polls = HashMap::from([(address("ann"), at(300)), (address("ben"), at(100)), (address("dan"), at(200))]);
        let mut mailboxes = ["ann", "ben", "cat", "dan", "eve"].map(address);
        sort_by_last_look(&mut mailboxes, &polls, |mailbox| mailbox);
        assert_eq!(
            mailboxes,
            ["cat", "eve", "ben", "dan", "ann"].map(address),
            "in the order of the list where nothing else tells them apart"
        );
    }
}
