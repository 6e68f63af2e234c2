//! Terms as they are written, in a rule or in a list that rules share, and as they are looked for.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use toml::Spanned;

use super::faults::Faults;
use super::fold::fold_term;
use super::{inflect, words};
use crate::fault::{At, Fault};
use crate::wire::SourceFile;

/// Of a term, in characters.
const MAX_TERM: usize = 200;
/// Of one rule, inflections and lists counted.
pub const MAX_TERMS: usize = 100_000;
/// Words of one term that may end in `~`.
const MAX_INFLECTED: usize = 3;
/// Of a list, in octets.
const MAX_LIST: usize = 4 << 20;
/// More faults of one list than anybody reads.
const MAX_FAULTS: usize = 50;

/// The lists that the rules of a bundle may name.
#[derive(Default)]
pub struct WordLists(BTreeMap<String, Arc<WordList>>);

pub struct WordList {
    pub name: String,
    /// Folded, with every inflection written out.
    pub terms: Vec<String>,
    /// What stands in the file: a rule is another rule when its list is another list.
    pub octets: Vec<u8>,
}

/// The terms of one signal, or of all excepted phrases of a rule.
#[derive(Clone, Default)]
pub struct Terms {
    /// Folded, with every inflection written out; those of lists left out.
    pub own: Vec<String>,
    /// Each once, and the same for every rule that names it.
    pub lists: Vec<Arc<WordList>>,
}

impl Terms {
    /// Those of its lists counted.
    pub fn count(&self) -> usize {
        self.own.len() + self.lists.iter().map(|list| list.terms.len()).sum::<usize>()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.own.iter().chain(self.lists.iter().flat_map(|list| &list.terms)).map(String::as_str)
    }

    /// Takes the terms of another in.
    pub fn extend(&mut self, other: Self) {
        self.own.extend(other.own);
        let known: Vec<_> = self.lists.iter().map(|list| list.name.clone()).collect();
        self.lists.extend(other.lists.into_iter().filter(|list| !known.contains(&list.name)));
    }
}

/// Why a term cannot be looked for, and the remedy.
type Refused = (String, &'static str);

impl WordLists {
    /// Reads every list: one term a line; `#` begins a comment. A later list of the same name replaces an earlier one. Told is every
    /// fault of every list, with its line; a list with a fault is there all the same, so that no rule is told of for naming it.
    pub fn read(files: &[SourceFile]) -> (Self, Vec<Fault>) {
        let mut lists = BTreeMap::new();
        let mut faults = Vec::new();
        for file in files {
            let name = file.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            match read_list(&name, file) {
                Ok(list) => drop(lists.insert(name, Arc::new(list))),
                Err(of_list) => {
                    faults.extend(of_list);
                    let list = WordList { name: name.clone(), terms: vec!["broken".to_owned()], octets: file.octets.clone() };
                    lists.insert(name, Arc::new(list));
                }
            }
        }
        (Self(lists), faults)
    }

    pub fn named(&self, name: &str) -> Option<&Arc<WordList>> {
        self.0.get(name)
    }

    fn names(&self) -> String {
        self.0.keys().map(String::as_str).collect::<Vec<_>>().join(", ")
    }
}

fn read_list(name: &str, file: &SourceFile) -> Result<WordList, Vec<Fault>> {
    let fault = |line: usize, (why, hint): Refused| Fault {
        what: format!("list `{name}` cannot be read"),
        at: Some(At::line(PathBuf::from(&file.path), line)),
        why,
        hint: hint.to_owned(),
    };
    if file.octets.len() > MAX_LIST {
        return Err(vec![fault(
            1,
            (format!("the file has {} octets, {MAX_LIST} are allowed", file.octets.len()), "make several lists of it"),
        )]);
    }
    let text = match std::str::from_utf8(&file.octets) {
        Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
        Err(error) => {
            let line = file.octets[..error.valid_up_to()].split(|octet| *octet == b'\n').count();
            return Err(vec![fault(line, ("the file is not UTF-8".to_owned(), "save it again as UTF-8"))]);
        }
    };
    let mut terms = Vec::new();
    let mut faults = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let term = line.split_once('#').map_or(line, |(term, _)| term).trim();
        if term.is_empty() {
            continue;
        }
        match expand(term) {
            Ok(expanded) => terms.extend(expanded),
            Err(refused) => faults.push(fault(number + 1, refused)),
        }
        if terms.len() > MAX_TERMS {
            let why = format!("more than {MAX_TERMS} terms with all their inflections");
            faults.push(fault(number + 1, (why, "make several lists of them")));
        }
        if faults.len() >= MAX_FAULTS || terms.len() > MAX_TERMS {
            break;
        }
    }
    if terms.is_empty() && faults.is_empty() {
        faults.push(fault(1, ("there is no term in it".to_owned(), "write one term a line, or remove the file")));
    }
    terms.sort_unstable();
    terms.dedup();
    if faults.is_empty() { Ok(WordList { name: name.to_owned(), terms, octets: file.octets.clone() }) } else { Err(faults) }
}

/// The name under which rules know the list in this file, if it is one: `<any>/lists/<name>.txt`.
pub fn is_list_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|octet| octet.is_ascii_lowercase() || octet.is_ascii_digit() || octet == b'-')
}

/// The terms of one signal or exception: its own and those of its lists.
pub fn read_terms(
    terms: Option<&Spanned<Vec<Spanned<String>>>>,
    lists: Option<&Spanned<Vec<Spanned<String>>>>,
    known: &WordLists,
    faults: &mut Faults<'_>,
) -> Terms {
    let mut all = Terms::default();
    if let Some(terms) = terms {
        if terms.get_ref().is_empty() {
            faults.at(terms, "the list of terms is empty", "write at least one term");
        }
        for term in terms.get_ref() {
            match expand(term.get_ref()) {
                Ok(expanded) => all.own.extend(expanded),
                Err((why, hint)) => faults.at(term, why, hint),
            }
            // A few words with `~` are thousands of terms: told as soon as it is known.
            if all.own.len() > MAX_TERMS {
                break;
            }
        }
    }
    if let Some(lists) = lists {
        if lists.get_ref().is_empty() {
            faults.at(lists, "no list is named", "name a list, or leave the key out");
        }
        for name in lists.get_ref() {
            match known.named(name.get_ref()) {
                Some(list) => all.extend(Terms { own: Vec::new(), lists: vec![Arc::clone(list)] }),
                None => faults.at(name, format!("there is no list `{}`", name.get_ref()), no_list_hint(name.get_ref(), known)),
            }
        }
    }
    all.own.sort_unstable();
    all.own.dedup();
    if let Some(place) = terms.or(lists).filter(|_| all.count() > MAX_TERMS) {
        let why = format!("more than {MAX_TERMS} terms with all their inflections");
        faults.at(place, why, "make several signals or rules of them");
    }
    all
}

fn no_list_hint(name: &str, known: &WordLists) -> String {
    if !is_list_name(name) {
        return "name it in small letters, digits and hyphens, as its file is named without `.txt`".to_owned();
    }
    match known.names() {
        none if none.is_empty() => format!("write its terms into `lists/{name}.txt` beside the folders of the categories"),
        names => format!("the lists are {names}; or write its terms into `lists/{name}.txt`"),
    }
}

/// A term as it is looked for: folded, once for every inflection of its words that end in `~`.
fn expand(term: &str) -> Result<Vec<String>, Refused> {
    let length = term.chars().count();
    if length > MAX_TERM {
        let why = format!("a term of {length} characters, {MAX_TERM} are allowed");
        return Err((why, "a few telling words find more than a long quotation"));
    }
    let folded = fold_term(term);
    if words::words(folded.as_bytes()).next().is_none() {
        return Err(("the term has no word in it".to_owned(), "write at least one letter, digit or emoji"));
    }
    let pieces: Vec<&str> = folded.split('~').collect();
    if pieces.len() - 1 > MAX_INFLECTED {
        return Err((
            format!("more than {MAX_INFLECTED} words of one term end in `~`"),
            "write the telling one with `~`, or make several terms",
        ));
    }
    let mut all = vec![String::new()];
    for (place, piece) in pieces.iter().enumerate() {
        let Some(next) = pieces.get(place + 1) else {
            for term in &mut all {
                term.push_str(piece);
            }
            break;
        };
        let stem =
            piece.rfind(|letter: char| !letter.is_alphabetic()).map_or(0, |at| at + piece[at..].chars().next().map_or(0, char::len_utf8));
        let (before, word) = piece.split_at(stem);
        if word.chars().count() < 2 || next.starts_with(|sign: char| sign.is_alphanumeric() || sign == '\'') {
            return Err(("`~` does not stand at the end of a word".to_owned(), "write it behind the last letter of a word: `keep~ this`"));
        }
        let forms = inflect::forms(word);
        all = all.iter().flat_map(|begun| forms.iter().map(move |form| format!("{begun}{before}{form}"))).collect();
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(path: &str, octets: &[u8]) -> SourceFile {
        SourceFile { path: path.into(), octets: octets.to_vec() }
    }

    #[test]
    fn every_inflection_of_a_term_is_written_out() {
        assert_eq!(expand("Keep~ this").unwrap(), ["keep this", "keep's this", "keeps this", "keeped this", "keeping this"]);
        assert_eq!(expand("cry~ and lie~").unwrap().len(), 25);
        assert_eq!(expand("fox").unwrap(), ["fox"]);
    }

    #[test]
    fn a_tilde_that_means_nothing_is_refused() {
        for term in ["ke~ep", "~keep", "keep ~ this", "18~", "keep~'s", "i~"] {
            assert_eq!(expand(term).unwrap_err().0, "`~` does not stand at the end of a word", "{term}");
        }
        assert!(expand("aa~ bb~ cc~ dd~").unwrap_err().0.starts_with("more than 3 words"));
    }

    #[test]
    fn a_list_is_one_term_a_line_and_the_last_of_a_name_is_the_one() {
        let (lists, faults) = WordLists::read(&[
            list("rules/lists/places.txt", b"\xef\xbb\xbf# towns\r\nAmber Hill # near\r\n\r\nwren~\n"),
            list("rules/lists/names.txt", b"ann\n"),
            list("local-rules/lists/names.txt", b"ben\n"),
        ]);
        assert_eq!(faults, []);
        let terms = |name: &str| lists.named(name).unwrap().terms.clone();
        assert_eq!(terms("places"), ["amber hill", "wren", "wren's", "wrenned", "wrenning", "wrens"]);
        assert_eq!(terms("names"), ["ben"]);
    }

    #[test]
    fn a_broken_list_is_told_line_by_line() {
        let told = |octets: &[u8]| {
            let (lists, faults) = WordLists::read(&[list("rules/lists/a.txt", octets)]);
            assert!(lists.named("a").is_some(), "a rule that names it is not told of");
            faults.into_iter().map(|fault| (fault.at.unwrap().line.unwrap(), fault.why)).collect::<Vec<_>>()
        };
        assert_eq!(told(b"ok\n!\n~\n"), [(2, "the term has no word in it".to_owned()), (3, "the term has no word in it".to_owned())]);
        assert_eq!(told(b"ok\n\xff"), [(2, "the file is not UTF-8".to_owned())]);
        assert_eq!(told(b"# only\n"), [(1, "there is no term in it".to_owned())]);
    }
}
