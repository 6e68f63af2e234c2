//! An installation without a mail server: a configuration, a rule file, and the program run in their folder.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::warden::{FLAGGED, rule};

const CONFIGURATION: &str = r#"
[school]
name = "Willowbrook School"
domains = ["willowbrook.example"]
[state]
directory = "state"
[[server]]
host = "imap.willowbrook.example"
master_user = "warden"
credential = "imap-password"
[[mailbox]]
address = "amber@willowbrook.example"
role = "pupil"
[notice]
from = "mailwarden@willowbrook.example"
smtp_host = "smtp.willowbrook.example"
[[contact]]
recipient = "dsl"
name = "Robin Finch"
address = "dsl@willowbrook.example"
[[contact]]
recipient = "technician"
name = "Jay Martin"
address = "it@willowbrook.example"
"#;

/// A folder with a configuration and one rule file, and the program run in it.
pub struct School(TempDir);

impl School {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        fs::create_dir_all(folder.path().join("rules/bullying")).expect("a folder for rules");
        fs::write(folder.path().join("rules/bullying/test.toml"), rule("bullying", FLAGGED)).expect("a rule");
        fs::write(folder.path().join("mailwarden.toml"), CONFIGURATION).expect("a configuration");
        Self(folder)
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }

    pub fn run(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mailwarden"));
        command.args(arguments).current_dir(self.path()).env_remove("CREDENTIALS_DIRECTORY").output().expect("mailwarden runs")
    }

    /// With the configuration, which every command but `keys new` takes.
    pub fn run_here(&self, arguments: &[&str]) -> Output {
        self.run(&[arguments, &["--config", "mailwarden.toml"]].concat())
    }

    /// From now on its servers are to be found on this machine, where nobody is at home.
    pub fn out_of_reach(&self) {
        let path = self.path().join("mailwarden.toml");
        let text = fs::read_to_string(&path).expect("a configuration");
        let text = text.replace("host = \"imap.willowbrook.example\"", "host = \"127.0.0.1\"\nport = 1");
        let text = text.replace("smtp_host = \"smtp.willowbrook.example\"", "smtp_host = \"127.0.0.1\"\nsmtp_port = 1");
        fs::write(&path, text).expect("a configuration");
    }

    /// As `run_here`, as on a kernel without seccomp.
    pub fn run_without_seccomp(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/without_seccomp.py")).arg(env!("CARGO_BIN_EXE_mailwarden"));
        command.args(arguments).args(["--config", "mailwarden.toml"]).current_dir(self.path()).env_remove("CREDENTIALS_DIRECTORY");
        command.output().expect("python3 runs")
    }

    /// The public half of a new key in `<name>.key`, as `AUDIENCE:NAME=age1…`.
    pub fn member(&self, audience: &str, name: &str) -> String {
        let output = self.run(&["keys", "new", &format!("{name}.key")]);
        format!("{audience}:{name}={}", out(&output).trim())
    }

    /// `init` with one member for each audience, named like it.
    pub fn init(&self) -> Output {
        let members = ["dsl", "head", "chair", "evidence"].map(|audience| self.member(audience, audience));
        let arguments: Vec<&str> = members.iter().flat_map(|member| ["--member", member]).collect();
        self.run_here(&[&["init"], arguments.as_slice()].concat())
    }
}

pub fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
