//! `mailwarden` scans a school's mailboxes for safeguarding concerns, seals what it finds, and tells the
//! Designated Safeguarding Lead.
//!
//! Code lies on floors; a room uses only the rooms of lower floors (`tests/house.rs` keeps this so).

// Floor 0, words: plain data; no I/O, no async, no clock.
pub mod case;
pub mod fault;
pub mod finding;
pub mod mail;
// Floor 1, tools.
pub mod sandbox;
pub mod wire;
// Floor 3, the processes; none names another.
pub mod scan;

#[cfg(test)]
mod corpus;
