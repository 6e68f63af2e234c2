//! The sentences of rules that may be read before anything is unsealed.

/// The titles of the rules that are shipped, one a line; `make sentences` gathers them.
const SHIPPED: &str = include_str!("sentences.txt");

/// What a rule looks for, in plain words that come with mailwarden: they are the same whatever a message says, and name nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sentence(&'static str);

impl Sentence {
    /// What is said of a find of the model that was learnt from meanings.
    pub const LIKE_MEANING: Self = Self("What is said is like messages about this concern");
    /// What is said of a find of the model that was learnt from words.
    pub const LIKE_WORDS: Self = Self("The words are like those of messages about this concern");

    /// `None` where the title is a school's own: her words may name a child.
    pub fn shipped(title: &str) -> Option<Self> {
        let of_models = [Self::LIKE_MEANING.0, Self::LIKE_WORDS.0];
        of_models.into_iter().chain(SHIPPED.lines()).find(|shipped| *shipped == title).map(Self)
    }

    pub fn as_str(self) -> &'static str {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_school_has_written_itself_is_no_sentence_for_everybody() {
        let told = |title| Sentence::shipped(title).map(Sentence::as_str);
        for shipped in ["Pupils plan to leave somebody out", Sentence::LIKE_WORDS.as_str()] {
            assert_eq!(told(shipped), Some(shipped));
        }
        for own in ["Pupils plan to leave Mia Linnet out", "Pupils plan to leave somebody", "", "\n"] {
            assert_eq!(told(own), None, "{own:?}");
        }
    }
}
