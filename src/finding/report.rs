//! What the caged scan process says of one message.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Category, Defect, Incomplete, Level, Place, Reach, Reason};
use crate::mail::{Address, Private};

/// `<category>.<name>`, as the rule's file is named: `bullying.threat`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RuleId(String);

impl RuleId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RuleId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let word = |w: &str| !w.is_empty() && w.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        match text.split_once('.') {
            Some((category, name)) if word(category) && word(name) && text.len() <= 100 => Ok(Self(text.to_owned())),
            _ => Err(format!("`{text}` is not `category.name` in small letters, digits and hyphens")),
        }
    }
}

impl TryFrom<String> for RuleId {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<RuleId> for String {
    fn from(id: RuleId) -> Self {
        id.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The first 8 octets of the SHA-256 of what the rule says: a changed rule is another rule to those who
/// released a message that the old one had caught.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RuleVersion(pub [u8; 8]);

impl FromStr for RuleVersion {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut octets = [0; 8];
        hex::decode_to_slice(text, &mut octets)
            .map_err(|_| format!("`{text}` is no version: 16 hex digits, as `rules stats` tells them"))?;
        Ok(Self(octets))
    }
}

impl fmt::Display for RuleVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

/// Message ids of one message that are remembered: its own, one that it answers, the first that it refers to, and the last nineteen.
pub const MOST_IDS: usize = 22;

/// The whole answer to one request.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// SHA-256 over the originator, the date and the subject: with the octets of the body it says whether
    /// two messages are copies of one. Never over Message-ID, which the sender chooses.
    pub origin: [u8; 32],
    /// SHA-256 of each message id that it names, [`MOST_IDS`] at most: its own, that of what it answers, and those of the conversation
    /// before. The sender chooses them too. Empty where there is nothing to tell.
    pub thread: Vec<[u8; 32]>,
    /// The first mailbox in From; `None` where there is none.
    pub sender: Option<Private<Address>>,
    /// Everybody in To, Cc and Bcc.
    pub recipients: Vec<Private<Address>>,
    pub findings: Vec<Finding>,
    pub incomplete: Vec<Incomplete>,
    pub defects: Vec<Defect>,
    /// Leaves of the message that were looked at, members of archives among them.
    pub parts: u32,
    /// Empty unless the request asked for facts: digests leave the cage only for whoever owns the file.
    pub pictures: Vec<PictureFact>,
    /// `None` where nothing was found.
    pub sheets: Option<Sheets>,
}

impl Report {
    /// Of a message that nobody could read: never clear.
    pub fn unread(reason: Reason) -> Self {
        Self {
            origin: [0; 32],
            thread: Vec::new(),
            sender: None,
            recipients: Vec::new(),
            findings: Vec::new(),
            incomplete: vec![Incomplete { part: String::new(), reason }],
            defects: Vec::new(),
            parts: 0,
            pictures: Vec::new(),
            sheets: None,
        }
    }
}

/// One match.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// The rule, or `<category>.<list>` for a list of digests.
    pub rule: RuleId,
    pub version: RuleVersion,
    pub category: Category,
    /// The rule's own, where it differs from the category's.
    pub level: Option<Level>,
    /// 1 to 100. The scores of one category are added up; the policy's threshold says when that is a concern.
    pub score: u16,
    pub kind: Kind,
    pub location: Location,
    /// Known to whoever started the worker, and never asked of it.
    #[serde(skip)]
    pub reach: Arc<Reach>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The very same file as one on a list.
    Digest,
    /// A picture that looks like one on a list.
    Picture,
    /// Words.
    Text,
}

impl Kind {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Digest => "digest",
            Self::Picture => "picture",
            Self::Text => "text",
        }
    }
}

/// Where in the message: a fact, no content.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Location {
    /// As in [`Incomplete::part`]; empty for the header.
    pub part: String,
    pub field: Field,
    /// Inside a document; `None` for what has no parts of its own.
    #[serde(default)]
    pub place: Option<Place>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Field {
    /// The octets of an attachment, or a picture in it.
    Attachment,
    /// Text inside an attachment.
    AttachmentText,
    Body,
    FileName,
    /// Text of an HTML body that its reader does not see.
    HiddenText,
    /// Where the links of a page lead to.
    Link,
    /// What a body repeats of an earlier message.
    Quoted,
    Subject,
}

impl Field {
    /// Where words stand, in the order in which rules name them.
    pub const OF_WORDS: [Self; 7] =
        [Self::Subject, Self::Body, Self::Quoted, Self::HiddenText, Self::AttachmentText, Self::FileName, Self::Link];

    /// Something sent along, as opposed to something said.
    pub fn is_material(self) -> bool {
        matches!(self, Self::Attachment | Self::AttachmentText | Self::FileName)
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Attachment => "attachment",
            Self::AttachmentText => "attachment-text",
            Self::Body => "body",
            Self::FileName => "file-name",
            Self::HiddenText => "hidden-text",
            Self::Link => "link",
            Self::Quoted => "quoted",
            Self::Subject => "subject",
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.part.as_str() {
            "" => f.write_str(self.field.as_str())?,
            part => write!(f, "{} {part}", self.field.as_str())?,
        }
        self.place.map_or(Ok(()), |place| write!(f, ", {place}"))
    }
}

/// One picture, for whoever scans her own files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PictureFact {
    pub part: String,
    pub sha256: [u8; 32],
    /// PDQ of the picture as stored, full-size family; `None` where it could not be decoded.
    pub pdq: Option<[u8; 32]>,
    /// 0 to 100; below 50 a PDQ says nothing.
    pub quality: u8,
    /// `None` where the quality is too low for them to say anything.
    pub opinions: Option<Opinions>,
    /// The list entry that it matched, and the distance in bits.
    pub matched: Option<(RuleId, u32)>,
}

/// The second hashes of a picture, for a school's own list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opinions {
    pub dct16: [u8; 32],
    pub gradient16: [u8; 32],
}

/// What the safeguarding lead may see of the message, as JSON. Made in the cage, sealed unread, opened in front of her.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetOctets(pub Vec<u8>);

/// All that may be sealed for her to see: what of it is, is decided outside the cage, by the verdict.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sheets {
    /// A [`crate::case::Sheet`].
    pub excerpt: SheetOctets,
    /// A [`crate::case::Text`]: sealed by itself, for whoever gives a reason.
    pub text: SheetOctets,
    /// In the place of both for withheld categories (D3): names, types, sizes and matches without any text.
    pub facts: SheetOctets,
}
