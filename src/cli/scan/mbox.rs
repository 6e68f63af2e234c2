//! An mbox file, cut into its messages.
//!
//! This is done outside the cage, and does no harm there: a line either begins with five given octets or it does not,
//! and nothing else of a message is looked at. A cut at the wrong place makes two messages of one, and both are
//! examined.

use std::io::{self, BufRead, Read};

use crate::cli::octets::PIECE;
use crate::wire::{Message, MessageWriter};

/// What begins the line before each message.
const FROM: &[u8] = b"From ";

/// The messages of an mbox file. They stay as they stand in it: `>From ` keeps its mark.
pub struct Mbox<R> {
    file: R,
    /// The line before a message was just read.
    more: bool,
    /// Of one message, in octets.
    most: u64,
}

impl<R: BufRead> Mbox<R> {
    /// Whether a file is one.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn begins(file: &mut R) -> io::Result<bool> {
        Ok(file.fill_buf()?.starts_with(FROM))
    }

    /// # Errors
    /// When it cannot be read.
    pub fn new(mut file: R, most: u64) -> io::Result<Self> {
        file.skip_until(b'\n')?;
        Ok(Self { file, more: true, most })
    }

    /// All up to the next line that begins a message, or to the end.
    fn message(&mut self) -> io::Result<Option<Message>> {
        let mut writer = MessageWriter::new();
        let mut fits = true;
        let mut pieces = Vec::with_capacity(2 * PIECE);
        // Of the line before this one.
        let (mut ended, mut empty) = (true, false);
        loop {
            let start = pieces.len();
            // A line may be longer than the memory: then it comes in pieces.
            (&mut self.file).take(PIECE as u64).read_until(b'\n', &mut pieces)?;
            let line = &pieces[start..];
            if ended && empty && line.starts_with(FROM) {
                if !line.ends_with(b"\n") {
                    self.file.skip_until(b'\n')?;
                }
                pieces.truncate(start);
                self.more = true;
            }
            let line = &pieces[start..];
            let last = line.is_empty();
            empty = ended && matches!(line, b"\n" | b"\r\n");
            ended = line.ends_with(b"\n");
            if last || pieces.len() >= PIECE {
                fits = fits && writer.size() + pieces.len() as u64 <= self.most;
                if fits {
                    writer.write(&pieces)?;
                }
                pieces.clear();
            }
            if last {
                return if fits { writer.seal().map(Some) } else { Ok(None) };
            }
        }
    }
}

impl<R: BufRead> Iterator for Mbox<R> {
    /// A message; `None` in the place of one that is too large.
    type Item = io::Result<Option<Message>>;

    fn next(&mut self) -> Option<Self::Item> {
        std::mem::take(&mut self.more).then(|| self.message())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(octets: &[u8], most: u64) -> Vec<Option<Vec<u8>>> {
        let read = |message: Message| {
            let mut octets = Vec::new();
            message.reader().read_to_end(&mut octets).unwrap();
            octets
        };
        Mbox::new(octets, most).unwrap().map(|message| message.unwrap().map(read)).collect()
    }

    #[test]
    fn a_message_begins_behind_a_from_line_that_follows_an_empty_one() {
        let mbox = b"From a Sat\nSubject: 1\n\n>From here\nFrom there\n\nFrom b Sat\r\nSubject: 2\r\n\r\n\r\nFrom c Sat\nSubject: 3\n";
        let messages = cut(mbox, 1000);
        let expected = ["Subject: 1\n\n>From here\nFrom there\n\n", "Subject: 2\r\n\r\n\r\n", "Subject: 3\n"];
        assert_eq!(messages, expected.map(|text| Some(text.as_bytes().to_vec())));
    }

    #[test]
    fn nothing_is_lost_of_lines_longer_than_what_is_read_at_a_time() {
        let long = "x".repeat(3 * PIECE + 7);
        let text = format!("From a\n{long}\n\n{long}From b\n\nFrom {long}\nlast");
        let messages = cut(text.as_bytes(), u64::MAX);
        let expected = [format!("{long}\n\n{long}From b\n\n"), "last".to_owned()];
        assert!(messages == expected.map(|text| Some(text.into_bytes())));
    }

    #[test]
    fn a_message_that_is_too_large_is_told_of_and_the_next_is_read() {
        let text = format!("From a\n{}\n\nFrom b\nsmall\n", "line\n".repeat(100_000));
        assert_eq!(cut(text.as_bytes(), 1000), [None, Some(b"small\n".to_vec())]);
    }
}
