//! Who has a mailbox, as LDAP or Active Directory knows it: `[directory]` and its searches.

use std::path::PathBuf;

use toml::de::DeValue;

use super::accounts::{Accounts, role};
use super::kind::{self, wrong};
use super::sections::{ca_file, password, security};
use super::table::{Table, Wrong};
use super::{Password, Security};
use crate::mail::Role;

/// `[directory]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directory {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// PEM certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// By which name it is asked, and the password; `None` where it answers anybody.
    pub login: Option<(String, Password)>,
    pub attributes: Attributes,
    /// The [[server]] of the mailboxes, where there is more than one.
    pub server: Option<String>,
    /// In the order of the file: whoever is found by two belongs to the first. At least one.
    pub people: Vec<People>,
}

/// What the directory calls what is wanted of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attributes {
    /// The address; of several values that which is marked as the first (`SMTP:`), else the first.
    pub address: String,
    /// By which name the mail server knows the mailbox; `None` where that is its address.
    pub user: Option<String>,
}

/// `[[directory.people]]`: one search, and what those are whom it finds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct People {
    pub role: Role,
    /// Below which entry (RFC 4514), the whole subtree of it.
    pub base: String,
    /// RFC 4515.
    pub filter: String,
    pub group: Group,
}

/// How the mailboxes of a search are grouped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// By the value of this attribute.
    By(String),
    Named(String),
    /// By their role.
    Role,
}

/// `None` after a fault.
pub(super) fn directory(table: &Table<'_>, accounts: &Accounts<'_>) -> Option<Directory> {
    let host = table.required("host", "\"dc1.school.example\"", kind::text);
    let security = security(table, host.as_deref());
    let default_port = if security == Security::Tls { 636 } else { 389 };
    let port = table.optional("port", kind::whole(1..=u16::MAX)).unwrap_or(default_port);
    let ca_file = ca_file(table);
    let login = login(table);
    let address = table.optional("address", attribute);
    let user = table.optional("login", attribute);
    let server = table.optional("server", |value| {
        let name = kind::text(value)?;
        accounts.find(Some(&name)).map(|_| name)
    });
    let base = table.optional("base", distinguished_name);
    let (mut people, mut faulty) = (Vec::new(), false);
    table.each("people", "[[directory.people]]", |search| match one_search(search, table.has("base"), base.as_deref()) {
        Some(search) => people.push(search),
        None => faulty = true,
    });
    if people.is_empty() && !faulty {
        let hint = "add [[directory.people]] with `role` and `filter`, one for each kind of people";
        table.tell("[directory] finds nobody".to_owned(), table.at(), wrong("there is no [[directory.people]]", hint));
    }
    let attributes = Attributes { address: address.unwrap_or_else(|| "mail".to_owned()), user };
    (!faulty).then_some(Directory { host: host?, port, security, ca_file, login: login.ok()?, attributes, server, people })
}

/// Who asks.
///
/// # Errors
/// After a fault, which is told.
fn login(table: &Table<'_>) -> Result<Option<(String, Password)>, ()> {
    let user = table.placed("user", kind::text);
    let has_password = table.has("password_file") || table.has("credential");
    match (user, password(table)) {
        (Some(user), Some(password)) => Ok(Some((user.value, password))),
        (Some(user), None) if !has_password => {
            // A server takes a name without a password for nobody, and says that all is well (RFC 4513, 5.1.2).
            let why = "a directory would take it for nobody, and show what it shows to anybody";
            table.tell("`user` of [directory] has no password".to_owned(), user.at, wrong(why, "add `password_file` or `credential`"));
            Err(())
        }
        (None, Some(_)) => {
            let hint = "add `user`: a name like \"CN=mailwarden,OU=Services,DC=school,DC=example\", or for Active Directory \"mailwarden@school.example\"";
            table.tell(
                "the password of [directory] has no user".to_owned(),
                table.at(),
                wrong("nobody signs in with a password alone", hint),
            );
            Err(())
        }
        _ if has_password => Err(()),
        _ => Ok(None),
    }
}

/// The base is that of all searches, where one has none of its own.
fn one_search(table: &Table<'_>, has_base: bool, base: Option<&str>) -> Option<People> {
    let role = table.required("role", "\"pupil\"", |value| role(&kind::text(value)?));
    let filter = table.required("filter", "\"(objectClass=user)\"", filter);
    let own = if has_base {
        table.optional("base", distinguished_name)
    } else {
        table.required("base", "\"OU=Pupils,DC=school,DC=example\"", distinguished_name)
    };
    let base = if table.has("base") { own } else { base.map(str::to_owned) };
    let named = table.optional("group", kind::text);
    let by = table.placed("group_by", attribute);
    let group = match (named, by) {
        (Some(_), Some(by)) => {
            let why = "`group` and `group_by` are both set";
            table.tell("there are two groups where one is needed".to_owned(), by.at, wrong(why, "remove one of the two"));
            return None;
        }
        (Some(named), None) => Group::Named(named),
        (None, Some(by)) => Group::By(by.value),
        (None, None) => Group::Role,
    };
    Some(People { role: role?, base: base?, filter: filter?, group })
}

fn filter(value: &DeValue<'_>) -> Result<String, Wrong> {
    let filter = kind::text(value)?;
    let hint = "write a filter like \"(&(objectClass=user)(memberOf=CN=Pupils,OU=Groups,DC=school,DC=example))\"; `\\28` and `\\29` stand for parentheses in a name";
    match ldap3::parse_filter(&filter) {
        Ok(_) if filter.starts_with('(') => Ok(filter),
        _ => Err(wrong("it is not a filter of LDAP (RFC 4515)", hint)),
    }
}

fn distinguished_name(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = kind::text(value)?;
    let is_named = name.split_once('=').is_some_and(|(kind, value)| is_attribute(kind.trim()) && !value.trim().is_empty());
    if is_named {
        Ok(name)
    } else {
        Err(wrong(format!("`{name}` is not the name of an entry"), "write it like \"OU=Pupils,DC=school,DC=example\""))
    }
}

fn attribute(value: &DeValue<'_>) -> Result<String, Wrong> {
    let name = kind::text(value)?;
    if is_attribute(&name) {
        Ok(name)
    } else {
        Err(wrong(format!("`{name}` is not the name of an attribute"), "write a name like \"mail\" or \"department\""))
    }
}

/// RFC 4512, 2.5, without options.
fn is_attribute(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
}
