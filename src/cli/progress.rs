//! How far long work has come, on a terminal where a person looks.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// Between two looks of a person.
const BLINK: Duration = Duration::from_millis(200);

/// A line on standard error that is written over and over, and wiped away at the end.
pub struct Progress {
    /// When it was last shown; `None` where nobody looks.
    shown: Option<Instant>,
}

impl Progress {
    /// `json`: standard output is for a program, and not to be mixed up with this on one terminal.
    pub fn new(json: bool) -> Self {
        let seen = io::stderr().is_terminal() && !(json && io::stdout().is_terminal());
        Self { shown: seen.then(Instant::now) }
    }

    /// Says that so many messages are done, unless it just said something.
    pub fn show(&mut self, messages: u64) {
        self.show_text(&counted(messages));
    }

    /// As [`Progress::show`], in other words.
    pub fn show_text(&mut self, text: &str) {
        if self.shown.is_some_and(|shown| shown.elapsed() >= BLINK) {
            self.shown = Some(Instant::now());
            let _ = write!(io::stderr(), "\r{text}\x1b[K");
        }
    }

    /// Before anything else is written.
    pub fn wipe(&mut self) {
        if self.shown.take().is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

/// `1 message`, `7 messages`
pub fn counted(messages: u64) -> String {
    format!("{messages} {}", if messages == 1 { "message" } else { "messages" })
}
