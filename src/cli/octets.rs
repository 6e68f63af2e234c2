//! Files into sealed memory: this side of the cage they are copied and never looked into.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::wire::{Message, MessageWriter};

/// In octets: what is read, and handed on, at a time.
pub const PIECE: usize = 64 << 10;

/// # Errors
/// When it is no file, or may not be read.
pub fn open(path: &Path) -> io::Result<BufReader<File>> {
    Ok(BufReader::with_capacity(PIECE, File::open(path)?))
}

/// All that is left to read; `None` when it is more than `most` octets.
///
/// # Errors
/// When it cannot be read, or memory is short.
pub fn whole(mut file: impl BufRead, most: u64) -> io::Result<Option<Message>> {
    let mut writer = MessageWriter::new();
    loop {
        let piece = file.fill_buf()?;
        if piece.is_empty() {
            return writer.seal().map(Some);
        }
        if writer.size() + piece.len() as u64 > most {
            return Ok(None);
        }
        writer.write(piece)?;
        let read = piece.len();
        file.consume(read);
    }
}
