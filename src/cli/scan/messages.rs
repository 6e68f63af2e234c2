//! The messages of files, mbox files, Maildirs and folders, one after the other: each is read when its turn has come.

use std::collections::VecDeque;
use std::fs::{self, DirEntry, File};
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use super::mbox::Mbox;
use crate::cli::octets;
use crate::wire::Message;

/// A message where it was found.
pub struct Found {
    pub path: PathBuf,
    /// Which message of an mbox file it is, counted from 1.
    pub number: Option<u64>,
    /// `None` when it is too large to be read.
    pub message: Option<Message>,
}

/// Walks through what was named. It holds the names of the folders that it is in, and one open file.
pub struct Messages {
    stops: VecDeque<Stop>,
    mbox: Option<(PathBuf, u64, Mbox<BufReader<File>>)>,
    /// Of one message, in octets.
    largest: u64,
}

enum Stop {
    File(PathBuf),
    Folder(PathBuf),
    /// At the command line: whatever it is.
    Named(PathBuf),
}

/// What cannot be read.
#[derive(Debug)]
pub struct Unreadable {
    pub path: PathBuf,
    pub error: io::Error,
}

impl Messages {
    pub fn of(paths: Vec<PathBuf>, largest: u64) -> Self {
        Self { stops: paths.into_iter().map(Stop::Named).collect(), mbox: None, largest }
    }

    fn next_of_mbox(&mut self) -> Option<Result<Found, Unreadable>> {
        let (path, number, mbox) = self.mbox.as_mut()?;
        *number += 1;
        Some(match mbox.next()? {
            Ok(message) => Ok(Found { path: path.clone(), number: Some(*number), message }),
            Err(error) => Err(Unreadable { path: path.clone(), error }),
        })
    }

    /// The message of a file; `None` when it has none yet, or has many.
    fn open(&mut self, path: PathBuf) -> io::Result<Option<Found>> {
        let mut file = octets::open(&path)?;
        if Mbox::begins(&mut file)? {
            self.mbox = Some((path, 0, Mbox::new(file, self.largest)?));
            return Ok(None);
        }
        // An empty file is an mbox without a message.
        if file.fill_buf()?.is_empty() {
            return Ok(None);
        }
        let message = octets::whole(file, self.largest)?;
        Ok(Some(Found { path, number: None, message }))
    }

    /// What a folder holds is looked at next, in the order of the names.
    fn enter(&mut self, folder: &Path) -> io::Result<()> {
        let mut stops = stops(folder)?;
        stops.sort_by(|one, other| one.path().as_os_str().cmp(other.path().as_os_str()));
        for stop in stops.into_iter().rev() {
            self.stops.push_front(stop);
        }
        Ok(())
    }
}

impl Iterator for Messages {
    type Item = Result<Found, Unreadable>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.next_of_mbox() {
                return Some(found);
            }
            self.mbox = None;
            let stop = self.stops.pop_front()?;
            let path = stop.path().to_owned();
            let found = match stop {
                Stop::File(path) => self.open(path),
                Stop::Folder(path) => self.enter(&path).map(|()| None),
                Stop::Named(path) => named(path).map(|stop| {
                    self.stops.push_front(stop);
                    None
                }),
            };
            if let Some(found) = found.map_err(|error| Unreadable { path, error }).transpose() {
                return Some(found);
            }
        }
    }
}

impl Stop {
    fn path(&self) -> &Path {
        let (Self::File(path) | Self::Folder(path) | Self::Named(path)) = self;
        path
    }
}

fn named(path: PathBuf) -> io::Result<Stop> {
    let metadata = fs::metadata(&path)?;
    match () {
        () if metadata.is_dir() => Ok(Stop::Folder(path)),
        () if metadata.is_file() => Ok(Stop::File(path)),
        // Opening a pipe would wait for whoever writes into it.
        () => Err(io::Error::other("it is neither a file nor a folder")),
    }
}

fn stops(folder: &Path) -> io::Result<Vec<Stop>> {
    let is_maildir = folder.join("cur").is_dir() && folder.join("new").is_dir();
    let mut stops = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        stops.extend(if is_maildir { stop_in_maildir(&entry)? } else { stop_in_folder(&entry)? });
    }
    Ok(stops)
}

/// Everything but what is hidden. Links to folders are not followed: they may lead in a circle.
fn stop_in_folder(entry: &DirEntry) -> io::Result<Option<Stop>> {
    let kind = entry.file_type()?;
    let is_file = || kind.is_file() || kind.is_symlink() && fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file());
    Ok(match () {
        () if entry.file_name().as_encoded_bytes().starts_with(b".") => None,
        () if kind.is_dir() => Some(Stop::Folder(entry.path())),
        () if is_file() => Some(Stop::File(entry.path())),
        () => None,
    })
}

/// Its folders, `.Sent` among them; but neither what is still being delivered nor the server's own files.
fn stop_in_maildir(entry: &DirEntry) -> io::Result<Option<Stop>> {
    let wanted = entry.file_type()?.is_dir() && entry.file_name() != "tmp";
    Ok(wanted.then(|| Stop::Folder(entry.path())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn found_in(files: &[(&str, &str)]) -> Vec<(String, Option<u64>)> {
        let folder = tempfile::tempdir().unwrap();
        for (file, text) in files {
            let path = folder.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        symlink(folder.path(), folder.path().join("circle")).unwrap();
        let found = Messages::of(vec![folder.path().to_owned()], 1000).map(Result::unwrap);
        found.map(|found| (found.path.strip_prefix(folder.path()).unwrap().display().to_string(), found.number)).collect()
    }

    #[test]
    fn every_file_of_a_folder_is_a_message_or_many() {
        let files = [("b.eml", "x"), ("a/2", "x"), ("a/1.mbox", "From x\n1\n\nFrom y\n2"), (".hidden", "x"), ("empty", "")];
        let expected = [("a/1.mbox", Some(1)), ("a/1.mbox", Some(2)), ("a/2", None), ("b.eml", None)];
        assert_eq!(found_in(&files), expected.map(|(path, number)| (path.to_owned(), number)));
    }

    #[test]
    fn of_a_maildir_the_delivered_messages_of_all_its_folders_are_found() {
        let files = [
            ("box/cur/1:2,S", "x"),
            ("box/new/2", "x"),
            ("box/tmp/3", "x"),
            ("box/dovecot-uidlist", "x"),
            ("box/.Sent/cur/4", "x"),
            ("box/.Sent/new/5", "x"),
            ("box/.Sent/maildirfolder", "x"),
        ];
        let found: Vec<_> = found_in(&files).into_iter().map(|(path, _)| path).collect();
        assert_eq!(found, ["box/.Sent/cur/4", "box/.Sent/new/5", "box/cur/1:2,S", "box/new/2"]);
    }

    #[test]
    fn what_cannot_be_read_is_told_and_the_rest_is_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "x").unwrap();
        let paths = vec![folder.path().join("absent"), "/dev/null".into(), folder.path().join("a")];
        let found: Vec<_> = Messages::of(paths, 1000).collect();
        let [Err(absent), Err(null), Ok(_)] = &found[..] else { panic!("{} found", found.len()) };
        assert_eq!(absent.error.kind(), io::ErrorKind::NotFound);
        assert_eq!(null.error.to_string(), "it is neither a file nor a folder");
    }

    #[test]
    fn a_message_that_is_too_large_is_found_and_not_read() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a"), "x".repeat(1001)).unwrap();
        let found: Vec<_> = Messages::of(vec![folder.path().to_owned()], 1000).map(Result::unwrap).collect();
        assert!(matches!(&found[..], [Found { message: None, .. }]));
    }
}
