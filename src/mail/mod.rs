//! Words for where mail lies and how it is numbered (RFC 9051), and the wrapper that keeps content out of print.

mod mailbox;
mod private;

pub use mailbox::{Address, Arrival, Cursor, FolderName, InvalidAddress, Mailbox, Place, Role, Uid, UidValidity};
pub use private::Private;
