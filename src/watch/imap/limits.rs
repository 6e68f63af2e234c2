//! How much is accepted from a server, and how long it is waited for.

use std::time::Duration;

/// What a server may cost us. The default suits a school's server and a slow line.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// For a whole command, besides the time that its octets may take.
    pub command: Duration,
    /// Without an octet in the middle of a command.
    pub silence: Duration,
    /// The slowest line that is put up with, in octets a second.
    pub slowest: u64,
    /// For one IDLE, however talkative the server is: servers may hang up after 30 minutes (RFC 2177).
    pub idle: Duration,
    /// For the end of an IDLE, once it is called off: who does not say it at once is not there any more.
    pub idle_end: Duration,
    /// A message above this size, in octets, is fetched in pieces.
    pub large: u64,
    /// The size of such a piece, in octets.
    pub part: u64,
    /// A message above this size, in octets, is not fetched at all.
    pub message: u64,
    pub frame: FrameLimits,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            command: Duration::from_mins(1),
            silence: Duration::from_mins(1),
            slowest: 16 << 10,
            idle: Duration::from_mins(20),
            idle_end: Duration::from_secs(5),
            large: 4 << 20,
            part: 1 << 20,
            message: 256 << 20,
            // A server that understates a size may be off by this much before it costs a connection.
            frame: FrameLimits { line: 64 << 10, literal: 16 << 20 },
        }
    }
}

/// How much one response may hold.
#[derive(Clone, Copy, Debug)]
pub struct FrameLimits {
    /// Octets outside its literals.
    pub line: usize,
    /// Octets of all its literals.
    pub literal: u64,
}
