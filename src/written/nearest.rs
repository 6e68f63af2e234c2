//! Did you mean …? Finds the word that was probably meant.

/// A hint that names the nearest of the known words, or all of them when none is near.
pub fn did_you_mean<'a>(written: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(written, &known) {
        Some(word) => format!("did you mean `{word}`?"),
        None if known.is_empty() => "remove it".to_owned(),
        None => format!("it is one of {}", listed(&known)),
    }
}

/// The known word with the fewest changes to `written`, if these are few for its length.
pub fn nearest<'a>(written: &str, known: &[&'a str]) -> Option<&'a str> {
    let written = written.to_lowercase();
    let few = (written.chars().count() / 3).clamp(1, 3);
    known.iter().map(|word| (changes(&written, &word.to_lowercase()), *word)).filter(|(n, _)| *n <= few).min().map(|(_, word)| word)
}

/// `a`, `b` or `c`.
fn listed(words: &[&str]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("`{word}`")).collect();
    match quoted.split_last() {
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
        None => String::new(),
    }
}

/// The least number of letters to insert, remove, replace or swap with their neighbour (optimal string alignment).
fn changes(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = vec![0; b.len() + 1];
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut next = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = row[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            next[j] = replaced.min(row[j] + 1).min(next[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                next[j] = next[j].min(before[j - 2] + 1);
            }
        }
        before = row;
        row = next;
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_understood() {
        assert_eq!(did_you_mean("safegaurding", ["pupil", "safeguarding", "staff"]), "did you mean `safeguarding`?");
        assert_eq!(did_you_mean("Pupils", ["pupil", "staff"]), "did you mean `pupil`?");
        assert_eq!(did_you_mean("hots", ["host", "port"]), "did you mean `host`?");
    }

    #[test]
    fn a_word_that_is_far_from_all_is_answered_with_all() {
        assert_eq!(did_you_mean("caretaker", ["pupil", "staff"]), "it is one of `pupil` or `staff`");
        assert_eq!(did_you_mean("x", []), "remove it");
    }
}
