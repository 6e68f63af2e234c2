//! Why a picture is known to a list, or is not: for whoever asks about a file of her own. Nothing of what it shows.

use std::fmt;

use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use super::{Reason, RuleId, RuleVersion};

/// What the scan process says of one file when it is asked why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sighting {
    /// As sniffed from the octets: `image/jpeg`.
    pub media_type: String,
    /// Width and height as stored, in pixels; `None` where the file says neither.
    pub size: Option<(u32, u32)>,
    /// How a camera says that the picture is to be turned, 1 to 8 (EXIF, tag 0x0112): it is compared as stored nevertheless.
    pub orientation: Option<u8>,
    /// Frames, pages or entries that were decoded, and how many of them differ from the one before and were compared.
    pub frames: u32,
    pub compared: u32,
    /// 0 to 100, of the first frame; below 50 nothing is compared.
    pub quality: u8,
    pub detail: Detail,
    /// Why not all of it was looked at.
    pub incomplete: Option<Reason>,
    /// Entries of lists, the nearest first; of each list a few.
    pub nearest: Vec<NearEntry>,
    pub cost: Cost,
}

/// An entry of a list that is what the picture is, or nearly.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NearEntry {
    pub list: RuleId,
    /// Of the list: in another one the entry may have another number.
    pub version: RuleVersion,
    /// From 1, in the order of the digests of the list.
    pub entry: u32,
    /// Bits that differ.
    pub distance: u32,
    /// Up to so many it is a match.
    pub most: u32,
    /// What was done to the picture before it came so near.
    pub change: Change,
    /// The first of them, from 1.
    pub frame: u32,
    /// The last day on which the entry is passed over.
    pub snoozed: Option<Date>,
}

impl NearEntry {
    /// Whether the list knows the picture by this entry.
    pub fn is_match(&self) -> bool {
        self.distance <= self.most && self.snoozed.is_none()
    }
}

/// How closely a picture was looked at to judge it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Detail {
    /// All of its pixels.
    Pixels,
    /// The lowest frequencies of a large JPEG.
    Frequencies,
    /// Not at all: no list of pictures is in force, or it was not decoded.
    Nothing,
}

impl Detail {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pixels => "pixels",
            Self::Frequencies => "frequencies",
            Self::Nothing => "nothing",
        }
    }
}

/// What looking took, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cost {
    /// As the picture of a message is judged: the digests that lists ask for, decoding, comparing.
    pub judging: u64,
    /// Of all pixels of all frames.
    pub decoding: u64,
    /// In every variant with every list, whatever is found.
    pub comparing: u64,
}

/// What a picture is taken for: a list holds the picture of which this one may have been made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub framing: Framing,
    pub turn: Turn,
    pub inverted: bool,
}

impl Change {
    pub const NONE: Self = Self { framing: Framing::Whole, turn: Turn::None, inverted: false };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Framing {
    Whole,
    /// Without an empty frame or empty bars.
    Trimmed,
    /// Left, top, right and bottom, in thousandths of the side: added for what may have been cut off, or cut off where negative.
    Margins([i16; 4]),
    /// In degrees.
    Tilted(i8),
}

/// The eight ways to lay a picture down. Turns are clockwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Turn {
    None,
    Mirrored,
    UpsideDown,
    Half,
    OverDiagonal,
    Quarter,
    ThreeQuarters,
    OverOtherDiagonal,
}

impl Turn {
    /// In the order in which the hashes of them are computed.
    pub const ALL: [Self; 8] = [
        Self::None,
        Self::Mirrored,
        Self::UpsideDown,
        Self::Half,
        Self::OverDiagonal,
        Self::Quarter,
        Self::ThreeQuarters,
        Self::OverOtherDiagonal,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Mirrored => "mirrored",
            Self::UpsideDown => "upside down",
            Self::Half => "turned by 180°",
            Self::OverDiagonal => "mirrored over its diagonal",
            Self::Quarter => "turned by 90°",
            Self::ThreeQuarters => "turned by 270°",
            Self::OverOtherDiagonal => "mirrored over its other diagonal",
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("as it is");
        }
        let framing = self.framing.to_string();
        let inverted = if self.inverted { "inverted" } else { "" };
        let words: Vec<_> = [framing.as_str(), self.turn.as_str(), inverted].into_iter().filter(|word| !word.is_empty()).collect();
        f.write_str(&words.join(", "))
    }
}

impl fmt::Display for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Whole => Ok(()),
            Self::Trimmed => f.write_str("without its empty frame"),
            Self::Tilted(degrees) => write!(f, "tilted by {degrees}°"),
            Self::Margins(margins @ [first, ..]) if margins == [first; 4] => write!(f, "{} all round", Margin(first)),
            Self::Margins(margins) => {
                let sides = margins.into_iter().zip(["left", "above", "right", "below"]).filter(|(margin, _)| *margin != 0);
                let sides: Vec<_> = sides.map(|(margin, side)| format!("{} {side}", Margin(margin))).collect();
                f.write_str(&sides.join(" and "))
            }
        }
    }
}

/// Thousandths of a side.
struct Margin(i16);

impl fmt::Display for Margin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, way) = (self.0.unsigned_abs(), if self.0 < 0 { "less" } else { "more" });
        write!(f, "{}.{} % {way}", size / 10, size % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_told_in_words() {
        let told = |framing, turn, inverted| Change { framing, turn, inverted }.to_string();
        assert_eq!(told(Framing::Whole, Turn::None, false), "as it is");
        assert_eq!(told(Framing::Whole, Turn::Quarter, true), "turned by 90°, inverted");
        assert_eq!(told(Framing::Trimmed, Turn::Mirrored, false), "without its empty frame, mirrored");
        assert_eq!(told(Framing::Margins([26; 4]), Turn::None, false), "2.6 % more all round");
        assert_eq!(told(Framing::Margins([0, -130, 0, -130]), Turn::None, false), "13.0 % less above and 13.0 % less below");
        assert_eq!(told(Framing::Tilted(-3), Turn::Half, false), "tilted by -3°, turned by 180°");
    }

    #[test]
    fn what_is_passed_over_is_no_match() {
        let near = NearEntry {
            list: "scam.a".parse().unwrap(),
            version: RuleVersion([0; 8]),
            entry: 1,
            distance: 31,
            most: 31,
            change: Change::NONE,
            frame: 1,
            snoozed: None,
        };
        assert!(near.is_match());
        assert!(!NearEntry { distance: 32, ..near.clone() }.is_match());
        assert!(!NearEntry { snoozed: Some(Date::constant(2026, 11, 30)), ..near }.is_match());
    }
}
