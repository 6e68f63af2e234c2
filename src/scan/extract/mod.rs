//! From the parts of a message to texts and files.

use std::borrow::Cow;

use crate::finding::Location;

/// A text as its reader sees it, or as somebody hid it.
pub struct TextExtract {
    pub location: Location,
    pub text: String,
}

/// An attachment, a member of an archive, or a picture in a document.
pub struct FileExtract<'a> {
    pub part: String,
    pub octets: Cow<'a, [u8]>,
    pub name: Option<String>,
    /// As sniffed from the octets.
    pub media_type: &'static str,
    pub is_picture: bool,
}
