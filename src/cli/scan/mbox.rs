//! An mbox file, cut into its messages.
//!
//! This is done outside the cage, and does no harm there: a line either begins with five given octets or it does not,
//! and nothing else of a message is looked at. A cut at the wrong place makes two messages of one, and both are
//! examined.

use std::io::{self, BufRead, Read};

use memchr::{memchr, memmem};

use crate::cli::octets::PIECE;
use crate::wire::{Message, MessageWriter};

/// What begins the line before each message.
const FROM: &[u8] = b"From ";
/// The same with the end of the line before, which is empty.
const BREAK: &[u8] = b"\nFrom ";
/// Of what was read, so many octets may be the beginning of such a break: an empty line, and `From` without its space.
const UNSURE: usize = b"\n\r".len() + BREAK.len() - 1;

/// The messages of an mbox file. They stay as they stand in it: `>From ` keeps its mark.
pub struct Mbox<R> {
    file: R,
    /// What was read; of it `buffer[given..]` was not given on yet.
    buffer: Vec<u8>,
    given: usize,
    /// The line before a message was just read.
    more: bool,
    /// Of one message, in octets.
    most: u64,
    breaks: memmem::Finder<'static>,
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
    pub fn new(file: R, most: u64) -> io::Result<Self> {
        let mut mbox = Self { file, buffer: Vec::new(), given: 0, more: true, most, breaks: memmem::Finder::new(BREAK) };
        mbox.skip_line()?;
        Ok(mbox)
    }

    /// All up to the next line that begins a message, or to the end.
    fn message(&mut self) -> io::Result<Option<Message>> {
        let mut writer = MessageWriter::new();
        let (mut fits, mut looked_at, mut begun) = (true, 0, false);
        loop {
            let held = &self.buffer[self.given..];
            let end = self.end(held, looked_at, begun);
            // A message may be longer than the memory: then it is given on in pieces.
            let given = end.unwrap_or(if held.len() > PIECE { held.len() - UNSURE } else { 0 });
            fits = fits && writer.size() + given as u64 <= self.most;
            if fits {
                writer.write(&held[..given])?;
            }
            begun |= given > 0;
            self.given += given;
            if end.is_some() {
                self.skip_line()?;
                self.more = true;
                break;
            }
            looked_at = (self.buffer.len() - self.given).saturating_sub(UNSURE);
            if self.read()? == 0 {
                let rest = self.buffer.split_off(self.given);
                fits = fits && writer.size() + rest.len() as u64 <= self.most;
                if fits {
                    writer.write(&rest)?;
                }
                break;
            }
        }
        if fits { writer.seal().map(Some) } else { Ok(None) }
    }

    fn skip_line(&mut self) -> io::Result<()> {
        loop {
            if let Some(end) = memchr(b'\n', &self.buffer[self.given..]) {
                self.given += end + 1;
                return Ok(());
            }
            self.given = self.buffer.len();
            if self.read()? == 0 {
                return Ok(());
            }
        }
    }

    /// Reads on, in octets; 0 at the end.
    fn read(&mut self) -> io::Result<usize> {
        self.buffer.drain(..self.given);
        self.given = 0;
        (&mut self.file).take(PIECE as u64).read_to_end(&mut self.buffer)
    }

    /// How long a message is that another follows, where the break between them lies behind what was looked at. `begun`: it does
    /// not begin here.
    fn end(&self, held: &[u8], looked_at: usize, begun: bool) -> Option<usize> {
        let is_line_start = |at: usize| if at == 0 { !begun } else { held[at - 1] == b'\n' };
        let breaks = self.breaks.find_iter(&held[looked_at..]).map(|at| looked_at + at);
        let mut ends = breaks.filter(|&at| is_line_start(at) || (at > 0 && held[at - 1] == b'\r' && is_line_start(at - 1)));
        ends.next().map(|at| at + 1)
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
    fn the_same_messages_are_found_however_they_are_read() {
        let mbox = b"From a\n\nFrom b\nSubject: 2\n\r\nFrom c\nx\n\nFrom\n\r\r\nFrom d\n\n\nFrom e\n".repeat(2 * PIECE / 60);
        let whole = cut(&mbox, 1000);
        let once = [&b"\n"[..], b"Subject: 2\n\r\n", b"x\n\nFrom\n\r\r\nFrom d\n\n\n", b"From a\n\n"].map(|text| Some(text.to_vec()));
        assert!(whole.len() > 6000 && whole[..4] == once, "{:?}", &whole[..4]);
        for shift in 1..70 {
            let shifted = [&b"From "[..], &vec![b'-'; PIECE - shift], b"\n", &mbox[7..]].concat();
            assert!(cut(&shifted, 1000) == whole, "{shift}");
            let long = [&vec![b'x'; 2 * PIECE - shift], &b"\n\r\n"[..]].concat();
            assert!(
                cut(&[b"From a\n", &long[..], b"From b\nlast\n"].concat(), u64::MAX) == [Some(long), Some(b"last\n".to_vec())],
                "{shift}"
            );
        }
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
