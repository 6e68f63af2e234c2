//! Which mailboxes are watched and how each is entered: `[[server]]`, `[[mailbox]]` and the file that `[mailboxes]` names.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::sync::Arc;

use super::kind::{self, unknown_word, wrong};
use super::sections::{ca_file, password, security};
use super::table::{Table, Wrong};
use super::{Login, Password, School, Security, Server, Watched, mailbox_list};
use crate::fault::Fault;
use crate::mail::{Address, Mailbox, Role};

/// Every server of the file by its name; `None` for one with a fault, so that its mailboxes are not blamed for it.
pub(super) struct Accounts<'s> {
    servers: BTreeMap<String, Option<Account>>,
    school: Option<&'s School>,
}

#[derive(Clone)]
pub(super) struct Account {
    server: Arc<Server>,
    master: Option<Master>,
}

#[derive(Clone)]
struct Master {
    user: String,
    separator: String,
    password: Password,
}

/// What is watched, and the lines of the mailbox file that are not.
#[derive(Default)]
pub(super) struct Mailboxes {
    pub watched: Vec<Watched>,
    pub faults: Vec<Fault>,
}

/// Reads every mailbox of the file.
pub(super) fn mailboxes(file: &Table<'_>, school: Option<&School>) -> Mailboxes {
    let accounts = Accounts { servers: servers(file), school };
    let mut mailboxes = Mailboxes::default();
    file.each("mailbox", "[[mailbox]]", |table| {
        if let Some(watched) = mailbox(table, &accounts, &mailboxes.watched) {
            mailboxes.watched.push(watched);
        }
    });
    if file.has("mailboxes") {
        file.section("mailboxes", "[mailboxes]", |table| {
            if let Some(path) = table.required("file", "\"mailboxes.csv\"", |value| Ok(table.beside(&kind::text(value)?))) {
                mailbox_list::read(&path, &accounts, table, &mut mailboxes);
            }
        });
    } else if !file.has("mailbox") {
        let hint = "add a [[mailbox]] with `address` and `role`, or [mailboxes] with `file = \"mailboxes.csv\"`";
        file.tell("no mailbox is watched".to_owned(), file.at(), wrong("there is neither [[mailbox]] nor [mailboxes]", hint));
    }
    mailboxes
}

fn servers(file: &Table<'_>) -> BTreeMap<String, Option<Account>> {
    let mut servers = BTreeMap::new();
    if !file.has("server") {
        let hint = "add [[server]] with `name`, `host` and a password";
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
        let account = account(table, &name);
        servers.insert(name, account);
    });
    servers
}

fn account(table: &Table<'_>, name: &str) -> Option<Account> {
    let host = table.required("host", "\"imap.school.example\"", kind::text);
    let security = security(table, host.as_deref());
    let default_port = if security == Security::Tls { 993 } else { 143 };
    let port = table.optional("port", kind::whole(1..=u16::MAX)).unwrap_or(default_port);
    let connections = table.optional("connections", kind::whole(1..=64_usize)).and_then(NonZeroUsize::new);
    let ca_file = ca_file(table);
    let user = table.placed("master_user", kind::text);
    let separator = table.optional("master_separator", kind::text).unwrap_or_else(|| "*".to_owned());
    let has_password = table.has("password_file") || table.has("credential");
    let master = match (user, password(table)) {
        (Some(user), Some(password)) => Some(Master { user: user.value, separator, password }),
        (Some(user), None) if !has_password => {
            table.tell(
                "`master_user` of [[server]] has no password".to_owned(),
                user.at,
                wrong("the server would ask for it", "add `password_file` or `credential`"),
            );
            return None;
        }
        (None, Some(_)) => {
            let why = "a server's password is that of its `master_user`, and there is none";
            let hint = "add `master_user`, or move the password to each [[mailbox]]";
            table.tell("the password of [[server]] has no user".to_owned(), table.at(), wrong(why, hint));
            return None;
        }
        _ => None,
    };
    if has_password && master.is_none() {
        return None;
    }
    let server = Server {
        name: name.to_owned(),
        host: host?,
        port,
        security,
        ca_file,
        connections: connections.unwrap_or(const { NonZeroUsize::new(8).unwrap() }),
    };
    Some(Account { server: Arc::new(server), master })
}

fn mailbox(table: &Table<'_>, accounts: &Accounts<'_>, earlier: &[Watched]) -> Option<Watched> {
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

impl Accounts<'_> {
    /// The account of a server by its name, or the only one; `None` when that server has a fault of its own.
    pub fn find(&self, name: Option<&str>) -> Result<Option<Account>, Wrong> {
        match name {
            Some(name) => self.servers.get(name).cloned().ok_or_else(|| unknown_word(name, self.servers.keys().map(String::as_str))),
            None if self.servers.len() > 1 => Err(wrong("there is more than one [[server]]", "say which with `server`")),
            None => Ok(self.servers.values().next().cloned().flatten()),
        }
    }

    /// Whether a mailbox of this address can be watched beside the `earlier` ones.
    pub fn admit(&self, address: &Address, earlier: &[Watched]) -> Result<(), Wrong> {
        if earlier.iter().any(|watched| watched.mailbox.address == *address) {
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
    /// The way into one mailbox: with its own password, or as the server's master user.
    pub fn watch(
        &self,
        address: Address,
        group: Option<String>,
        role: Role,
        user: Option<String>,
        password: Option<Password>,
    ) -> Result<Watched, Wrong> {
        let user = user.unwrap_or_else(|| address.to_string());
        let login = match (password, &self.master) {
            (Some(password), _) => Login::Own { user, password },
            (None, Some(master)) => {
                Login::Master { user, master: master.user.clone(), separator: master.separator.clone(), password: master.password.clone() }
            }
            (None, None) => {
                let hint = "give the mailbox `password_file` or `credential`, or its server a `master_user` with a password";
                return Err(wrong("it has no password, and its server has no `master_user`", hint));
            }
        };
        let group = group.unwrap_or_else(|| role.to_string());
        Ok(Watched { mailbox: Mailbox { address, group, role }, server: Arc::clone(&self.server), login })
    }
}

pub(super) fn role(written: &str) -> Result<Role, Wrong> {
    written.parse().map_err(|()| unknown_word(written, Role::ALL.map(Role::as_str)))
}
