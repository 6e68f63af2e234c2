//! The list of mailboxes as a spreadsheet saves it (RFC 4180): a broken line is named, and the others still stand.

use std::fs;
use std::path::Path;

use super::accounts::{Accounts, Mailboxes, role};
use super::kind::{address_from, wrong};
use super::spreadsheet::{self, fields};
use super::table::{Table, Wrong};
use super::{Password, Watched};
use crate::fault::{At, Fault};
use crate::mail::Address;
use crate::written::did_you_mean;

pub(super) const COLUMNS: [&str; 6] = ["address", "group", "role", "server", "user", "password_file"];
const HEADER: &str = "begin the file with the line `address,group,role`; `server`, `user` and `password_file` may follow";

/// The number of a line of a file, and what it says or why it cannot be used.
pub(super) type Numbered = (usize, Result<Line, Wrong>);

/// Adds the mailboxes of the file at `path` to those of `table`'s file. A file that cannot be read as a whole is a
/// fault of the configuration.
pub(super) fn read(path: &Path, accounts: &Accounts<'_>, table: &Table<'_>, mailboxes: &mut Mailboxes) {
    let unusable = |at: At, wrong: Wrong| table.tell("the list of mailboxes cannot be read".to_owned(), at, wrong);
    let octets = match fs::read(path) {
        Ok(octets) => octets,
        Err(error) => return unusable(At::file(path), wrong(error.to_string(), "correct `file` of [mailboxes], or create the file")),
    };
    let lines = match lines(path, &octets) {
        Ok(lines) => lines,
        Err((at, wrong)) => return unusable(at, wrong),
    };
    let empty = lines.is_empty();
    for numbered in lines {
        take(path, numbered, accounts, mailboxes);
    }
    if empty {
        unusable(At::file(path), wrong("no mailbox is in it", "write a line for every mailbox below the header"));
    } else if mailboxes.watched.is_empty() && !mailboxes.faults.is_empty() {
        unusable(At::file(path), wrong("none of its lines can be used", "correct the lines that are named beside this"));
    }
}

/// Adds the mailbox of a line, or what is wrong with it.
pub(super) fn take(path: &Path, (number, line): Numbered, accounts: &Accounts<'_>, mailboxes: &mut Mailboxes) {
    match line {
        Ok(line) => match line.watched(path, accounts, mailboxes) {
            Ok(watched) => watched.into_iter().for_each(|watched| mailboxes.watch(watched)),
            Err(reasons) => {
                match line.address() {
                    Some(address) => drop(mailboxes.unwatched.addresses.insert(address)),
                    None => mailboxes.unwatched.nameless = true,
                }
                mailboxes.faults.extend(reasons.into_iter().map(|wrong| line.not_watched(path, number, wrong)));
            }
        },
        Err(wrong) => {
            mailboxes.unwatched.nameless = true;
            mailboxes.faults.push(Line::default().not_watched(path, number, wrong));
        }
    }
}

/// Every line below the header, with its number.
///
/// # Errors
/// Where and why the file is no list of mailboxes.
pub(super) fn lines(path: &Path, octets: &[u8]) -> Result<Vec<Numbered>, (At, Wrong)> {
    let lines = (1..).zip(spreadsheet::lines(octets, spreadsheet::utf8_alone));
    let mut lines = lines.filter(|(_, line)| line.as_ref().map_or(true, |line| spreadsheet::says_something(line)));
    let (number, header) = match lines.next() {
        Some((number, Ok(header))) => (number, header),
        Some((number, Err(wrong))) => return Err((At::line(path, number), wrong)),
        None => return Err((At::file(path), wrong("it is empty", HEADER))),
    };
    let separator = spreadsheet::separator(&header);
    let columns = columns(&header, separator).map_err(|wrong| (At::line(path, number), wrong))?;
    Ok(lines.map(|(number, line)| (number, line.and_then(|line| Line::cut(&line, separator, &columns)))).collect())
}

/// The place of each column among `COLUMNS`.
fn columns(header: &str, separator: char) -> Result<Vec<usize>, Wrong> {
    let mut columns = Vec::new();
    for name in fields(header, separator)? {
        let name = name.to_lowercase();
        if name == "password" {
            return Err(wrong(
                "a password does not belong into a list",
                "write each into a file of its own and name it in a column `password_file`",
            ));
        }
        let column = COLUMNS.iter().position(|column| *column == name);
        let column = column.ok_or_else(|| {
            let hint = if name.contains('@') { HEADER.to_owned() } else { did_you_mean(&name, COLUMNS) };
            wrong(format!("there is no column `{name}`"), hint)
        })?;
        if columns.contains(&column) {
            return Err(wrong(format!("there are two columns `{name}`"), "remove one of the two"));
        }
        columns.push(column);
    }
    match ["address", "role"].into_iter().find(|name| !columns.iter().any(|column| COLUMNS[*column] == *name)) {
        Some(missing) => Err(wrong(format!("there is no column `{missing}`"), HEADER)),
        None => Ok(columns),
    }
}

/// One line, its fields in the order of `COLUMNS`; an empty field counts as absent.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Line(pub [Option<String>; COLUMNS.len()]);

impl Line {
    /// Where it is one.
    pub fn address(&self) -> Option<Address> {
        self.0[0].as_deref()?.parse().ok()
    }

    /// As it is written; empty where it is missing.
    pub fn role(&self) -> &str {
        self.0[2].as_deref().unwrap_or_default()
    }

    fn cut(line: &str, separator: char, columns: &[usize]) -> Result<Self, Wrong> {
        let columns: Vec<_> = columns.iter().copied().map(Some).collect();
        Self::of(fields(line, separator)?, separator, &columns)
    }

    /// From fields, each with its place among `COLUMNS` or with none.
    pub fn of(fields: Vec<String>, separator: char, columns: &[Option<usize>]) -> Result<Self, Wrong> {
        if fields.len() > columns.len() {
            let why = format!("it has {} fields, and the header {}", fields.len(), columns.len());
            return Err(wrong(why, format!("put a field that holds a `{separator}` between double quotes")));
        }
        let mut line = Self::default();
        for (field, column) in fields.into_iter().zip(columns) {
            if let Some(column) = column {
                line.0[*column] = Some(field).filter(|field| !field.is_empty());
            }
        }
        Ok(line)
    }

    /// The mailbox of this line; `None` when its server has a fault of its own, which is told already.
    pub fn watched(&self, path: &Path, accounts: &Accounts<'_>, earlier: &Mailboxes) -> Result<Option<Watched>, Vec<Wrong>> {
        let [address, group, role_word, server, user, password_file] = &self.0;
        let mut reasons = Vec::new();
        let mut keep = |wrong| reasons.push(wrong);
        let missing = |column: &str| wrong(format!("its `{column}` is missing"), "fill in the field, or remove the line");

        let address = address.as_deref().ok_or_else(|| missing("address")).and_then(|written| {
            let address = address_from(written)?;
            accounts.admit(&address, earlier)?;
            Ok(address)
        });
        let address = address.map_err(&mut keep).ok();
        let role = role_word.as_deref().ok_or_else(|| missing("role")).and_then(role).map_err(&mut keep).ok();
        let account = accounts.find(server.as_deref()).map_err(&mut keep).ok();
        let password = password_file.as_deref().map(|written| Password::File(path.parent().unwrap_or(Path::new("")).join(written)));
        if let Some(fault) = password.as_ref().and_then(|password| password.read().err()) {
            let place = fault.at.map(|at| format!("{at}: ")).unwrap_or_default();
            keep(wrong(format!("{place}{}", fault.why), fault.hint));
        }
        let (Some(address), Some(role), Some(account), true) = (address, role, account, reasons.is_empty()) else {
            return Err(reasons);
        };
        let watched = account.map(|account| account.watch(address, group.clone(), role, user.clone(), password));
        watched.transpose().map_err(|wrong| vec![wrong])
    }

    fn not_watched(&self, path: &Path, number: usize, wrong: Wrong) -> Fault {
        let what =
            self.0[0].as_ref().map_or("a mailbox is not watched".to_owned(), |address| format!("mailbox `{address}` is not watched"));
        Fault { what, at: Some(At::line(path, number)), why: wrong.why, hint: wrong.hint }
    }
}
