//! A private SMTP server that keeps what it is given in a Maildir: Debian's aiosmtpd, as whoever runs the test.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::{await_port, end, free_port, hand_over, unprivileged};

pub struct Smtp {
    folder: TempDir,
    server: Child,
    pub port: u16,
}

impl Smtp {
    pub fn start() -> Self {
        // Debian's own interpreter, not whichever comes first: the package is installed for that one.
        let found = Command::new("/usr/bin/python3").args(["-c", "import aiosmtpd"]).stderr(Stdio::null()).status();
        let found = found.is_ok_and(|status| status.success());
        assert!(found, "this test needs aiosmtpd: apt-get install --no-install-recommends python3-aiosmtpd");
        (0..3).find_map(|_| Self::try_start()).expect("aiosmtpd starts")
    }

    fn try_start() -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("smtp").tempdir().expect("a folder for mail");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).expect("a folder that can be entered");
        hand_over(folder.path()).expect("a folder that can be written");
        let port = free_port();
        let mut command = Command::new("/usr/bin/python3");
        command.args(["-m", "aiosmtpd", "-n", "-l", &format!("127.0.0.1:{port}"), "-c", "aiosmtpd.handlers.Mailbox"]);
        command.arg(folder.path().join("mail")).stdin(Stdio::null()).stdout(Stdio::null());
        let mut server = unprivileged(&mut command).spawn().ok()?;
        if await_port(port, &mut server) {
            return Some(Self { folder, server, port });
        }
        end(&mut server);
        None
    }

    /// Every message accepted so far; who it was for stands in `X-RcptTo`.
    pub fn messages(&self) -> Vec<Vec<u8>> {
        self.files().iter().filter_map(|file| fs::read(file).ok()).collect()
    }

    /// Every letter accepted so far that is from this address.
    pub fn letters_from(&self, sender: &str) -> Vec<String> {
        let letters = self.messages().into_iter().filter_map(|letter| String::from_utf8(letter).ok());
        letters.filter(|letter| letter.contains(&format!("<{sender}>"))).collect()
    }

    /// Removes the letters of one sender.
    pub fn forget(&self, sender: &str) {
        for file in self.files() {
            if fs::read_to_string(&file).is_ok_and(|letter| letter.contains(&format!("<{sender}>"))) {
                let _ = fs::remove_file(file);
            }
        }
    }

    fn files(&self) -> Vec<PathBuf> {
        let folder = self.folder.path().join("mail/new");
        let mut files: Vec<PathBuf> =
            fs::read_dir(folder).map(|entries| entries.filter_map(|entry| Some(entry.ok()?.path())).collect()).unwrap_or_default();
        files.sort();
        files
    }
}

impl Drop for Smtp {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}
