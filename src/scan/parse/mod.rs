//! From the octets of a message to its header and its leaves.

mod encoded;
mod mime;

use std::borrow::Cow;

use crate::finding::{Defect, Incomplete};

pub use encoded::{Encoded, encoded_files, may_hold_file};
pub use mime::{Mail, base64, charset_text, quoted_printable};

/// A part without parts of its own, transfer encoding undone.
pub struct Leaf<'m> {
    /// As RFC 9051 numbers sections: `1`, `2.1`.
    pub part: String,
    pub octets: Cow<'m, [u8]>,
    /// The file name that the sender gave, decoded.
    pub name: Option<&'m str>,
    pub declared: Declared<'m>,
    /// What is said, as opposed to sent along: no name and no `Content-Disposition: attachment`.
    pub is_body: bool,
}

/// What the sender says that a part is.
#[derive(Clone, Copy, Default)]
pub struct Declared<'m> {
    /// `text`; empty where nothing is declared.
    pub kind: &'m str,
    /// `plain`.
    pub subtype: &'m str,
    pub charset: Option<&'m str>,
    pub flow: Flow,
}

/// What a sender says of the line ends in a text (RFC 3676).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Flow {
    /// They are meant.
    #[default]
    Fixed,
    /// One behind a space is not.
    Flowed,
    /// Nor is that space (4.1, `DelSp`).
    FlowedWithoutSpace,
}

/// The kind of a declared type, where it is one that there is (RFC 6838, 4.2): words of the sender's are none.
pub fn known_kind(declared: &str) -> &'static str {
    const KINDS: [&str; 9] = ["application", "audio", "font", "image", "message", "model", "multipart", "text", "video"];
    let kind = declared.split('/').next().unwrap_or_default();
    KINDS.into_iter().find(|known| known.eq_ignore_ascii_case(kind)).unwrap_or_default()
}

impl Declared<'_> {
    pub fn is(&self, kind: &str, subtype: &str) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    pub fn is_text(&self) -> bool {
        self.kind.eq_ignore_ascii_case("text")
    }
}

/// Everything inside one message, in the order of the message.
#[derive(Default)]
pub struct Contents<'m> {
    pub leaves: Vec<Leaf<'m>>,
    /// Decoded, each with the part that holds its message; the outermost has none.
    pub subjects: Vec<(String, &'m str)>,
    /// Words outside of every part, each with the part around them.
    pub stray: Vec<(String, String)>,
    /// Parts that say the same in other forms, as they claim.
    pub alternatives: Vec<Vec<String>>,
    pub incomplete: Vec<Incomplete>,
    pub defects: Vec<Defect>,
}
