//! An installation of `mailwarden` in a folder of its own, with rules of made-up words and every key at hand.

use std::fmt::Write;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::{fs, io};

use mailwarden::casebook::{CaseFacts, Casebook, Filter};
use mailwarden::finding::Audience;
use mailwarden::journal::InstanceKey;
use mailwarden::vault::{Member, MemberIdentity, ObjectId, Vault};
use tempfile::TempDir;

use super::dovecot::{Dovecot, PASSWORD};
use super::smtp::Smtp;

/// Words that no ordinary message holds, by what the rules of the test do about them.
pub const HELD: &str = "zanderfang";
pub const FLAGGED: &str = "quillwort";
pub const CRY_FOR_HELP: &str = "larkspurn";

const RULES: [(&str, &str, &str); 3] = [("violence", HELD, "body"), ("bullying", FLAGGED, "body"), ("suicide", CRY_FOR_HELP, "body")];

pub struct Warden {
    folder: Arc<TempDir>,
    config: PathBuf,
    state: PathBuf,
    settings: String,
    mailboxes: Vec<String>,
    /// The login of every mailbox, where it is not its address.
    user: Option<String>,
}

impl Warden {
    /// Watches these mailboxes of a Dovecot and tells one person, through `smtp`, of everything.
    pub fn new(dovecot: &Dovecot, smtp: &Smtp, mailboxes: &[&str]) -> Self {
        Self::telling(dovecot, smtp.port, mailboxes)
    }

    /// As [`Warden::new`], through whatever listens on that port.
    pub fn telling(dovecot: &Dovecot, smtp_port: u16, mailboxes: &[&str]) -> Self {
        let folder = tempfile::Builder::new().prefix("warden").tempdir().expect("a folder");
        let at = folder.path();
        fs::write(at.join("password"), PASSWORD).expect("a password file");
        fs::set_permissions(at.join("password"), fs::Permissions::from_mode(0o600)).expect("a private file");
        fs::create_dir(at.join("hashsets")).expect("a folder");
        for (category, word, _) in RULES {
            fs::create_dir_all(at.join("rules").join(category)).expect("a folder");
            fs::write(at.join(format!("rules/{category}/test.toml")), rule(category, word)).expect("a rule");
        }
        let settings = format!(
            "[school]\nname = \"Test School\"\ndomains = [\"school.example\"]\n\n[state]\ndirectory = \"state\"\n\n\
             [[server]]\nname = \"main\"\nhost = \"localhost\"\nport = {}\nca_file = \"{}\"\n\n\
             [scan]\nworkers = 2\nrules = [\"rules\"]\nhashsets = \"hashsets\"\n\n[policy.actions]\nviolence = \"hold\"\n\n\
             [notice]\nfrom = \"mailwarden@school.example\"\nsmtp_host = \"127.0.0.1\"\nsmtp_port = {}\nsecurity = \"plaintext\"\n\n\
             [[contact]]\nrecipient = \"dsl\"\nname = \"Lead\"\naddress = \"lead@school.example\"\n\n\
             [[contact]]\nrecipient = \"technician\"\nname = \"Technician\"\naddress = \"technician@school.example\"\n",
            dovecot.imaps,
            dovecot.authority().display(),
            smtp_port
        );
        let (config, state) = (at.join("mailwarden.toml"), at.join("state"));
        let mailboxes = mailboxes.iter().map(|&mailbox| mailbox.to_owned()).collect();
        let warden = Self { folder: Arc::new(folder), config, state, settings, mailboxes, user: None };
        warden.configure("interval = \"1s\"\nidle = false\n");
        let identity = MemberIdentity::generate();
        identity.write(&warden.identity()).expect("a key file");
        let mut init = warden.command("init");
        for audience in Audience::ALL {
            init.arg("--member").arg(format!("{audience}:Lead={}", identity.recipient()));
        }
        let made = init.output().expect("the program");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        warden
    }

    /// A key of somebody who is a member of this audience and of no other.
    pub fn key(&self, name: &str, audience: Audience) -> PathBuf {
        let (identity, path) = (MemberIdentity::generate(), self.path().join(format!("{name}.key")));
        identity.write(&path).expect("a key file");
        let lead = MemberIdentity::read(&self.identity()).expect("a key file");
        let member = Member { name: name.to_owned(), recipient: identity.recipient() };
        self.vault().ring().add_member(audience, member, &lead).expect("a ring");
        path
    }

    /// The same installation with its state elsewhere, a copy of this one's. It finds the mailbox under the
    /// login `user`, and signs its letters with it.
    pub fn twin(&self, user: &str, state: &Path) -> Self {
        let settings = self.settings.replace("directory = \"state\"", &format!("directory = \"{}\"", state.display()));
        let settings = settings.replace("mailwarden@school.example", &sender_of(user));
        let config = self.path().join(format!("{user}.toml"));
        let (folder, mailboxes) = (Arc::clone(&self.folder), self.mailboxes.clone());
        let twin = Self { folder, config, state: state.to_owned(), settings, mailboxes, user: Some(user.to_owned()) };
        twin.configure("interval = \"1s\"\nidle = false\n");
        twin
    }

    /// Writes the configuration anew, with these lines as `[watch]`.
    pub fn configure(&self, watch: &str) {
        let mut text = format!("{}\n[watch]\n{watch}", self.settings);
        for mailbox in &self.mailboxes {
            let role = if mailbox.starts_with("lead") { "safeguarding" } else { "pupil" };
            let _ = write!(
                text,
                "\n[[mailbox]]\naddress = \"{mailbox}\"\nserver = \"main\"\ngroup = \"test\"\nrole = \"{role}\"\npassword_file = \"password\"\n"
            );
            if let Some(user) = &self.user {
                let _ = writeln!(text, "user = \"{user}\"");
            }
        }
        fs::write(self.config(), text).expect("a configuration");
    }

    /// Adds a mailbox, `NAME@school.example`, of another mail server to the configuration.
    pub fn also_watch(&self, name: &str, port: u16, password_file: &str) {
        let mut text = fs::read_to_string(self.config()).expect("a configuration");
        let _ = write!(
            text,
            "\n[[server]]\nname = \"{name}\"\nhost = \"localhost\"\nport = {port}\nsecurity = \"plaintext\"\n\n[[mailbox]]\n\
             address = \"{name}@school.example\"\nserver = \"{name}\"\ngroup = \"test\"\nrole = \"pupil\"\npassword_file = \"{password_file}\"\n"
        );
        fs::write(self.config(), text).expect("a configuration");
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn config(&self) -> PathBuf {
        self.config.clone()
    }

    pub fn state(&self) -> &Path {
        &self.state
    }

    pub fn identity(&self) -> PathBuf {
        self.path().join("lead.key")
    }

    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailwarden"));
        command.args(name.split(' ')).arg("--config").arg(self.config()).stdin(Stdio::null());
        command
    }

    /// Polls every mailbox once. With a named step, the process kills itself before it.
    pub fn once(&self, stop_before: Option<&str>) -> Output {
        let mut command = self.command("run");
        command.arg("--once");
        if let Some(step) = stop_before {
            command.env("MAILWARDEN_STOP_BEFORE", step);
        }
        command.output().expect("the program")
    }

    /// As [`Warden::once`], and fails with the log when it does not end well.
    pub fn poll(&self) {
        let done = self.once(None);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// Starts the daemon.
    pub fn start(&self) -> io::Result<Child> {
        self.command("run").stderr(Stdio::piped()).spawn()
    }

    pub fn book(&self) -> Casebook {
        let key = InstanceKey::read(&self.state.join("instance.key")).expect("an instance key");
        Casebook::open(&self.state.join("casebook.db"), key).expect("a casebook")
    }

    /// Every case, oldest first.
    pub fn cases(&self) -> Vec<CaseFacts> {
        let book = self.book();
        let rows = book.cases(&Filter::default()).expect("cases");
        rows.iter().rev().map(|row| book.case(&row.codename).expect("a case").expect("the case that was listed")).collect()
    }

    pub fn vault(&self) -> Vault {
        Vault::open(&self.state.join("vault")).expect("a vault")
    }

    /// What was sealed, opened with the member's key; `None` when it does not open.
    pub fn unseal(&self, object: &ObjectId) -> Option<Vec<u8>> {
        let member = MemberIdentity::read(&self.identity()).expect("a key file");
        let vault = self.vault();
        Audience::ALL.into_iter().find_map(|audience| {
            let mut octets = Vec::new();
            let identity = vault.ring().open(audience, &member).ok()?;
            vault.unseal(object, &identity).ok()?.read_to_end(&mut octets).ok()?;
            Some(octets)
        })
    }

    /// Every sealed file there is, known to the casebook or not.
    pub fn objects(&self) -> Vec<ObjectId> {
        let folders = fs::read_dir(self.state.join("vault/objects")).expect("a vault");
        let files = folders.flat_map(|folder| fs::read_dir(folder.expect("a folder").path()).expect("a folder"));
        files
            .map(|file| file.expect("an object").path().file_stem().and_then(|name| name.to_str()?.parse().ok()).expect("a name"))
            .collect()
    }
}

/// Whom the letters of a twin are from.
pub fn sender_of(user: &str) -> String {
    format!("{user}@school.example")
}

/// A rule that fires on one word.
pub fn rule(category: &str, word: &str) -> String {
    format!(
        "schema = 1\nid = \"{category}.test\"\ntitle = \"A made-up word of the test\"\ncategory = \"{category}\"\nstage = \"hold\"\n\n\
         [[signal]]\nname = \"word\"\nterms = [\"{word}\"]\n\n[decide]\nfire = \"word\"\nscore = 80\n\n\
         [[example]]\nexpect = \"match\"\ntext = \"the {word} of it\"\n\n[[example]]\nexpect = \"match\"\ntext = \"{word}\"\n\n\
         [[example]]\nexpect = \"no-match\"\ntext = \"nothing of the kind\"\n\n[[example]]\nexpect = \"no-match\"\ntext = \"nor here\"\n\n\
         [[history]]\ndate = 2026-11-21\nby = \"test\"\nnote = \"made up\"\n"
    )
}

/// A message from one pupil to another.
pub fn message(subject: &str, text: &str) -> Vec<u8> {
    format!(
        "From: Sender <sender@school.example>\r\nTo: amber@school.example\r\nSubject: {subject}\r\nDate: Mon, 16 Nov 2026 10:00:00 +0000\r\n\
         Message-ID: <always-the-same@school.example>\r\n\r\n{text}\r\n"
    )
    .into_bytes()
}
