//! Whose lines of the list of mailboxes have a fault: a slip in a list ends no watch.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::{Config, Watched};
use crate::mail::Address;

/// Those whose lines cannot be used as they are.
#[derive(Clone, Debug, Default)]
pub struct Unwatched {
    pub addresses: BTreeSet<Address>,
    /// Of a line of these, nobody can say whose it is.
    pub nameless: bool,
    /// So many of them are watched as they were before.
    pub kept: usize,
}

impl Config {
    /// Keeps watching whom the configuration `before` names and this one leaves out only for a fault; while nobody can say whose a faulty
    /// line is, nobody leaves.
    pub fn keep_watching(&mut self, before: &Self) {
        let present: HashSet<_> = self.mailboxes.iter().map(|watched| &watched.mailbox.address).collect();
        let servers: HashMap<_, _> = self.mailboxes.iter().map(|watched| (&watched.server.name, &watched.server)).collect();
        let is_kept = |watched: &&Watched| {
            let address = &watched.mailbox.address;
            !present.contains(address) && (self.unwatched.nameless || self.unwatched.addresses.contains(address))
        };
        // A server may have moved meanwhile.
        let moved = |watched: &Watched| {
            let server = servers.get(&watched.server.name).copied().unwrap_or(&watched.server);
            Watched { server: Arc::clone(server), ..watched.clone() }
        };
        let kept: Vec<_> = before.mailboxes.iter().filter(is_kept).map(moved).collect();
        self.unwatched.kept = kept.len();
        for watched in kept {
            self.places.insert(watched.mailbox.address.clone(), self.mailboxes.len());
            self.mailboxes.push(watched);
        }
    }
}
