//! `mailwarden` scans a school's mailboxes for safeguarding concerns, seals what it finds, and tells the
//! Designated Safeguarding Lead.
//!
//! Code lies on floors; a room uses only the rooms of lower floors (`tests/house.rs` keeps this so).

// Floor 0, words: plain data; no I/O, no async, no clock.
pub mod case;
pub mod fault;
pub mod finding;
pub mod mail;
pub mod steps;
pub mod written;
// Floor 1, tools.
pub mod config;
pub mod journal;
pub mod sandbox;
pub mod wire;
// Floor 2, the shelf and the hand. `casebook` uses `vault`: it takes receipts; `desk` names what is sealed in it; `evidence`
// packs it for the police.
pub mod casebook;
pub mod desk;
pub mod evidence;
pub mod vault;
pub mod worker;
// Floor 3, the processes; none names another.
pub mod review;
pub mod scan;
pub mod watch;
// Floor 4, the door.
pub mod cli;

#[cfg(test)]
mod corpus;
