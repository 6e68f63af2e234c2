//! Passwords: kept in a file of their own or handed over by systemd, read when needed, never printed.

use std::env;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::fault::{At, Fault};

/// The longest password, in octets, that is read from a file.
const LONGEST: u64 = 4096;
/// The largest file, in octets, of a key or of certificates.
const LARGEST: u64 = 64 << 10;
/// Of the files that hold a secret: nothing for others, nothing to write or execute for the group.
const FORBIDDEN: u32 = 0o137;

/// A password. It has no `Debug` and no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(secret: String) -> Self {
        Self(secret)
    }

    /// The password itself. Whoever calls this answers for where it goes.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Where a password is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Password {
    /// The name of a systemd credential (`LoadCredential=`), a file in `$CREDENTIALS_DIRECTORY`.
    Credential(String),
    /// The first line of a file that only its owner, and at most its group, may read.
    File(PathBuf),
}

impl Password {
    /// Reads the password anew, so that a changed one is in force at the next login.
    ///
    /// # Errors
    /// When it is out of reach, empty, or in a file that others may read.
    pub fn read(&self) -> Result<Secret, Fault> {
        let (path, forbidden) = self.place()?;
        first_line(&path, forbidden)
    }

    /// As [`Password::read`], of a key that takes up all of its file.
    ///
    /// # Errors
    /// As [`Password::read`].
    pub fn read_key(&self) -> Result<Secret, Fault> {
        let (path, forbidden) = self.place()?;
        Ok(Secret(content(&path, forbidden, LARGEST)?))
    }

    /// The file, and which of its mode bits may not be set.
    fn place(&self) -> Result<(PathBuf, u32), Fault> {
        match self {
            Self::Credential(name) => match credentials_directory() {
                // The directory is systemd's own, and so are the modes of the files in it.
                Some(directory) => Ok((directory.join(name), 0)),
                None => Err(Fault {
                    what: format!("the password `{name}` is out of reach"),
                    at: None,
                    why: "it is a systemd credential, and no credentials were handed to this process".to_owned(),
                    hint: format!(
                        "start mailwarden as a service with `LoadCredential={name}:FILE`, or set `password_file` in place of `credential`"
                    ),
                }),
            },
            Self::File(path) => Ok((path.clone(), FORBIDDEN)),
        }
    }

    /// Whether the password can be read by this process at all: a credential exists only within the service.
    pub fn within_reach(&self) -> bool {
        matches!(self, Self::File(_)) || credentials_directory().is_some()
    }
}

impl fmt::Display for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Credential(name) => write!(f, "credential `{name}`"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

fn credentials_directory() -> Option<PathBuf> {
    env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from)
}

/// Reads certificates (PEM), which are public.
///
/// # Errors
/// When they cannot be read.
pub fn certificate(path: &Path) -> Result<String, Fault> {
    content(path, 0, LARGEST)
}

/// The first line of a file none of whose mode bits are `forbidden`.
fn first_line(path: &Path, forbidden: u32) -> Result<Secret, Fault> {
    let text = content(path, forbidden, LONGEST)?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret(line.to_owned())),
        _ => Err(Fault {
            what: "a password file is empty".to_owned(),
            at: Some(At::file(path)),
            why: "its first line holds no password".to_owned(),
            hint: "write the password into its first line".to_owned(),
        }),
    }
}

/// At most `most` octets of a file none of whose mode bits are `forbidden`.
fn content(path: &Path, forbidden: u32, most: u64) -> Result<String, Fault> {
    let fault = |what: &str, why: String, hint: String| Fault { what: what.to_owned(), at: Some(At::file(path)), why, hint };
    let unreadable = |error: io::Error| match forbidden {
        0 => fault("a file cannot be read", error.to_string(), "correct its name, or let the user that runs mailwarden read it".to_owned()),
        _ => fault(
            "a password file cannot be read",
            error.to_string(),
            "create it with the password in its first line, owned by the user that runs mailwarden, mode 0600".to_owned(),
        ),
    };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mode = metadata.permissions().mode() & 0o777;
    if metadata.is_file() && mode & forbidden != 0 {
        return Err(fault(
            "a password file is open to others",
            format!("its mode is 0{mode:03o}; 0600, or 0640 for a group, is the most"),
            format!("chmod 0600 {}", path.display()),
        ));
    }
    let mut text = String::new();
    file.take(most).read_to_string(&mut text).map_err(unreadable)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    /// What comes of a password file of this content and mode.
    fn read(content: &str, mode: u32) -> Result<String, String> {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("imap");
        fs::write(&path, content).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        Password::File(path).read().map(|secret| secret.expose().to_owned()).map_err(|fault| fault.why)
    }

    #[test]
    fn a_password_is_the_first_line_of_its_file() {
        assert_eq!(read("correct horse \r\nbattery\n", 0o600), Ok("correct horse ".to_owned()));
        assert_eq!(read("staple", 0o640), Ok("staple".to_owned()));
        assert_eq!(read("\n", 0o600), Err("its first line holds no password".to_owned()));
    }

    #[test]
    fn a_password_file_that_others_may_read_is_refused() {
        for mode in [0o604, 0o644, 0o660, 0o777] {
            assert_eq!(read("staple", mode), Err(format!("its mode is 0{mode:03o}; 0600, or 0640 for a group, is the most")));
        }
    }
}
