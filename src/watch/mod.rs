//! The process with the passwords and the network: it fetches, asks, judges and acts, and parses no mail.

pub mod imap;
