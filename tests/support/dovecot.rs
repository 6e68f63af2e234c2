//! A private Dovecot: own folder, own ports, own authority for TLS; any user name, one password, one master.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use mailwarden::config::{Secret, Security};
use mailwarden::watch::imap::{Limits, Login, Server, Session, trust_file};
use tempfile::TempDir;

use super::{await_port, copy, end, free_port, give, hand_over, require, unprivileged};

pub const PASSWORD: &str = "correct-horse";
pub const MASTER: &str = "scanner";
pub const MASTER_PASSWORD: &str = "master \"quoted\" \\ p\u{e4}ss";

/// For the names of messages: never that of one that was removed, Dovecot would take it for the same.
static DELIVERIES: AtomicU32 = AtomicU32::new(1);

pub struct Dovecot {
    folder: TempDir,
    server: Child,
    /// Plain text and STARTTLS.
    pub imap: u16,
    pub imaps: u16,
    pub lmtp: u16,
}

impl Dovecot {
    /// Any user logs in with [`PASSWORD`], [`MASTER`] with [`MASTER_PASSWORD`] behind a `*`.
    pub fn start() -> Self {
        Self::start_with("")
    }

    /// With further lines of configuration, such as `imap_capability = IMAP4rev1`.
    pub fn start_with(configuration: &str) -> Self {
        // A port that was free may be taken by the time Dovecot wants it.
        (0..3).find_map(|_| Self::try_start(configuration).expect("a folder for Dovecot")).expect("Dovecot starts")
    }

    /// Somebody who has logged in by TLS.
    pub async fn session(&self, user: &str) -> Session {
        let tls = trust_file(&self.authority()).expect("the authority of the test");
        let server = Server { host: "localhost".to_owned(), port: self.imaps, security: Security::Tls, tls, limits: Limits::default() };
        let mut session = Session::connect(&server).await.expect("a connection");
        session.login(&Login::Password { user: user.to_owned(), password: Secret::new(PASSWORD.to_owned()) }).await.expect("a login");
        session
    }

    fn try_start(configuration: &str) -> io::Result<Option<Self>> {
        let folder = tempfile::Builder::new().prefix("dovecot").tempdir()?;
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755))?;
        for name in ["run", "state", "mail", "tls"] {
            fs::create_dir(folder.path().join(name))?;
        }
        certify(&folder.path().join("tls"))?;
        let (imap, imaps, lmtp) = (free_port(), free_port(), free_port());
        fs::write(folder.path().join("masters"), format!("{MASTER}:{{PLAIN}}{MASTER_PASSWORD}\n"))?;
        fs::write(folder.path().join("dovecot.conf"), settings(folder.path(), [imap, imaps, lmtp], configuration))?;
        hand_over(folder.path())?;
        let mut server = serve(folder.path())?;
        if await_port(imap, &mut server) {
            return Ok(Some(Self { folder, server, imap, imaps, lmtp }));
        }
        end(&mut server);
        eprintln!("{}", fs::read_to_string(folder.path().join("log")).unwrap_or_default());
        Ok(None)
    }

    /// Ends the server and every session; its mail stays.
    pub fn stop(&mut self) {
        // Left alone, the processes of open sessions would serve them to their end.
        let group = rustix::process::Pid::from_child(&self.server);
        end(&mut self.server);
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::TERM);
    }

    /// Starts it again, on the same ports.
    pub fn restart(&mut self) {
        self.server = serve(self.folder.path()).expect("Dovecot");
        assert!(await_port(self.imap, &mut self.server), "Dovecot starts again");
    }

    /// The certificate of the authority that vouches for `localhost`.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("tls/ca.pem")
    }

    /// Puts a message into an INBOX as a delivery agent would, past all code under test.
    pub fn deliver(&self, user: &str, message: impl Read) {
        self.deliver_at(user, message, SystemTime::now());
    }

    /// As [`Dovecot::deliver`], with a date that is surely behind all that a test does now.
    pub fn deliver_in_an_hour(&self, user: &str, message: impl Read) {
        self.deliver_at(user, message, SystemTime::now() + Duration::from_hours(1));
    }

    /// As [`Dovecot::deliver`], with another date.
    pub fn deliver_at(&self, user: &str, mut message: impl Read, date: SystemTime) {
        let maildir = self.maildir(user);
        let name = format!("{}.made-up", DELIVERIES.fetch_add(1, Ordering::Relaxed));
        for folder in ["tmp", "cur", "new"] {
            fs::create_dir_all(maildir.join(folder)).expect("a Maildir");
        }
        let mut file = File::create(maildir.join("tmp").join(&name)).expect("a file");
        io::copy(&mut message, &mut file).expect("room for a message");
        file.set_modified(date).expect("a date");
        // What else is in it is Dovecot's already, and it may be renaming it just now.
        let made = [maildir.clone(), maildir.join("cur"), maildir.join("new"), maildir.join("tmp"), maildir.join("tmp").join(&name)];
        made.iter().try_for_each(|path| give(path)).expect("a Maildir that Dovecot may write");
        fs::rename(maildir.join("tmp").join(&name), maildir.join("new").join(&name)).expect("a delivery");
    }

    /// Says these commands in the name of a user, by the hand of another client.
    pub fn say(&self, user: &str, commands: &[&str]) {
        let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, self.imap)).expect("a connection");
        let mut script = format!("a LOGIN {user} \"{PASSWORD}\"\r\n");
        for command in commands {
            let _ = write!(script, "b {command}\r\n");
        }
        tcp.write_all((script + "c LOGOUT\r\n").as_bytes()).expect("a script");
        let mut said = String::new();
        tcp.read_to_string(&mut said).expect("answers");
        assert_eq!(said.matches("b OK").count(), commands.len(), "{said}");
    }

    /// The files of an INBOX: their names carry the flags, `:2,S` for one that was seen.
    pub fn files(&self, user: &str) -> Vec<PathBuf> {
        let folders = ["new", "cur"].map(|folder| self.maildir(user).join(folder));
        let entries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
        entries.filter_map(|entry| Some(entry.ok()?.path())).collect()
    }

    /// Gives a new user the mail of another, every folder numbered as it is there.
    pub fn copy(&self, from: &str, to: &str) {
        copy(&self.maildir(from), &self.maildir(to));
    }

    /// Removes all mail of a user.
    pub fn forget(&self, user: &str) {
        // A session that is just ending may still write into it.
        let _ = fs::remove_dir_all(self.maildir(user));
    }

    /// Makes the server number an INBOX anew, as a restored backup would.
    pub fn renumber(&self, user: &str) {
        for entry in fs::read_dir(self.maildir(user)).expect("a Maildir") {
            let path = entry.expect("an entry").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if name.starts_with("dovecot") {
                fs::remove_file(path).expect("an index that can be made again");
            }
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    fn maildir(&self, user: &str) -> PathBuf {
        self.folder.path().join("mail").join(user)
    }
}

fn serve(folder: &Path) -> io::Result<Child> {
    let mut command = Command::new(require("dovecot", "dovecot-imapd dovecot-lmtpd"));
    command.arg("-F").arg("-c").arg(folder.join("dovecot.conf")).stdin(Stdio::null()).stdout(Stdio::null());
    // A group of its own, so that it can be ended as a whole.
    command.process_group(0);
    unprivileged(&mut command).spawn()
}

impl Drop for Dovecot {
    fn drop(&mut self) {
        self.stop();
    }
}

pub(super) fn certify(folder: &Path) -> io::Result<()> {
    let program = require("openssl", "openssl");
    let openssl = |arguments: &str| -> io::Result<()> {
        let made = Command::new(&program).current_dir(folder).args(arguments.split(' ')).output()?;
        if made.status.success() { Ok(()) } else { Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned())) }
    };
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    fs::write(folder.join("server.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")?;
    openssl(&format!(
        "req -x509 {key} -keyout ca.key -out ca.pem -days 30 -subj /CN=test-authority -addext keyUsage=critical,keyCertSign"
    ))?;
    openssl(&format!("req {key} -keyout server.key -out server.csr -subj /CN=localhost"))?;
    openssl("x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -out server.pem -extfile server.ext")
}

/// `dovecot.conf` with its names filled in.
fn settings(folder: &Path, ports: [u16; 3], further: &str) -> String {
    let (user, group) = whoami();
    let [imap, imaps, lmtp] = ports.map(|port| port.to_string());
    let names = [
        ("@ROOT@", &*folder.to_string_lossy()),
        ("@USER@", &user),
        ("@GROUP@", &group),
        ("@PASSWORD@", PASSWORD),
        ("@IMAP@", &imap),
        ("@IMAPS@", &imaps),
        ("@LMTP@", &lmtp),
    ];
    let text = names.iter().fold(include_str!("dovecot.conf").to_owned(), |text, (name, value)| text.replace(name, value));
    text + further
}

/// User and group that Dovecot runs as.
fn whoami() -> (String, String) {
    if super::is_root() {
        return ("nobody".to_owned(), "nogroup".to_owned());
    }
    let name = |option| {
        let output = Command::new("id").arg(option).output().expect("a name");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    (name("-un"), name("-gn"))
}
