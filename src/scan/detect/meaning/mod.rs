//! What the sentences of a letter mean: how like they are to those of messages about each concern, whatever words they use.
//!
//! One more signal beside the rules and the weights of words, for schools that asked for it: a sentence encoder and a linear model
//! on its points. It may flag and never holds, and it is told only where it would be a concern by itself: it lends no weight to
//! rules that hold.

mod encoder;
mod head;
mod known;
mod letter;
mod train;

use std::time::Instant;

use ndarray::{Array1, Array2, Axis};

use self::encoder::Token;
use self::head::Head;
use self::known::Reader;
use self::letter::{Tokens, sentences};
pub use self::train::learn;
use super::Match;
use super::learnt::{Beside, Opinion, Weighed, Weights, within};
use super::rules::Lexicon;
use super::teller::Teller;
use crate::fault::{At, Fault};
use crate::finding::{Category, RuleFacts, Sentence, SignalTrace, Trace};
use crate::scan::extract::TextExtract;
use crate::wire::{Model, SourceFile};

/// What a letter that is found scores at least: a concern, unless the policy says otherwise.
const LEAST: f32 = 50.0;
/// As many points one more of margin is.
const POINTS: f32 = 8.0;
/// How far behind the likeliest category another may lie and still be told, in margin.
const BEHIND: f32 = 1.6;
/// Sentences that an explanation names.
const NAMED: usize = 3;
/// Margins of words are in tenths.
const TENTHS: f32 = 10.0;

/// Immutable; any number of threads may ask it.
pub struct Meaning {
    reader: Reader,
    head: Head,
}

/// What became of one window of a letter.
struct Read {
    window: Vec<Token>,
    /// What each token means among the others.
    state: Array2<f32>,
    /// Of every category.
    margins: Array1<f32>,
}

/// Something that meaning finds, and where.
struct Found {
    /// Of the text.
    place: usize,
    category: Category,
    margin: f32,
    /// Of the sentences in the text, the one that says most first, and what each added to the margin.
    spans: Vec<(usize, usize)>,
    shares: Vec<f32>,
}

impl Meaning {
    /// # Errors
    /// A model that is not known, and weights that cannot be read, or were learnt with another model or beside other weights.
    pub fn open(model: &Model, file: Option<&SourceFile>, learnt: Option<&Weights>) -> Result<Self, Fault> {
        let reader = Reader::open(model)?;
        let refused = |why: String| Fault {
            what: "what sentences mean was not learnt for this".to_owned(),
            at: file.map(|file| At::file(&file.path)),
            why,
            hint: "make `weights/learnt.txt` and `weights/meaning.txt` together: `mailwarden rules learn --meaning FOLDER`".to_owned(),
        };
        let (Some(file), Some(learnt)) = (file, learnt) else {
            return Err(refused("a directory of rules lacks `weights/meaning.txt`, or `weights/learnt.txt` beside it".to_owned()));
        };
        let head = Head::read(file)?;
        if head.model != reader.name || head.weights.nrows() != reader.encoder.shape().width {
            return Err(refused(format!("it was learnt with the model {}, and that of [meaning] is {}", head.model, reader.name)));
        }
        if head.categories != learnt.categories {
            return Err(refused("the weights of words that are in force are about other categories".to_owned()));
        }
        Ok(Self { reader, head })
    }

    /// What is wrong with the files themselves, where the weights of words cannot be read that they go with.
    pub fn look(model: &Model, file: Option<&SourceFile>) -> Vec<Fault> {
        let head = file.map(Head::read).and_then(Result::err);
        Reader::open(model).err().into_iter().chain(head).collect()
    }

    /// What a worker may say was found by meaning.
    pub fn facts(&self) -> Vec<RuleFacts> {
        self.teller().facts(&self.head.categories)
    }

    fn teller(&self) -> Teller {
        Teller { name: "meaning", title: Sentence::LIKE_MEANING, version: self.head.version, stage: self.head.stage }
    }

    /// What the letters of a message mean, each with the place of its text, beside what rules and weights have found.
    pub fn matches(&self, opinion: &Opinion, words: &Weights, texts: &[TextExtract], beside: &Beside) -> Vec<(usize, Match)> {
        let found = opinion.0.iter().filter_map(|weighed| {
            let (read, _) = self.read(weighed, &words.lexicon)?;
            Some(self.found(weighed, &read, texts, beside))
        });
        let mut matches: Vec<(usize, Match)> = Vec::new();
        for found in found.flatten() {
            if !matches.iter().any(|(_, other)| other.finding.category == found.category) {
                let said = &found.spans[..found.spans.len().min(1)];
                let matched = self.teller().as_match(found.category, self.points(found.margin), &texts[found.place], said);
                matches.extend(matched.map(|matched| (found.place, matched)));
            }
        }
        matches
    }

    /// Adds why meaning finds what it finds; and of each letter what it is most like, if it finds nothing there.
    pub fn explain(&self, opinion: &Opinion, words: &Weights, texts: &[TextExtract], traces: &mut Vec<Trace>) {
        let beside = traces.iter().filter_map(|trace| Some((trace.category, trace.stage, trace.score?))).collect();
        for weighed in &opinion.0 {
            let begun = Instant::now();
            let Some((read, is_whole)) = self.read(weighed, &words.lexicon) else { continue };
            let found = self.found(weighed, &read, texts, &beside);
            let is_found = !found.is_empty();
            let likeliest = || self.likeliest(weighed, &read, texts).into_iter().collect();
            let told = if is_found { found } else { likeliest() };
            let cost = u64::try_from(begun.elapsed().as_nanos()).unwrap_or(u64::MAX);
            let trace = |found: Found| Some(Trace { cost, ..self.as_trace(&found, is_found, is_whole, &texts[found.place])? });
            traces.extend(told.into_iter().filter_map(trace));
        }
    }

    /// The window of a letter that is most like any concern, and whether all of the letter was read; `None` for one without words,
    /// which nothing is said of.
    fn read(&self, weighed: &Weighed, lexicon: &Lexicon) -> Option<(Read, bool)> {
        if weighed.margins.is_empty() {
            return None;
        }
        let tokens = Tokens::of(&weighed.letter.text, &self.reader.vocabulary, lexicon);
        let read = tokens.windows().map(|window| {
            let state = self.reader.state(window);
            let margins = point(&state).dot(&self.head.weights) + &self.head.bias;
            Read { window: window.to_vec(), state, margins }
        });
        let most = |read: &Read| read.margins.iter().copied().fold(f32::MIN, f32::max);
        let likeliest = read.max_by(|one, other| most(one).total_cmp(&most(other)))?;
        Some((likeliest, tokens.is_whole))
    }

    /// Of every category by how much the letter is more like it than like harmless ones, in what it means and in its words; `None`
    /// where no word was weighed.
    fn margins(&self, weighed: &Weighed, read: &Read) -> Option<Vec<f32>> {
        let by_words = |tenths: &i16| f32::from(*tenths) / TENTHS * (1.0 - self.head.share);
        let tenths: Option<Vec<i16>> = weighed.margins.iter().map(|tenths| i16::try_from(*tenths).ok()).collect();
        let tenths = tenths.filter(|tenths| tenths.len() == read.margins.len())?;
        Some(tenths.iter().zip(&read.margins).map(|(tenths, margin)| by_words(tenths) + margin * self.head.share).collect())
    }

    fn found(&self, weighed: &Weighed, read: &Read, texts: &[TextExtract], beside: &Beside) -> Vec<Found> {
        let margins = self.margins(weighed, read).unwrap_or_default();
        let best = margins.iter().copied().fold(f32::MIN, f32::max);
        let is_told = |(column, margin): &(usize, f32)| {
            *margin >= self.head.threshold.max(best - BEHIND)
                && !beside.is_surer_of_another(self.head.categories[*column], self.points(*margin).into())
        };
        margins.into_iter().enumerate().filter(is_told).map(|(column, margin)| self.place(weighed, read, texts, column, margin)).collect()
    }

    fn likeliest(&self, weighed: &Weighed, read: &Read, texts: &[TextExtract]) -> Option<Found> {
        let margins = self.margins(weighed, read)?.into_iter().enumerate();
        let (column, margin) = margins.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        Some(self.place(weighed, read, texts, column, margin))
    }

    /// Which sentences say it: the point of a window is the mean of its tokens, so that what each adds to the margin is known.
    fn place(&self, weighed: &Weighed, read: &Read, texts: &[TextExtract], column: usize, margin: f32) -> Found {
        let letter = &weighed.letter;
        let length = read.state.sum_axis(Axis(0));
        let length = length.dot(&length).sqrt().max(f32::MIN_POSITIVE);
        // The marks of both ends stand around the tokens of the window.
        let shares: Vec<f32> = read.state.dot(&self.head.weights.column(column)).iter().skip(1).map(|share| share / length).collect();
        let mut said: Vec<_> = sentences(&letter.text, &read.window)
            .into_iter()
            .map(|sentence| {
                let span = read.window[sentence.start].span.start..read.window[sentence.end - 1].span.end;
                (span, shares[sentence].iter().sum::<f32>())
            })
            .collect();
        said.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let (place, text) = letter.text_at(said.first().map_or(letter.text.len(), |(span, _)| span.start), texts);
        let within = said.iter().take(NAMED).filter_map(|(span, share)| Some((within(&text, span)?, *share)));
        let (spans, shares) = within.filter(|(_, share)| *share > 0.0).unzip();
        Found { place, category: self.head.categories[column], margin, spans, shares }
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 100")]
    fn points(&self, margin: f32) -> u16 {
        (LEAST + (margin - self.head.threshold) * POINTS).round().clamp(0.0, 100.0) as u16
    }

    fn as_trace(&self, found: &Found, is_found: bool, is_whole: bool, text: &TextExtract) -> Option<Trace> {
        let points = self.points(found.margin);
        let said = found.spans.iter().zip(&found.shares).map(|(span, share)| (*span, format!("{share:.1}")));
        let mut trace = self.teller().as_trace(found.category, points, is_found.then_some(points), text, said)?;
        trace.signals.extend((!is_whole).then(|| SignalTrace {
            name: "only the beginning of this long letter was looked at for what it means".to_owned(),
            holds: true,
            quotes: Vec::new(),
            places: 0,
        }));
        Some(trace)
    }
}

impl Reader {
    /// What each token of a window means among the others, between the marks of both ends.
    fn state(&self, window: &[Token]) -> Array2<f32> {
        let (begin, end) = self.vocabulary.ends;
        let numbers = window.iter().map(|token| token.number);
        self.encoder.encode(&std::iter::once(begin).chain(numbers).chain([end]).collect::<Vec<_>>())
    }
}

/// The point of a window: the direction of the mean of its tokens.
fn point(state: &Array2<f32>) -> Array1<f32> {
    let sum = state.sum_axis(Axis(0));
    let length = sum.dot(&sum).sqrt().max(f32::MIN_POSITIVE);
    sum / length
}

#[cfg(test)]
mod tests {
    use super::encoder::{Vocabulary, made_up};
    use super::*;
    use crate::finding::{Field, Location, Stage};
    use crate::scan::detect::learnt::{self, HeldOut};
    use crate::wire::{Lesson, Lessons, Shared};

    const PIECES: &str = "[UNK] [CLS] [SEP] . the heron stole fish from pond a badger dug hole under fence please bring form to office our coach \
        leaves early on tuesday pack sandwiches and water my brother says that his some";

    fn reader() -> Reader {
        let pieces = PIECES.split_whitespace().collect::<Vec<_>>().join("\n");
        Reader { name: "made-up".to_owned(), encoder: made_up::encoder(), vocabulary: Vocabulary::read(pieces.as_bytes()).unwrap() }
    }

    fn lessons() -> Lessons {
        let lesson = |text: &str, about: Option<Category>| Lesson { text: text.to_owned(), about, is_ordinary: about.is_none() };
        let three = [
            lesson("the heron stole fish from the pond", Some(Category::Scam)),
            lesson("a badger dug a hole under the fence", Some(Category::Drugs)),
            lesson("please bring the form to the office", None),
        ];
        let samples = (0..40).flat_map(|_| three.clone()).collect();
        Lessons { samples, mail: Vec::new(), wrong: 2, stage: Stage::Flag, told: vec!["a test".to_owned()], model: None }
    }

    /// Weights of words, and what was learnt of meaning beside them.
    fn learnt() -> (Weights, Meaning) {
        let lessons = lessons();
        let (words, held_out): (String, HeldOut) = learnt::learn(&lessons);
        let written = train::learn_by(&reader(), &lessons, &held_out);
        let file = |text: String| SourceFile { path: "rules/weights".into(), octets: text.into_bytes() };
        let words = Weights::read(&file(words)).unwrap_or_else(|faults| panic!("{}", faults[0]));
        let head = Head::read(&file(written)).unwrap_or_else(|fault| panic!("{fault}"));
        (words, Meaning { reader: reader(), head })
    }

    fn mail(subject: &str, body: &str) -> [TextExtract; 2] {
        let text = |part: &str, field, text: &str| {
            let location = Location { part: part.to_owned(), field, place: None };
            TextExtract { location, text: text.to_owned(), places: Vec::new() }
        };
        [text("", Field::Subject, subject), text("1", Field::Body, body)]
    }

    /// What is found, and the words of the sentence that says it.
    fn found(words: &Weights, meaning: &Meaning, texts: &[TextExtract], beside: &Beside) -> Vec<(Category, String)> {
        let matches = meaning.matches(&words.opinion(texts), words, texts, beside);
        let told = matches.into_iter().map(|(place, found)| {
            assert!((50..=100).contains(&found.finding.score) && found.stage == Stage::Flag);
            let (start, end) = found.span.unwrap();
            (found.finding.category, texts[place].text[start..end].to_owned())
        });
        told.collect()
    }

    #[test]
    fn a_letter_is_found_by_the_sentence_that_says_it() {
        let (words, meaning) = learnt();
        let nothing = Beside::from_iter([]);
        let sentence = "The heron stole fish from the pond.";
        let told = found(&words, &meaning, &mail("", &format!("Please bring water. {sentence}")), &nothing);
        assert_eq!(told, [(Category::Scam, sentence.to_owned())]);
        assert_eq!(found(&words, &meaning, &mail(sentence, ""), &nothing), [(Category::Scam, sentence.to_owned())]);
        for harmless in [mail("", "please bring the form to the office"), mail("", "")] {
            assert_eq!(found(&words, &meaning, &harmless, &nothing), []);
        }
        let surer = Beside::from_iter([(Category::Drugs, Stage::Flag, 100), (Category::Drugs, Stage::Flag, 100)]);
        assert_eq!(found(&words, &meaning, &mail("", sentence), &surer), [], "rules are surer of another concern");
    }

    #[test]
    fn an_explanation_names_the_sentence_and_says_when_a_letter_was_not_read_to_its_end() {
        let (words, meaning) = learnt();
        let explained = |texts: &[TextExtract]| {
            let mut traces = Vec::new();
            meaning.explain(&words.opinion(texts), &words, texts, &mut traces);
            traces
        };
        let found = &explained(&mail("", "please bring water. the heron stole fish from the pond."))[0];
        assert_eq!((found.rule.to_string().as_str(), found.score.is_some()), ("scam.meaning", true));
        assert_eq!(found.signals[0].quotes[0].matched, "the heron stole fish from the pond.");
        let long = "please bring the form to the office. ".repeat(400);
        let passed = &explained(&mail("", &long))[0];
        assert_eq!(passed.score, None);
        assert_eq!(passed.signals.last().unwrap().name, "only the beginning of this long letter was looked at for what it means");
    }

    #[test]
    fn the_same_samples_give_the_same_file() {
        let (_, held_out) = learnt::learn(&lessons());
        let written = train::learn_by(&reader(), &lessons(), &held_out);
        assert_eq!(written, train::learn_by(&reader(), &lessons(), &held_out));
        assert!(written.starts_with("# mailwarden meaning 1\n# a test\n# concerns: 80, of which 80 found when held out\n"), "{written}");
    }

    #[test]
    fn weights_that_were_learnt_for_something_else_are_refused() {
        let model = Model { path: "folder".into(), weights: Shared::of(vec![0]), vocabulary: Shared::of(vec![0]) };
        let fault = Meaning::open(&model, None, None).err().unwrap();
        assert_eq!(fault.what, "the model of meaning cannot be used");
    }
}
