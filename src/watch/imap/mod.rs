//! The only code that speaks IMAP (RFC 3501, with what RFC 9051 made of it).
//!
//! `async-imap` carries octets and parses responses, no more: its own commands report a refusal, a throttle
//! and a lost connection as an empty success, which for a scanner would be a silent "all clear". Here a
//! command has an answer only when the server said OK to that very command.
//!
//! A [`Session`] is used by one task. When a command fails by timeout, by a lost connection or because its
//! future was dropped, the session is out of step for good: every later command fails, drop it and connect
//! again. After a clean NO or BAD it is as good as before.

mod append;
mod bodies;
mod capability;
mod error;
mod fetch;
mod folders;
mod framing;
mod gmail;
mod guard;
mod idle;
mod limits;
mod line;
mod login;
mod messages;
mod reach;
mod read_ahead;
mod sasl;
mod selected;
mod session;
mod text;
mod tls;
mod uidset;
mod utf7;

pub use append::Appended;
pub use capability::Capabilities;
pub use error::{Crowded, ImapError};
pub use fetch::Fetch;
pub use folders::{Folder, FolderStatus, SpecialUse};
pub use idle::IdleEnd;
pub use limits::{FrameLimits, Limits};
pub use login::{Login, Sasl};
pub use messages::Listed;
pub use reach::Server;
pub use selected::Selected;
pub use session::Session;
pub use tls::{TlsError, trust_file, trust_system};
pub use uidset::UidSet;
