//! The models that can be used: by the digests of their files, so that one that is damaged or another is refused by name and not
//! found out by what it misses.

use sha2::{Digest, Sha256};

use super::encoder::{Encoder, Shape, Vocabulary};
use crate::fault::{At, Fault};
use crate::wire::Model;

struct Known {
    name: &'static str,
    /// SHA-256 of `model.safetensors`, in hexadecimal digits.
    weights: &'static str,
    /// SHA-256 of `vocab.txt`.
    vocabulary: &'static str,
    shape: Shape,
}

/// Source: `sentence-transformers/all-MiniLM-L6-v2`, Apache-2.0.
const KNOWN: [Known; 1] = [Known {
    name: "all-MiniLM-L6-v2",
    weights: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    vocabulary: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3",
    shape: Shape { layers: 6, width: 384, heads: 12, inner: 1536, places: 512, words: 30_522 },
}];

/// A model that can be used.
pub struct Reader {
    pub name: String,
    pub encoder: Encoder,
    pub vocabulary: Vocabulary,
}

impl Reader {
    /// # Errors
    /// A file that is none of a known model.
    pub fn open(model: &Model) -> Result<Self, Fault> {
        let names: Vec<_> = KNOWN.iter().map(|known| known.name).collect();
        let refused = |file: &str, why: String| Fault {
            what: "the model of meaning cannot be used".to_owned(),
            at: Some(At::file(model.path.join(file))),
            why,
            hint: format!("fetch it again: docs/technician.md, \"Meaning\", says how; known is {}", names.join(", ")),
        };
        let digest = |octets: &[u8]| hex::encode(Sha256::digest(octets));
        let weights = digest(&model.weights);
        let known = KNOWN.iter().find(|known| known.weights == weights);
        let known =
            known.ok_or_else(|| refused("model.safetensors", format!("it is damaged or of another model: its SHA-256 is {weights}")))?;
        let vocabulary = digest(&model.vocabulary);
        if vocabulary != known.vocabulary {
            return Err(refused("vocab.txt", format!("it is not that of {}: its SHA-256 is {vocabulary}", known.name)));
        }
        let encoder = Encoder::read(model.weights.clone(), known.shape).map_err(|why| refused("model.safetensors", why))?;
        let vocabulary = Vocabulary::read(&model.vocabulary).map_err(|why| refused("vocab.txt", why))?;
        Ok(Self { name: known.name.to_owned(), encoder, vocabulary })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scan::detect::meaning::point;
    use crate::wire::Shared;

    /// Where it is present, and said aloud where it is not.
    #[test]
    fn a_real_model_places_a_sentence_where_other_programs_place_it() {
        let Some(folder) = std::env::var_os("MAILWARDEN_MODEL").map(std::path::PathBuf::from) else {
            eprintln!("model absent: name its folder in MAILWARDEN_MODEL");
            return;
        };
        let file = |name: &str| Shared::of(std::fs::read(folder.join(name)).unwrap());
        let model = Model { path: folder.clone(), weights: file("model.safetensors"), vocabulary: file("vocab.txt") };
        let reader = Reader::open(&model).unwrap_or_else(|fault| panic!("{fault}"));
        let mut tokens = Vec::new();
        reader.vocabulary.divide("The heron stole fish from the pond yesterday .", &(0..1), &mut tokens);
        let numbers: Vec<_> = tokens.iter().map(|token| token.number).collect();
        assert_eq!(numbers, [1996, 22914, 10312, 3869, 2013, 1996, 8644, 7483, 1012]);
        let point = point(&reader.state(&tokens));
        // Worked out in numbers of 64 bits by the formulae of the papers, with the same weights.
        for (number, expected) in point.iter().zip([-0.012_678_7, 0.065_090_7, -0.005_288_3, -0.044_130_4, 0.008_838_2, 0.001_261_8]) {
            assert!((number - expected).abs() < 1e-5, "{number}, not {expected}");
        }
    }

    #[test]
    fn a_file_that_is_of_no_known_model_is_refused_with_its_digest() {
        let model = Model { path: "folder".into(), weights: Shared::of(b"damaged".to_vec()), vocabulary: Shared::of(Vec::new()) };
        let fault = Reader::open(&model).err().unwrap();
        assert_eq!(fault.at, Some(At::file("folder/model.safetensors")));
        let digest = hex::encode(Sha256::digest(b"damaged"));
        assert_eq!(fault.why, format!("it is damaged or of another model: its SHA-256 is {digest}"));
        assert!(fault.hint.ends_with("known is all-MiniLM-L6-v2"), "{}", fault.hint);
    }
}
