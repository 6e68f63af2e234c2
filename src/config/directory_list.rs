//! The list of mailboxes that is made of a directory: kept in the state, so that a directory which is down takes nobody out of sight.
//!
//! Nothing is written here. What the configuration says itself of a mailbox goes before what the directory says.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::accounts::{Accounts, Mailboxes, list, one_by_one};
use super::directory::{self, Directory, Group};
use super::issuer::Issuers;
use super::kind::address_from;
use super::list_import::{Listed, listed, written};
use super::mailbox_list::{self, Line};
use super::read::{tables, text};
use super::sections::{school, state};
use super::table::{Passwords, Table};
use crate::fault::{At, Fault};
use crate::mail::{Address, Role};

/// An answer that was cut short must not leave a school unwatched: of each role, no more than one in so many may leave without a word,
const ONE_IN: usize = 5;
/// unless it is no more than this.
const FEW: usize = 5;

/// An entry that a search has found.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// Which of the searches, from 0.
    pub search: usize,
    /// Its distinguished name.
    pub name: String,
    pub address: Option<String>,
    pub user: Option<String>,
    pub group: Option<String>,
}

/// The list as it would be.
#[derive(Debug)]
pub struct DirectoryList {
    /// Where it lies.
    pub file: PathBuf,
    pub new: String,
    pub joins: Vec<Listed>,
    pub leaves: Vec<Listed>,
    /// As it was, and as it will be.
    pub changes: Vec<(Listed, Listed)>,
    pub unchanged: usize,
    /// What came of each search, in their order.
    pub searches: Vec<Searched>,
    /// Why it is not to be put in the place of the old one without a word.
    pub doubt: Option<String>,
    /// Entries that are not taken.
    pub faults: Vec<Fault>,
}

/// What came of a search.
#[derive(Clone, Debug)]
pub struct Searched {
    pub role: Role,
    pub filter: String,
    pub found: usize,
    /// Whose mailboxes are watched because of it.
    pub taken: usize,
    pub without_address: usize,
}

impl DirectoryList {
    /// Makes a list of what the searches of the configuration at `config` have found, and compares it with the one that is kept.
    ///
    /// # Errors
    /// Every fault of what is needed of the configuration.
    pub fn plan(config: &Path, found: &[Found]) -> Result<Self, Vec<Fault>> {
        let (list, faults) = tables(config, &text(config)?, Passwords::LeftAlone, |file| plan(&file, found))?;
        list.filter(|_| faults.is_empty()).ok_or(faults)
    }

    /// Whether the list stays as it is.
    pub fn is_idle(&self) -> bool {
        self.joins.is_empty() && self.leaves.is_empty() && self.changes.is_empty()
    }

    /// Mailboxes on it.
    pub fn len(&self) -> usize {
        self.joins.len() + self.changes.len() + self.unchanged
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

fn plan(file: &Table<'_>, found: &[Found]) -> Option<DirectoryList> {
    let school = file.required_section("school", "[school]", school).flatten();
    let state = file.section("state", "[state]", state)?;
    let accounts = Accounts::read(file, school.as_ref(), &Issuers::read(file));
    let directory = file.required_section("directory", "[directory]", |table| directory::directory(table, &accounts)).flatten()?;
    let mut elsewhere = one_by_one(file, &accounts);
    if file.has("mailboxes") {
        file.section("mailboxes", "[mailboxes]", |table| {
            if let Some(path) = list(table) {
                mailbox_list::read(&path, &accounts, table, &mut elsewhere);
            }
        });
    }
    let path = state.directory_list();
    let (new, searches, faults) = lines(&directory, found, &accounts, &elsewhere);
    let kept = kept_lines(&path);
    let mut planned = compared(path, kept.as_deref().unwrap_or_default(), &new, searches, faults);
    if elsewhere.unwatched.nameless {
        planned.doubt = Some("of a line of the list of mailboxes nobody can say whose it is: it may be one of these".to_owned());
    } else if kept.is_none() {
        planned.doubt = Some("the list that was made of it last cannot be read: nobody can say who would leave".to_owned());
    }
    Some(planned)
}

/// Of each address that is to be watched, its line.
fn lines(
    directory: &Directory,
    found: &[Found],
    accounts: &Accounts<'_>,
    elsewhere: &Mailboxes,
) -> (BTreeMap<Address, Line>, Vec<Searched>, Vec<Fault>) {
    let searched =
        |people: &directory::People| Searched { role: people.role, filter: people.filter.clone(), found: 0, taken: 0, without_address: 0 };
    let mut searches: Vec<_> = directory.people.iter().map(searched).collect();
    let (mut lines, mut faults) = (BTreeMap::new(), Vec::new());
    for entry in found {
        let (Some(people), Some(searched)) = (directory.people.get(entry.search), searches.get_mut(entry.search)) else { continue };
        searched.found += 1;
        let Some(written) = &entry.address else {
            searched.without_address += 1;
            continue;
        };
        let mut tell = |why: String, hint: String| {
            faults.push(Fault {
                what: format!("`{}` of the directory is not watched", crate::case::visible(&entry.name)),
                at: None,
                why,
                hint,
            });
        };
        let address = match address_from(written) {
            Ok(address) => address,
            Err(wrong) => {
                tell(wrong.why, "correct it in the directory, or name another attribute with `address` of [directory]".to_owned());
                continue;
            }
        };
        if elsewhere.speaks_of(&address) || lines.contains_key(&address) {
            continue;
        }
        let group = match &people.group {
            Group::By(_) => entry.group.clone(),
            Group::Named(group) => Some(group.clone()),
            Group::Role => None,
        };
        let role = Some(people.role.to_string());
        let line = Line([Some(address.to_string()), group, role, directory.server.clone(), entry.user.clone(), None]);
        match line.watched(Path::new(""), accounts, &Mailboxes::default()) {
            Ok(_) => {
                searched.taken += 1;
                lines.insert(address, line);
            }
            Err(reasons) => reasons.into_iter().for_each(|wrong| tell(wrong.why, wrong.hint)),
        }
    }
    (lines, searches, faults)
}

fn compared(file: PathBuf, old: &[Line], new: &BTreeMap<Address, Line>, searches: Vec<Searched>, faults: Vec<Fault>) -> DirectoryList {
    let before: HashMap<Address, &Line> = old.iter().filter_map(|line| Some((line.address()?, line))).collect();
    let (mut joins, mut changes, mut unchanged) = (Vec::new(), Vec::new(), 0);
    for (address, line) in new {
        match before.get(address) {
            None => joins.push(listed(line)),
            Some(old) if *old == line => unchanged += 1,
            Some(old) => changes.push((listed(old), listed(line))),
        }
    }
    let mut leaving: Vec<_> = before.iter().filter(|(address, _)| !new.contains_key(*address)).map(|(_, line)| *line).collect();
    leaving.sort_by(|a, b| a.0.cmp(&b.0));
    let doubt = doubt(before.values().copied(), &leaving, new);
    let leaves = leaving.into_iter().map(listed).collect();
    let new = written(&new.values().collect::<Vec<_>>());
    DirectoryList { file, new, joins, leaves, changes, unchanged, searches, doubt, faults }
}

/// Whether so many leave that the answer was more likely cut short.
fn doubt<'l>(before: impl Iterator<Item = &'l Line>, leaving: &[&Line], new: &BTreeMap<Address, Line>) -> Option<String> {
    if new.is_empty() {
        return Some("the directory names no mailbox at all".to_owned());
    }
    let mut roles: BTreeMap<&str, usize> = BTreeMap::new();
    for line in before {
        *roles.entry(line.role()).or_default() += 1;
    }
    roles.into_iter().find_map(|(role, before)| {
        let left = leaving.iter().filter(|line| line.role() == role).count();
        let none = !new.values().any(|line| line.role() == role);
        let many = left > FEW && left * ONE_IN > before;
        (none || many).then(|| format!("{left} of {before} mailboxes of `{role}` would be watched no more"))
    })
}

/// The lines of the list that is kept, of which there are none where it was never made; `None` where it cannot be read.
fn kept_lines(path: &Path) -> Option<Vec<Line>> {
    let octets = match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some(Vec::new()),
        read => read.ok()?,
    };
    let lines = mailbox_list::lines(path, &octets).ok()?;
    Some(lines.into_iter().filter_map(|(_, line)| line.ok()).collect())
}

/// Adds the mailboxes of the list that is kept to those that the configuration names itself. One that was never made is none; what is wrong with it
/// keeps nobody else from being watched.
pub(super) fn keep_to(path: &Path, accounts: &Accounts<'_>, mailboxes: &mut Mailboxes) {
    let unusable = |at: At, why: String| Fault {
        what: "the list that was made of the directory cannot be read".to_owned(),
        at: Some(at),
        why,
        hint: "`mailwarden mailboxes refresh` makes it anew".to_owned(),
    };
    let octets = match fs::read(path) {
        Ok(octets) => octets,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return,
        Err(error) => {
            mailboxes.unwatched.nameless = true;
            return mailboxes.faults.push(unusable(At::file(path), error.to_string()));
        }
    };
    let lines = match mailbox_list::lines(path, &octets) {
        Ok(lines) => lines,
        Err((at, wrong)) => {
            mailboxes.unwatched.nameless = true;
            return mailboxes.faults.push(unusable(at, wrong.why));
        }
    };
    for numbered in lines {
        let is_elsewhere = |line: &Line| line.address().is_some_and(|address| mailboxes.speaks_of(&address));
        if !numbered.1.as_ref().is_ok_and(is_elsewhere) {
            mailbox_list::take(path, numbered, accounts, mailboxes);
        }
    }
}
