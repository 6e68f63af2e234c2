//! Which mailboxes are watched and how each is entered: `[[server]]`, `[[mailbox]]`, the file that `[mailboxes]` names, and `[directory]`.

use std::collections::{BTreeMap, HashSet};
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;

use super::issuer::{Issuers, Named};
use super::kind::{self, unknown_word, wrong};
use super::sections::{ca_file, password, security};
use super::table::{Table, Wrong};
use super::{
    Directory, Issuer, Login, Password, School, Security, Server, State, TokenMechanism, Unwatched, Watched, directory, directory_list,
    mailbox_list,
};
use crate::fault::{At, Fault};
use crate::mail::{Address, Mailbox, Role};

/// Every server of the file by its name; `None` for one with a fault, so that its mailboxes are not blamed for it.
pub(super) struct Accounts<'s> {
    servers: BTreeMap<String, Option<Account>>,
    school: Option<&'s School>,
}

#[derive(Clone)]
pub(super) struct Account {
    server: Arc<Server>,
    /// By which passwords are told, those of single mailboxes among them.
    mechanism: PasswordMechanism,
    service: Option<Service>,
}

/// Who may enter every mailbox of a server.
#[derive(Clone)]
enum Service {
    Master { user: String, separator: String, password: Password },
    Tokens { issuer: Arc<Issuer>, mechanism: TokenMechanism },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum PasswordMechanism {
    /// The command of that name.
    Login,
    /// RFC 4616.
    Plain,
}

#[derive(Clone, Copy)]
enum Mechanism {
    Password(PasswordMechanism),
    Token(TokenMechanism),
}

const MECHANISMS: [(&str, Mechanism); 4] = [
    ("login", Mechanism::Password(PasswordMechanism::Login)),
    ("oauthbearer", Mechanism::Token(TokenMechanism::OAuthBearer)),
    ("plain", Mechanism::Password(PasswordMechanism::Plain)),
    ("xoauth2", Mechanism::Token(TokenMechanism::XOAuth2)),
];

/// What is watched, and the lines of the mailbox file that are not.
#[derive(Default)]
pub(super) struct Mailboxes {
    pub watched: Vec<Watched>,
    pub faults: Vec<Fault>,
    pub unwatched: Unwatched,
    pub directory: Option<Directory>,
    addresses: HashSet<Address>,
}

impl Mailboxes {
    pub fn watch(&mut self, watched: Watched) {
        self.addresses.insert(watched.mailbox.address.clone());
        self.watched.push(watched);
    }

    pub fn holds(&self, address: &Address) -> bool {
        self.addresses.contains(address)
    }

    /// Whether there is a line of that address, be it a faulty one.
    pub fn speaks_of(&self, address: &Address) -> bool {
        self.holds(address) || self.unwatched.addresses.contains(address)
    }
}

/// Reads every mailbox of the file.
pub(super) fn mailboxes(file: &Table<'_>, school: Option<&School>, state: Option<&State>, issuers: &Issuers) -> Mailboxes {
    let accounts = Accounts::read(file, school, issuers);
    let mut mailboxes = one_by_one(file, &accounts);
    if file.has("mailboxes") {
        file.section("mailboxes", "[mailboxes]", |table| {
            if let Some(path) = list(table) {
                mailbox_list::read(&path, &accounts, table, &mut mailboxes);
            }
        });
    } else if !file.has("mailbox") && !file.has("directory") {
        let hint = "add a [[mailbox]] with `address` and `role`, or [mailboxes] with `file = \"mailboxes.csv\"`, or [directory]";
        let why = "there is neither [[mailbox]] nor [mailboxes] nor [directory]";
        file.tell("no mailbox is watched".to_owned(), file.at(), wrong(why, hint));
    }
    if file.has("directory") {
        mailboxes.directory = file.section("directory", "[directory]", |table| directory::directory(table, &accounts)).flatten();
        if let Some(state) = state {
            directory_list::keep_to(&state.directory_list(), &accounts, &mut mailboxes);
        }
    }
    mailboxes
}

/// Every [[mailbox]].
pub(super) fn one_by_one(file: &Table<'_>, accounts: &Accounts<'_>) -> Mailboxes {
    let mut mailboxes = Mailboxes::default();
    file.each("mailbox", "[[mailbox]]", |table| {
        if let Some(watched) = mailbox(table, accounts, &mailboxes) {
            mailboxes.watch(watched);
        }
    });
    mailboxes
}

/// Where the list of mailboxes lies that [mailboxes] names.
pub(super) fn list(table: &Table<'_>) -> Option<PathBuf> {
    table.required("file", "\"mailboxes.csv\"", |value| Ok(table.beside(&kind::text(value)?)))
}

fn servers(file: &Table<'_>, issuers: &Issuers) -> BTreeMap<String, Option<Account>> {
    let mut servers = BTreeMap::new();
    if !file.has("server") {
        let hint = "add [[server]] with `name`, `host` and a way in: a password, or `oauth`";
        file.tell("no mail server is named".to_owned(), file.at(), wrong("there is no [[server]]", hint));
    }
    file.each("server", "[[server]]", |table| {
        let name = table.placed("name", |value| {
            let name = kind::text(value)?;
            if servers.contains_key(&name) {
                Err(wrong(format!("`{name}` is taken"), "give every server a name of its own"))
            } else {
                Ok(name)
            }
        });
        let name = name.map_or_else(|| "main".to_owned(), |name| name.value);
        let account = account(table, &name, issuers);
        servers.insert(name, account);
    });
    servers
}

fn account(table: &Table<'_>, name: &str, issuers: &Issuers) -> Option<Account> {
    let host = table.required("host", "\"imap.school.example\"", kind::text);
    let security = security(table, host.as_deref());
    let default_port = if security == Security::Tls { 993 } else { 143 };
    let port = table.optional("port", kind::whole(1..=u16::MAX)).unwrap_or(default_port);
    let connections = table.optional("connections", kind::whole(1..=64_usize)).and_then(NonZeroUsize::new);
    let ca_file = ca_file(table);
    let (mechanism, service) = entry(table, issuers)?;
    let server = Server {
        name: name.to_owned(),
        host: host?,
        port,
        security,
        ca_file,
        connections: connections.unwrap_or(const { NonZeroUsize::new(8).unwrap() }),
    };
    Some(Account { server: Arc::new(server), mechanism, service })
}

/// How the mailboxes of a server are entered, and by whom if it is one for all. `None` after a fault.
fn entry(table: &Table<'_>, issuers: &Issuers) -> Option<(PasswordMechanism, Option<Service>)> {
    let user = table.placed("master_user", kind::text);
    let separator = table.optional("master_separator", kind::text).unwrap_or_else(|| "*".to_owned());
    let mechanism = table.placed("mechanism", kind::one_of(&MECHANISMS));
    let has_password = table.has("password_file") || table.has("credential");
    let password = password(table);
    let unfit = |at: At, why, hint| table.tell("`mechanism` of [[server]] cannot be used".to_owned(), at, wrong(why, hint));
    match (issuers.named_by(table), mechanism.map(|mechanism| (mechanism.value, mechanism.at))) {
        (Named::Faulty, _) => None,
        (Named::Issuer(_), Some((Mechanism::Password(_), at))) => {
            unfit(at, "it tells passwords, and `oauth` gives tokens", "write \"xoauth2\" or \"oauthbearer\", or remove `mechanism`");
            None
        }
        (Named::Nobody, Some((Mechanism::Token(_), at))) => {
            unfit(at, "there is nobody to get tokens from", "add `oauth` with the name of an [[oauth]], or write \"login\" or \"plain\"");
            None
        }
        (Named::Issuer(_), _) if user.is_some() || has_password => {
            let why = "`oauth` is the way into every mailbox, and a master user or a password is another";
            table.tell("there are two ways into [[server]]".to_owned(), table.at(), wrong(why, "remove `oauth`, or all of the other"));
            None
        }
        (Named::Issuer(issuer), mechanism) => {
            let mechanism = match mechanism {
                Some((Mechanism::Token(mechanism), _)) => mechanism,
                _ => TokenMechanism::XOAuth2,
            };
            Some((PasswordMechanism::Login, Some(Service::Tokens { issuer, mechanism })))
        }
        (Named::Nobody, mechanism) => {
            let mechanism = match mechanism {
                Some((Mechanism::Password(mechanism), _)) => mechanism,
                _ => PasswordMechanism::Login,
            };
            match (user, password) {
                (Some(user), Some(password)) => Some((mechanism, Some(Service::Master { user: user.value, separator, password }))),
                (Some(user), None) if !has_password => {
                    table.tell(
                        "`master_user` of [[server]] has no password".to_owned(),
                        user.at,
                        wrong("the server would ask for it", "add `password_file` or `credential`"),
                    );
                    None
                }
                (None, Some(_)) => {
                    let why = "a server's password is that of its `master_user`, and there is none";
                    let hint = "add `master_user`, or move the password to each [[mailbox]]";
                    table.tell("the password of [[server]] has no user".to_owned(), table.at(), wrong(why, hint));
                    None
                }
                _ if has_password => None,
                _ => Some((mechanism, None)),
            }
        }
    }
}

fn mailbox(table: &Table<'_>, accounts: &Accounts<'_>, earlier: &Mailboxes) -> Option<Watched> {
    let address = table.required("address", "\"amber.heron@school.example\"", |value| {
        let address = kind::address(value)?;
        accounts.admit(&address, earlier)?;
        Ok(address)
    });
    let role = table.required("role", "\"pupil\"", |value| role(&kind::text(value)?));
    let group = table.optional("group", kind::text);
    let user = table.optional("user", kind::text);
    let has_password = table.has("password_file") || table.has("credential");
    let password = password(table);
    let account = if table.has("server") {
        table.optional("server", |value| accounts.find(Some(&kind::text(value)?)))?
    } else {
        accounts.find(None).map_err(|wrong| table.tell("`server` of [[mailbox]] is missing".to_owned(), table.at(), wrong)).ok()?
    };
    let (address, role, account) = (address?, role?, account?);
    if has_password && password.is_none() {
        return None;
    }
    let watched = account.watch(address.clone(), group, role, user, password);
    watched.map_err(|wrong| table.tell(format!("there is no way into mailbox `{address}`"), table.at(), wrong)).ok()
}

impl<'s> Accounts<'s> {
    pub fn read(file: &Table<'_>, school: Option<&'s School>, issuers: &Issuers) -> Self {
        Self { servers: servers(file, issuers), school }
    }

    /// The account of a server by its name, or the only one; `None` when that server has a fault of its own.
    pub fn find(&self, name: Option<&str>) -> Result<Option<Account>, Wrong> {
        match name {
            Some(name) => self.servers.get(name).cloned().ok_or_else(|| unknown_word(name, self.servers.keys().map(String::as_str))),
            None if self.servers.len() > 1 => Err(wrong("there is more than one [[server]]", "say which with `server`")),
            None => Ok(self.servers.values().next().cloned().flatten()),
        }
    }

    /// Whether a mailbox of this address can be watched beside the `earlier` ones.
    pub fn admit(&self, address: &Address, earlier: &Mailboxes) -> Result<(), Wrong> {
        if earlier.holds(address) {
            return Err(wrong(format!("`{address}` is listed twice"), "remove one of the two"));
        }
        match self.school {
            Some(school) if !school.owns(address) => {
                let hint = "correct the address, or add its domain to `domains` of [school]";
                Err(wrong(format!("`{}` is not one of the school's domains", address.domain()), hint))
            }
            _ => Ok(()),
        }
    }
}

impl Account {
    /// The way into one mailbox: with its own password, or by whoever may enter all of its server.
    pub fn watch(
        &self,
        address: Address,
        group: Option<String>,
        role: Role,
        user: Option<String>,
        password: Option<Password>,
    ) -> Result<Watched, Wrong> {
        let user = user.unwrap_or_else(|| address.to_string());
        let login = match (password, self.service.clone(), self.mechanism) {
            (Some(password), _, PasswordMechanism::Login) => Login::Own { user, password },
            (Some(password), _, PasswordMechanism::Plain) => Login::Plain { name: user, instead_of: None, password },
            (None, Some(Service::Master { user: master, separator, password }), PasswordMechanism::Login) => {
                Login::Master { user, master, separator, password }
            }
            (None, Some(Service::Master { user: master, password, .. }), PasswordMechanism::Plain) => {
                Login::Plain { name: master, instead_of: Some(user), password }
            }
            (None, Some(Service::Tokens { issuer, mechanism }), _) => Login::Token { user, issuer, mechanism },
            (None, None, _) => {
                let hint = "give the mailbox `password_file` or `credential`, or its server a `master_user` with a password, or `oauth`";
                return Err(wrong("it has no password, and its server has neither `master_user` nor `oauth`", hint));
            }
        };
        let group = group.unwrap_or_else(|| role.to_string());
        Ok(Watched { mailbox: Mailbox { address, group, role }, server: Arc::clone(&self.server), login })
    }
}

pub(super) fn role(written: &str) -> Result<Role, Wrong> {
    written.parse().map_err(|()| unknown_word(written, Role::ALL.map(Role::as_str)))
}
