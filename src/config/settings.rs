//! The configuration as it is meant: every default filled in, every path resolved, every name looked up.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::{Password, SchoolClock};
use crate::finding::Recipient;
use crate::mail::{Address, FolderName, Mailbox};

/// `[school]`
#[derive(Clone, Debug)]
pub struct School {
    /// As it stands in notices.
    pub name: String,
    /// The school's own mail domains, in lower case. At least one.
    pub domains: Vec<String>,
    pub clock: SchoolClock,
}

impl School {
    /// Whether an address belongs to the school: its domain is one of `domains`; a subdomain has to be listed itself.
    pub fn owns(&self, address: &Address) -> bool {
        self.domains.iter().any(|domain| domain == address.domain())
    }
}

/// `[state]`: the one directory that is written to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub directory: PathBuf,
}

impl State {
    pub fn casebook(&self) -> PathBuf {
        self.directory.join("casebook.db")
    }

    /// The list of mailboxes as a directory gave it last.
    pub fn directory_list(&self) -> PathBuf {
        self.directory.join("directory.csv")
    }

    /// 32 random octets, made by `mailwarden init`.
    pub fn instance_key(&self) -> PathBuf {
        self.directory.join("instance.key")
    }

    pub fn vault(&self) -> PathBuf {
        self.directory.join("vault")
    }
}

/// `[review]`: the desk in the browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Review {
    /// By which name people reach it: nothing else is answered.
    pub host: String,
    /// Where it listens, unless it is handed a socket.
    pub listen: SocketAddr,
    pub tls: Tls,
    /// What it writes to; the service reads it.
    pub directory: PathBuf,
}

/// Who encrypts the connections to the desk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tls {
    /// The desk, with a certificate that it has made itself and keeps in its directory.
    Own,
    /// The desk, with a certificate of the school's (both PEM).
    Given { certificate: PathBuf, key: PathBuf },
    /// A proxy on this machine that hands it plain connections, and passes on `Host` and `X-Forwarded-For`.
    Proxy,
}

impl Review {
    /// As it stands in an `Origin` header.
    pub fn origin(&self) -> String {
        match (self.listen.port(), &self.tls) {
            (443, _) | (_, Tls::Proxy) => format!("https://{}", self.host),
            (port, _) => format!("https://{}:{port}", self.host),
        }
    }
}

/// How a connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// Only to this very machine.
    Plaintext,
    StartTls,
    Tls,
}

/// `[[server]]`: an IMAP server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// What `[[mailbox]]` calls it.
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Mailboxes that sign in, or fetch, at once. Each keeps its connection afterwards, as far as the server bears it.
    pub connections: NonZeroUsize,
}

/// `[[oauth]]`: who gives out the tokens that stand in for passwords.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Issuer {
    /// What `[[server]]` and `[notice]` call it.
    pub name: String,
    /// The token endpoint (RFC 6749, 3.2): https, or http to this very machine.
    pub endpoint: String,
    /// PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    pub grant: Grant,
    /// What is asked for, separated by spaces.
    pub scope: Option<String>,
    /// As the grant wants it: a client's secret, its private key (PEM), or a service account's key file (JSON).
    pub secret: Password,
}

/// On what grounds a token is asked for, with nobody present.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Grant {
    /// One token for every mailbox, for whoever signs with the key of this certificate (RFC 7523, 2.2).
    ClientCertificate { client: String, certificate: PathBuf },
    /// One token for every mailbox, for whoever knows the client's secret (RFC 6749, 4.4).
    ClientSecret { client: String },
    /// A token for each mailbox: a service account asks in the name of its user (RFC 7523, 2.1).
    ServiceAccount,
}

/// How a token is shown to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenMechanism {
    /// RFC 7628.
    OAuthBearer,
    /// Google's, and Microsoft's.
    XOAuth2,
}

/// Who signs in to a mailbox.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// A service account that may read every mailbox: it logs in as `user`, `separator`, `master` in one name.
    Master {
        user: String,
        master: String,
        separator: String,
        password: Password,
    },
    /// The mailbox's own user.
    Own {
        user: String,
        password: Password,
    },
    /// `name` with its password, in the place of another user where `instead_of` is set (RFC 4616).
    Plain {
        name: String,
        instead_of: Option<String>,
        password: Password,
    },
    Token {
        user: String,
        issuer: Arc<Issuer>,
        mechanism: TokenMechanism,
    },
}

impl Login {
    /// Where the secret is kept that all else depends on.
    pub fn secret(&self) -> &Password {
        match self {
            Self::Master { password, .. } | Self::Own { password, .. } | Self::Plain { password, .. } => password,
            Self::Token { issuer, .. } => &issuer.secret,
        }
    }
}

/// `[[mailbox]]`, or a line of `[mailboxes] file`: a mailbox and the way into it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watched {
    pub mailbox: Mailbox,
    pub server: Arc<Server>,
    pub login: Login,
}

/// What is done with the mail that lies in a mailbox when it is watched for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum History {
    Scan,
    Skip,
}

/// `[watch]`
#[derive(Clone, Debug, PartialEq)]
pub struct Watch {
    /// Between two polls of a mailbox.
    pub interval: Duration,
    /// By which part of itself an interval is lengthened or shortened at random. 0 to 0.5.
    pub jitter: f64,
    /// Whether servers that can are asked to say when mail arrives (RFC 2177).
    pub idle: bool,
    pub history: History,
    pub except_folders: Vec<FolderName>,
    /// The technician hears of a mailbox in which no round has gone through for so long,
    pub silence: Duration,
    /// and when nothing at all was found for so long.
    pub nothing_found: Duration,
    /// From this size on, in octets, a message is fetched in parts.
    pub large_message: u64,
    /// Beyond this size, in octets, a message is not fetched, and counts as incomplete.
    pub max_message: u64,
}

/// `[scan]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scan {
    /// Messages that are examined at once. The default is one a core.
    pub workers: NonZeroUsize,
    /// Messages after which a worker is replaced.
    pub messages_per_worker: NonZeroUsize,
    /// Threads of one worker.
    pub threads: NonZeroUsize,
    /// For one message, from the moment it is handed over.
    pub deadline: Duration,
    /// Of one worker, in octets.
    pub memory: u64,
    /// Directories of rules: a later one's rule replaces an earlier one's of the same id.
    pub rules: Vec<PathBuf>,
    /// The directory of lists of digests, if there is one.
    pub hashsets: Option<PathBuf>,
}

/// `[notice]`: how notices leave.
#[derive(Clone, Debug)]
pub struct Notice {
    pub from: Address,
    pub smtp_host: String,
    pub smtp_port: u16,
    pub security: Security,
    /// PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// `None` when the SMTP server lets this machine send without a password.
    pub login: Option<SmtpLogin>,
    /// A page about a case; `{codename}` stands for its name.
    pub link: Option<String>,
}

#[derive(Clone, Debug)]
pub enum SmtpLogin {
    Password { user: String, password: Password },
    Token { user: String, issuer: Arc<Issuer> },
}

impl SmtpLogin {
    /// As [`Login::secret`].
    pub fn secret(&self) -> &Password {
        match self {
            Self::Password { password, .. } => password,
            Self::Token { issuer, .. } => &issuer.secret,
        }
    }
}

/// `[[contact]]`: a person who receives notices. Contacts of one recipient are told in the order of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contact {
    pub recipient: Recipient,
    pub name: String,
    pub address: Address,
}

impl Notice {
    /// The page about one case.
    pub fn link_to(&self, codename: &str) -> Option<String> {
        self.link.as_ref().map(|link| link.replace("{codename}", codename))
    }
}
