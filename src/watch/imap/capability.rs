//! What a server says it can do, reduced to what is asked of it here.

use async_imap::imap_proto;

/// Facts, not promises: Exchange, for one, offers `uidplus` and `idle` and no `special_use`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // Independent facts, not states.
pub struct Capabilities {
    /// RFC 7162.
    pub condstore: bool,
    /// X-GM-EXT-1: folders are labels.
    pub gmail: bool,
    /// RFC 2177.
    pub idle: bool,
    /// RFC 5258.
    pub list_extended: bool,
    /// RFC 5819: every folder with its numbers in one answer.
    pub list_status: bool,
    /// RFC 7888, LITERAL+ or LITERAL-.
    pub literal_plus: bool,
    /// RFC 6851.
    pub r#move: bool,
    /// RFC 6154.
    pub special_use: bool,
    /// RFC 4315: without it no message can be removed safely.
    pub uidplus: bool,
    /// RFC 3691.
    pub unselect: bool,
}

impl Capabilities {
    pub(super) fn of(list: &[imap_proto::Capability<'_>]) -> Self {
        let has = |name: &str| list.iter().any(|one| matches!(one, imap_proto::Capability::Atom(atom) if atom.eq_ignore_ascii_case(name)));
        Self {
            condstore: has("CONDSTORE"),
            gmail: has("X-GM-EXT-1"),
            idle: has("IDLE"),
            list_extended: has("LIST-EXTENDED"),
            list_status: has("LIST-STATUS"),
            literal_plus: has("LITERAL+") || has("LITERAL-"),
            r#move: has("MOVE"),
            special_use: has("SPECIAL-USE"),
            uidplus: has("UIDPLUS"),
            unselect: has("UNSELECT"),
        }
    }
}
