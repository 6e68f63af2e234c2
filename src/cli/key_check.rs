//! Whether the keys that the daemon needs are whole: that of the installation, and the public half of every audience's.

use std::io;

use super::remedy::out_of_reach;
use crate::config::State;
use crate::fault::Fault;
use crate::finding::Audience;
use crate::journal::InstanceKey;
use crate::vault::{Vault, VaultError};

/// Every key that is there and cannot be used. One that is not there is for `mailwarden init` to make, and what this user may not
/// read is for whoever needs it to tell.
pub(super) fn broken_keys(state: &State) -> Vec<Fault> {
    let path = state.instance_key();
    let instance = match InstanceKey::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::InvalidData => out_of_reach(&path, &error).faults,
        _ => Vec::new(),
    };
    let vault = Vault::of_another(&state.vault());
    let broken = Audience::ALL.into_iter().filter_map(|audience| match vault.ring().recipient(audience) {
        Err(error @ VaultError::BrokenRing { .. }) => error.into_fault().ok(),
        _ => None,
    });
    instance.into_iter().chain(broken).collect()
}
