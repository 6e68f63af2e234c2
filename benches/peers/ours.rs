//! Our own side: the binary, and a school for it that is as small as the configuration allows.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::dovecot::{Dovecot, MASTER, PASSWORD, user};
use super::{Result, folder, stop};

/// The binary: `MAILWARDEN`, or the one that was built with this bench. `None` when `MAILWARDEN=none` asks for the peers alone.
pub fn binary() -> Result<Option<PathBuf>> {
    match std::env::var_os("MAILWARDEN") {
        Some(none) if none == "none" => Ok(None),
        Some(path) => Ok(Some(fs::canonicalize(&path).map_err(|error| format!("MAILWARDEN={}: {error}", path.display()))?)),
        None => Ok(Some(PathBuf::from(env!("CARGO_BIN_EXE_mailwarden")))),
    }
}

/// A folder `rules` with one rule of the mildest category.
pub fn write_rules(at: &Path, terms: &[String], undisguise: bool) -> Result<()> {
    write_rule(at, "profanity", terms, undisguise)
}

fn write_rule(at: &Path, category: &str, terms: &[String], undisguise: bool) -> Result<()> {
    let folder = at.join("rules").join(category);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("bench.toml"), rule(category, terms, undisguise)?)?;
    Ok(())
}

/// How a school differs from the next.
pub struct Wish<'a> {
    /// One mailbox each of these many users; with no server, one that nobody calls.
    pub server: Option<(&'a Dovecot, usize)>,
    /// In place of it, the port of a server in plain text, and how many users it has.
    pub played: Option<(u16, usize)>,
    /// Where letters go.
    pub smtp: Option<u16>,
    /// What is found is taken out of the mailbox, and told of at once.
    pub holds: bool,
    pub connections: usize,
    pub workers: usize,
    pub messages_per_worker: usize,
    pub interval: &'a str,
    pub idle: bool,
    /// Also look for the terms under disguises: `evasion` of the rule.
    pub undisguise: bool,
}

impl Default for Wish<'_> {
    fn default() -> Self {
        Self {
            server: None,
            played: None,
            smtp: None,
            holds: false,
            connections: 1,
            workers: 1,
            messages_per_worker: 64,
            interval: "60s",
            idle: false,
            undisguise: false,
        }
    }
}

/// A configuration with its one rule, its keys and an empty state.
pub struct School {
    binary: PathBuf,
    folder: TempDir,
}

impl School {
    /// The terms become one rule of the mildest category: what it finds is counted, and the mail stays where it is.
    pub fn found(binary: &Path, terms: &[String], wish: &Wish) -> Result<Self> {
        let school = Self { binary: binary.to_owned(), folder: folder()? };
        let at = school.folder.path();
        write_rule(at, if wish.holds { "threat" } else { "profanity" }, terms, wish.undisguise)?;
        fs::write(at.join("password"), format!("{PASSWORD}\n"))?;
        fs::set_permissions(at.join("password"), Permissions::from_mode(0o600))?;
        let users = wish.server.map(|(_, users)| users).or(wish.played.map(|(_, users)| users)).unwrap_or(1);
        let rows: Vec<String> = (1..=users).map(|number| format!("{}@school.example,staff,staff\n", user(number))).collect();
        fs::write(at.join("mailboxes.csv"), format!("address,group,role\n{}", rows.concat()))?;
        fs::write(at.join("mailwarden.toml"), configuration(wish))?;
        Ok(school)
    }

    /// `keys new` and `init`, which a daemon needs and an offline scan does not.
    pub fn initialise(&self) -> Result<()> {
        let key = Command::new(&self.binary).args(["keys", "new"]).arg(self.folder.path().join("dsl.key")).output()?;
        let said = String::from_utf8([key.stdout, key.stderr].concat())?;
        let public = said
            .split_whitespace()
            .find(|word| word.starts_with("age1"))
            .ok_or_else(|| format!("`keys new` told no public key: {said}"))?;
        let members = ["chair", "dsl", "evidence", "head"].map(|audience| format!("--member={audience}:Bench={public}"));
        let made = self.command("init").args(members).output()?;
        if made.status.success() { Ok(()) } else { Err(format!("`init`: {}", String::from_utf8_lossy(&made.stderr)).into()) }
    }

    /// A subcommand of ours with this configuration.
    pub fn command(&self, name: &str) -> Command {
        let mut command = Command::new(&self.binary);
        command.arg(name).arg("--config").arg(self.folder.path().join("mailwarden.toml"));
        command
    }

    /// The daemon, until it is dropped. Its log goes to a file in the school's folder.
    pub fn open(&self) -> Result<Daemon> {
        let log = fs::File::create(self.folder.path().join("log"))?;
        Ok(Daemon { process: self.command("run").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log).spawn()? })
    }

    /// The last line that the daemon wrote.
    pub fn last_words(&self) -> String {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines().last().unwrap_or("nothing").to_owned()
    }
}

pub struct Daemon {
    process: Child,
}

impl Daemon {
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    pub fn runs(&mut self) -> Result<bool> {
        Ok(self.process.try_wait()?.is_none())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

fn rule(category: &str, terms: &[String], undisguise: bool) -> Result<String> {
    let [first, second, ..] = terms else { return Err("fewer than two terms".into()) };
    let quoted: Vec<String> = terms.iter().map(|term| quote(term)).collect();
    let example = |expect: &str, text: &str| format!("\n[[example]]\nexpect = \"{expect}\"\ntext = {}\nwhy = \"bench\"\n", quote(text));
    Ok([
        format!("schema = 1\nid = \"{category}.bench\"\ntitle = \"Terms of the bench\"\ncategory = \"{category}\"\nstage = \"hold\"\n"),
        format!("evasion = \"{}\"\n", if undisguise { "letters" } else { "none" }),
        format!("\n[[signal]]\nname = \"term\"\nterms = [{}]\n\n[decide]\nfire = \"term\"\nscore = 60\n", quoted.join(", ")),
        example("match", first),
        example("match", second),
        example("no-match", "Lunch is at noon."),
        example("no-match", "The bus is late."),
        "\n[[history]]\ndate = 2026-11-21\nby = \"bench\"\nnote = \"made for a measurement\"\n".to_owned(),
    ]
    .concat())
}

/// A TOML basic string.
fn quote(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn configuration(wish: &Wish) -> String {
    let (port, security, ca) = match (wish.server, wish.played) {
        (Some((dovecot, _)), _) => (dovecot.port, "tls", format!("ca_file = \"{}\"\n", dovecot.ca().display())),
        (None, Some((port, _))) => (port, "plaintext", String::new()),
        (None, None) => (993, "tls", String::new()),
    };
    let smtp = wish.smtp.unwrap_or(25);
    // A rule that holds as much as a bench delivers would fall to flagging.
    let policy = if wish.holds { "most_held = 100000\n\n[policy.actions]\nthreat = \"hold\"\n" } else { "" };
    let Wish { connections, workers, messages_per_worker, interval, idle, .. } = wish;
    format!(
        r#"[school]
name = "Bench School"
domains = ["school.example"]
timezone = "Europe/London"
hours = "08:30-15:30"
digest_at = "15:00"

[state]
directory = "state"

[[server]]
name = "main"
host = "localhost"
port = {port}
security = "{security}"
{ca}master_user = "{MASTER}"
master_separator = "*"
password_file = "password"
connections = {connections}

[mailboxes]
file = "mailboxes.csv"

[watch]
interval = "{interval}"
jitter = 0.0
idle = {idle}
history = "scan"

[scan]
workers = {workers}
messages_per_worker = {messages_per_worker}
rules = ["rules"]

[policy]
{policy}
[notice]
from = "mailwarden@school.example"
smtp_host = "localhost"
smtp_port = {smtp}
security = "plaintext"

[[contact]]
recipient = "dsl"
name = "Bench"
address = "dsl@school.example"

[[contact]]
recipient = "technician"
name = "Bench"
address = "technician@school.example"
"#
    )
}
