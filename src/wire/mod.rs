//! What `watch` and a scan process say to each other over one inherited socket: frames with a version, a
//! length and a maximum, so that neither trusts the other's word for how much is to come.

mod bundle;
mod control;
mod digest;
mod large;
mod memory_file;
mod message;

use std::path::PathBuf;

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::fault::Fault;
use crate::finding::{Category, RuleFacts, RuleId, RuleVersion, Stage};

pub use bundle::{Bundle, CompiledList, Model, SourceFile};
pub use control::{Done, NURSERY_ROLE, Order};
pub use digest::{Digest, Digester, Digests};
pub use large::{Shared, Whole};
pub use memory_file::memory_file;
pub use message::{MAX_SMALL, Message, MessageWriter, Parcel};

/// Changes whenever a shape below changes: both ends are the same binary, and this proves it.
pub const VERSION: u8 = 12;
/// `VERSION` and the length of the payload, big-endian.
pub const HEADER: usize = 5;
/// The largest payload of any frame, in octets: sheets and text of 512 KiB each, with room to spare.
pub const MAX_PAYLOAD: usize = 4 << 20;

/// Everything that weights are learnt from. Samples may be a school's own mail: they are read inside the cage.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lessons {
    pub samples: Vec<Lesson>,
    /// Ordinary messages, as they travel.
    pub mail: Vec<Vec<u8>>,
    /// How many of 1,000 ordinary samples may be found that should not be.
    pub wrong: u32,
    pub stage: Stage,
    /// Lines for the head of the file.
    pub told: Vec<String>,
    /// What turns sentences into points, where what they mean is to be learnt too.
    #[serde(skip)]
    pub model: Option<Model>,
}

/// What was learnt, as it is written into its files.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learnt {
    /// `weights/learnt.txt`
    pub words: String,
    /// `weights/meaning.txt`, where there was a model.
    pub meaning: Option<String>,
}

/// One sample of [`Lessons`]. It holds what somebody wrote, and has no `Debug`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lesson {
    pub text: String,
    /// `None` where it is harmless.
    pub about: Option<Category>,
    /// Mail of any day, by which the threshold is chosen; else a sample that somebody wrote.
    pub is_ordinary: bool,
}

impl Lessons {
    /// As [`Bundle::seal`].
    ///
    /// # Errors
    /// When memory is short.
    pub fn seal(&self) -> std::io::Result<Message> {
        large::seal(&(self, self.model.as_ref().map(|model| &model.path)), self.model.iter().flat_map(Model::files))
    }

    /// Reads what [`Lessons::seal`] wrote. `None` for anything else.
    pub fn open(octets: &Whole) -> Option<Self> {
        let ((lessons, path), large) = large::open::<(Self, Option<PathBuf>)>(octets)?;
        let model = path.map(|path| Model::of(path, &mut large.into_iter()));
        Some(Self { model: model.map_or(Some(None), |model| model.map(Some))?, ..lessons })
    }

    /// As [`Bundle::shared_octets`].
    pub fn shared_octets(&self) -> u64 {
        self.model.iter().flat_map(Model::files).map(|octets| octets.len() as u64).sum()
    }
}

/// What became of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compiled {
    Ready {
        set: RuleSet,
        /// Every rule that runs and every list of digests: what a worker may say was found.
        rules: Vec<RuleFacts>,
        /// What may stay as it is, and is said aloud: of `Order::Check` alone.
        notes: Vec<Fault>,
    },
    /// Every fault at once; nothing of the bundle is in force.
    Refused(Vec<Fault>),
}

/// What the examples of one rule say of it: the answer to `Order::Test`, where every rule compiles.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tested {
    pub rule: RuleId,
    pub version: RuleVersion,
    pub stage: Stage,
    pub examples: usize,
    /// Examples that fail, and what else is to be mended.
    pub faults: Vec<Fault>,
}

/// The name and the size of what is in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleSet {
    /// The first 16 hex digits of the SHA-256 over the whole bundle.
    pub id: String,
    pub rules: usize,
    pub terms: usize,
    /// Of all rules; `Order::Check` runs them.
    pub examples: usize,
    pub list_entries: usize,
}

/// Asks for something to be examined. Where the octets are, its [`Carrier`] says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Request {
    /// They are a file of their own: answered by a `Result<Fingerprint, Reason>`.
    File,
    /// They are one message: answered by an `Explained`.
    Explain,
    /// They are messages, one behind the other: answered by a `Vec<Report>`.
    Messages {
        /// Also report digests of pictures, which only the owner of the file may learn.
        want_facts: bool,
        /// In octets.
        sizes: Vec<u64>,
    },
    /// They are a file of their own: answered by a `Result<Sighting, Reason>`.
    Sighting,
    /// They are one message: answered by a `Tree`.
    Tree {
        /// Also what is written in it, for the asker's own messages.
        with_text: bool,
    },
}

impl Request {
    /// How many messages or files it is about.
    pub fn count(&self) -> usize {
        match self {
            Self::Explain | Self::File | Self::Sighting | Self::Tree { .. } => 1,
            Self::Messages { sizes, .. } => sizes.len(),
        }
    }
}

/// In what the octets travel that a request is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Carrier {
    /// In the sealed memory file beside it, and they are all of it.
    File,
    /// So many octets from the beginning of the tray beside it, which is the worker's from now on.
    NewTray(u64),
    /// So many octets from the beginning of the worker's tray.
    Tray(u64),
}

/// What comes back for one request; which `T`, the request says.
#[derive(Serialize, Deserialize)]
pub enum Answer<T> {
    Examined(T),
    /// The examination panicked; the process ends after this.
    Panicked,
}

/// What is wrong with a frame. Never what stands in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadFrame {
    #[error("a frame of {0} octets, {MAX_PAYLOAD} are allowed")]
    TooLong(usize),
    #[error("a frame of version {0}, {VERSION} is spoken here")]
    Version(u8),
    #[error("a frame whose content does not decode")]
    Content,
}

/// A whole frame, header and payload.
///
/// # Errors
/// When the payload is longer than `MAX_PAYLOAD`.
pub fn encode<T: Serialize>(value: &T) -> Result<Vec<u8>, BadFrame> {
    let mut frame = vec![VERSION, 0, 0, 0, 0];
    frame = postcard::to_extend(value, frame).map_err(|_| BadFrame::Content)?;
    let length = frame.len() - HEADER;
    if length > MAX_PAYLOAD {
        return Err(BadFrame::TooLong(length));
    }
    let octets = u32::try_from(length).map_err(|_| BadFrame::TooLong(length))?.to_be_bytes();
    frame[1..HEADER].copy_from_slice(&octets);
    Ok(frame)
}

/// The length of the payload that follows a header.
///
/// # Errors
/// When the version is another or the length exceeds `MAX_PAYLOAD`.
pub fn payload_length(header: [u8; HEADER]) -> Result<usize, BadFrame> {
    let [version, length @ ..] = header;
    if version != VERSION {
        return Err(BadFrame::Version(version));
    }
    let length = u32::from_be_bytes(length) as usize;
    if length > MAX_PAYLOAD { Err(BadFrame::TooLong(length)) } else { Ok(length) }
}

/// # Errors
/// When the payload is not exactly one value.
pub fn decode<T: DeserializeOwned>(payload: &[u8]) -> Result<T, BadFrame> {
    match postcard::take_from_bytes(payload) {
        Ok((value, [])) => Ok(value),
        _ => Err(BadFrame::Content),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_comes_back_as_it_was_sent() {
        let request = Request::Messages { want_facts: true, sizes: vec![7] };
        let frame = encode(&request).unwrap();
        let length = payload_length(frame[..HEADER].try_into().unwrap()).unwrap();
        assert_eq!(length, frame.len() - HEADER);
        assert_eq!(decode(&frame[HEADER..]), Ok(request));
    }

    #[test]
    fn a_frame_that_lies_is_refused_for_what_it_is() {
        assert_eq!(payload_length([8, 0, 0, 0, 1]), Err(BadFrame::Version(8)));
        assert_eq!(payload_length([VERSION, 0xff, 0xff, 0xff, 0xff]), Err(BadFrame::TooLong(0xffff_ffff)));
        assert_eq!(decode::<Request>(&[7]), Err(BadFrame::Content));
        assert_eq!(decode::<Request>(&[0, 1]), Err(BadFrame::Content), "trailing octets");
    }
}
