//! Two plain words for a case, so that people are not named in notices, on screens or in corridors.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

const COLOURS: [&str; 32] = [
    "amber", "azure", "beige", "bronze", "brown", "cobalt", "copper", "coral", "cream", "crimson", "cyan", "ebony", "emerald", "golden",
    "green", "grey", "indigo", "ivory", "jade", "lilac", "maroon", "mauve", "ochre", "olive", "pearl", "pink", "purple", "ruby", "scarlet",
    "silver", "teal", "violet",
];
const BIRDS: [&str; 32] = [
    "avocet",
    "bunting",
    "buzzard",
    "crane",
    "curlew",
    "dipper",
    "dunlin",
    "eider",
    "falcon",
    "finch",
    "gannet",
    "goldcrest",
    "grebe",
    "heron",
    "jackdaw",
    "kestrel",
    "kingfisher",
    "lapwing",
    "linnet",
    "magpie",
    "martin",
    "osprey",
    "petrel",
    "pipit",
    "plover",
    "robin",
    "shearwater",
    "siskin",
    "skylark",
    "swift",
    "teal",
    "wren",
];

/// `amber-heron-7`: a colour, a bird and a number that make 1,024 × 9,999 names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Codename(String);

impl Codename {
    /// A name from 8 random octets. The casebook draws again when it is taken.
    pub fn from_random(random: [u8; 8]) -> Self {
        let number = u32::from_le_bytes([random[2], random[3], random[4], random[5]]) % 9_999 + 1;
        Self(format!("{}-{}-{number}", COLOURS[usize::from(random[0]) % 32], BIRDS[usize::from(random[1]) % 32]))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Codename {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let lower = text.trim().to_lowercase().replace(' ', "-");
        let mut words = lower.split('-');
        let known = words.next().is_some_and(|w| COLOURS.contains(&w))
            && words.next().is_some_and(|w| BIRDS.contains(&w))
            && words.next().is_some_and(|n| n.parse::<u32>().is_ok_and(|n| (1..=9_999).contains(&n)))
            && words.next().is_none();
        if known { Ok(Self(lower)) } else { Err(format!("`{text}` is not a codename like `amber-heron-7`")) }
    }
}

impl fmt::Display for Codename {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_that_is_drawn_can_be_typed_again() {
        for seed in 0..=255 {
            let name = Codename::from_random([seed, seed.wrapping_mul(7), seed, 3, 0, 0, 0, 0]);
            assert_eq!(name.as_str().to_uppercase().replace('-', " ").parse(), Ok(name));
        }
        assert!("amber-otter-7".parse::<Codename>().is_err());
        assert!("amber-heron-0".parse::<Codename>().is_err());
    }
}
