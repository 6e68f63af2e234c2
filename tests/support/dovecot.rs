//! A private Dovecot: own folder, own ports, own authority for TLS; any user name, one password, one master.

use std::fmt::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::{fs, io};

use tempfile::TempDir;

use super::{await_port, copy, end, free_port, hand_over, require, unprivileged};

pub const PASSWORD: &str = "correct-horse";
pub const MASTER: &str = "scanner";
pub const MASTER_PASSWORD: &str = "master \"quoted\" \\ pass";

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
        require("dovecot", "dovecot-imapd dovecot-lmtpd");
        require("openssl", "openssl");
        // A port that was free may be taken by the time Dovecot wants it.
        (0..3).find_map(|_| Self::try_start(configuration).expect("a folder for Dovecot")).expect("Dovecot starts")
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
        let mut command = Command::new("dovecot");
        command.arg("-F").arg("-c").arg(folder.path().join("dovecot.conf"));
        command.stdin(Stdio::null()).stdout(Stdio::null());
        let mut server = unprivileged(&mut command).spawn()?;
        if await_port(imap, &mut server) {
            return Ok(Some(Self { folder, server, imap, imaps, lmtp }));
        }
        end(&mut server);
        eprintln!("{}", fs::read_to_string(folder.path().join("log")).unwrap_or_default());
        Ok(None)
    }

    /// The certificate of the authority that vouches for `localhost`.
    pub fn authority(&self) -> PathBuf {
        self.folder.path().join("tls/ca.pem")
    }

    /// Puts a message into an INBOX as a delivery agent would, past all code under test.
    pub fn deliver(&self, user: &str, message: &[u8]) {
        let maildir = self.maildir(user);
        let name = format!("{}.made-up", fs::read_dir(&maildir.join("tmp")).map_or(0, Iterator::count) + self.files(user).len() + 1);
        for folder in ["tmp", "cur", "new"] {
            fs::create_dir_all(maildir.join(folder)).expect("a Maildir");
        }
        fs::write(maildir.join("tmp").join(&name), message).expect("room for a message");
        hand_over(&maildir).expect("a Maildir that Dovecot may write");
        fs::rename(maildir.join("tmp").join(&name), maildir.join("new").join(&name)).expect("a delivery");
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

impl Drop for Dovecot {
    fn drop(&mut self) {
        end(&mut self.server);
    }
}

fn certify(folder: &Path) -> io::Result<()> {
    let openssl = |arguments: &str| -> io::Result<()> {
        let made = Command::new("openssl").current_dir(folder).args(arguments.split(' ')).output()?;
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

fn settings(folder: &Path, [imap, imaps, lmtp]: [u16; 3], further: &str) -> String {
    let root = folder.display();
    let (user, group) = whoami();
    let mut text = format!(
        r#"protocols = imap lmtp
listen = 127.0.0.1
base_dir = {root}/run
state_dir = {root}/state
log_path = {root}/log
default_internal_user = {user}
default_internal_group = {group}
default_login_user = {user}
first_valid_uid = 1
first_valid_gid = 1
default_vsz_limit = 0
default_process_limit = 1200
default_client_limit = 4000
ssl = yes
ssl_cert = <{root}/tls/server.pem
ssl_key = <{root}/tls/server.key
disable_plaintext_auth = no
auth_mechanisms = plain
auth_username_format = %Lu
auth_master_user_separator = *
auth_failure_delay = 0
mail_location = maildir:{root}/mail/%u
mail_max_userip_connections = 2000
mailbox_list_index = yes
maildir_very_dirty_syncs = no
passdb {{
  driver = passwd-file
  args = {root}/masters
  master = yes
  result_success = continue
}}
passdb {{
  driver = static
  args = password={PASSWORD}
}}
userdb {{
  driver = static
  args = uid={user} gid={group} home={root}/mail/%u allow_all_users=yes
}}
namespace inbox {{
  inbox = yes
  separator = /
  mailbox Sent {{
    auto = create
    special_use = \Sent
  }}
  mailbox Junk {{
    auto = create
    special_use = \Junk
  }}
}}
protocol imap {{
  mail_max_userip_connections = 2000
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
"#
    );
    // One process for many logins: a test opens hundreds of connections.
    for (service, listeners) in [("imap-login", vec![("imap", imap, "no"), ("imaps", imaps, "yes")]), ("lmtp", vec![("lmtp", lmtp, "no")])]
    {
        let _ = writeln!(text, "service {service} {{\n  chroot =");
        if service == "imap-login" {
            let _ = writeln!(text, "  service_count = 0\n  process_limit = 1");
        }
        for (name, port, ssl) in listeners {
            let _ = writeln!(text, "  inet_listener {name} {{\n    port = {port}\n    ssl = {ssl}\n  }}");
        }
        text.push_str("}\n");
    }
    text.push_str(further);
    text.push('\n');
    text
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
