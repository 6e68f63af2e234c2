//! The server that both sides read from: a private Dovecot over TLS, with as many users as wanted and the same backlog for each.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Account, Result, Server, folder, free_port, present};

const PROGRAM: &str = "/usr/sbin/dovecot";
/// Who may open every mailbox, as `u0001*warden`.
pub const MASTER: &str = "warden";
pub const PASSWORD: &str = "bench";

pub struct Dovecot {
    _server: Server,
    pub port: u16,
    folder: TempDir,
}

/// What the server has logged of its clients so far.
#[derive(Clone, Copy)]
pub struct Served {
    pub logins: u64,
    /// Messages whose octets were fetched, by connections that have ended.
    pub bodies: u64,
}

impl Dovecot {
    /// `None` when Dovecot is missing and could not be installed.
    pub fn start(users: usize, backlog: &[Vec<u8>]) -> Result<Option<Self>> {
        if !present(PROGRAM, &["dovecot-imapd", "openssl"]) {
            return Ok(None);
        }
        let folder = folder()?;
        let account = Account::unprivileged()?;
        let port = free_port()?;
        for name in ["run", "state", "mail"] {
            fs::create_dir(folder.path().join(name))?;
        }
        certificates(folder.path())?;
        for user in (1..=users).map(user) {
            deliver(&folder.path().join("mail").join(user), backlog)?;
        }
        let configured = folder.path().join("dovecot.conf");
        fs::write(&configured, configuration(&folder.path().display().to_string(), &account, port))?;
        account.take(folder.path())?;
        // What is still being written to the disk would slow down whoever comes first.
        rustix::fs::sync();
        let mut command = Command::new(PROGRAM);
        command.arg("-F").arg("-c").arg(&configured);
        let server = Server::start(&mut command, port, &folder.path().join("dovecot.log"))?;
        Ok(Some(Self { _server: server, port, folder }))
    }

    /// The authority that its certificate, for `localhost`, is by.
    pub fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The Maildir of a user, counted from 1.
    pub fn inbox(&self, number: usize) -> PathBuf {
        self.folder.path().join("mail").join(user(number))
    }

    pub fn served(&self) -> Result<Served> {
        let log = fs::read_to_string(self.folder.path().join("dovecot.log"))?;
        let logins = log.lines().filter(|line| line.contains("imap-login: Info: Login:")).count() as u64;
        let bodies = log.lines().filter_map(|line| line.split("body_count=").nth(1)?.split(' ').next()?.parse::<u64>().ok()).sum();
        Ok(Served { logins, bodies })
    }

    /// Waits for the log to tell that so many bodies have been fetched in all: a client that fetched less was fast for nothing.
    ///
    /// # Errors
    /// When it does not tell so within five seconds.
    pub fn has_served(&self, bodies: u64) -> Result<()> {
        let asked = Instant::now();
        while self.served()?.bodies < bodies {
            if asked.elapsed() > Duration::from_secs(5) {
                return Err(format!("only {} messages were fetched out of {bodies}", self.served()?.bodies).into());
            }
            thread::sleep(Duration::from_millis(50));
        }
        Ok(())
    }

    /// How many commands of each name it has carried out.
    pub fn commands(&self) -> Result<BTreeMap<String, u64>> {
        let dump = Command::new("doveadm").arg("-c").arg(self.folder.path().join("dovecot.conf")).args(["stats", "dump"]).output()?;
        if !dump.status.success() {
            return Err(format!("doveadm stats dump: {}", String::from_utf8_lossy(&dump.stderr).trim_end()).into());
        }
        let mut counts = BTreeMap::new();
        for line in String::from_utf8(dump.stdout)?.lines() {
            // `commands_NAME`, the bare `commands` being their sum; then the field, then how often.
            let mut columns = line.split('\t');
            let (Some(metric), Some(_), Some(count)) = (columns.next(), columns.next(), columns.next()) else { continue };
            if let Some(command) = metric.strip_prefix("commands_") {
                let most = counts.entry(command.to_owned()).or_insert(0);
                *most = count.parse::<u64>().unwrap_or(0).max(*most);
            }
        }
        Ok(counts)
    }
}

/// The name of a user, counted from 1.
pub fn user(number: usize) -> String {
    format!("u{number:04}")
}

/// Puts messages into a Maildir as seen ones.
fn deliver(home: &Path, mails: &[Vec<u8>]) -> Result<()> {
    for name in ["cur", "new", "tmp"] {
        fs::create_dir_all(home.join(name))?;
    }
    for (number, mail) in mails.iter().enumerate() {
        fs::write(home.join("cur").join(format!("1762000000.M{number}P1.bench,S={0},W={0}:2,S", mail.len())), mail)?;
    }
    Ok(())
}

/// An authority for this one run, and a certificate by it for `localhost`.
fn certificates(folder: &Path) -> Result<()> {
    const KEY: [&str; 5] = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    let openssl = |arguments: &[&str]| -> Result<()> {
        let made = Command::new("openssl").current_dir(folder).args(arguments).output()?;
        if made.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&made.stderr).into_owned().into()) }
    };
    fs::write(folder.join("server.ext"), "subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")?;
    let authority = ["req", "-x509", "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=Bench CA"];
    let request = ["req", "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost"];
    let signing = ["x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "30"];
    openssl(&[&authority[..], &KEY, &["-addext", "basicConstraints=critical,CA:TRUE"]].concat())?;
    openssl(&[&request[..], &KEY].concat())?;
    openssl(&[&signing[..], &["-out", "server.pem", "-extfile", "server.ext"]].concat())
}

/// One account for everything, hence no change of root and no limits that only root may raise.
fn configuration(at: &str, account: &Account, port: u16) -> String {
    let Account { user, group } = account;
    format!(
        r"
protocols = imap
listen = 127.0.0.1
base_dir = {at}/run
state_dir = {at}/state
log_path = {at}/dovecot.log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
default_client_limit = 4000
default_process_limit = 2000
default_vsz_limit = 0
first_valid_uid = 1
first_valid_gid = 1
ssl = required
ssl_cert = <{at}/server.pem
ssl_key = <{at}/server.key
auth_username_format = %Ln
auth_master_user_separator = *
mail_location = maildir:{at}/mail/%n
mail_max_userip_connections = 2000
passdb {{
  driver = static
  args = user={MASTER} password={PASSWORD}
  master = yes
  result_success = continue
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={at}/mail/%n allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
}}
metric commands {{
  filter = event=imap_command_finished
  group_by = cmd_name
}}
service imap-login {{
  chroot =
  service_count = 0
  process_limit = 1
  inet_listener imap {{
    port = 0
  }}
  inet_listener imaps {{
    address = 127.0.0.1
    port = {port}
    ssl = yes
  }}
}}
service anvil {{
  chroot =
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service stats {{
  chroot =
}}
"
    )
}
