//! The list of mailboxes as a spreadsheet saves it (RFC 4180): a broken line is named, and the others still stand.

use std::fs;
use std::path::Path;

use super::accounts::{Accounts, Mailboxes, role};
use super::kind::{address_from, wrong};
use super::nearest::did_you_mean;
use super::table::{Table, Wrong};
use super::{Password, Watched};
use crate::fault::{At, Fault};

const COLUMNS: [&str; 6] = ["address", "group", "role", "server", "user", "password_file"];
const HEADER: &str = "begin the file with the line `address,group,role`; `server`, `user` and `password_file` may follow";

/// Adds the mailboxes of the file at `path` to those of `table`'s file. A file that cannot be read as a whole is a
/// fault of the configuration.
pub(super) fn read(path: &Path, accounts: &Accounts<'_>, table: &Table<'_>, mailboxes: &mut Mailboxes) {
    let unusable = |at: At, wrong: Wrong| table.tell("the list of mailboxes cannot be read".to_owned(), at, wrong);
    let octets = match fs::read(path) {
        Ok(octets) => octets,
        Err(error) => return unusable(At::file(path), wrong(error.to_string(), "correct `file` of [mailboxes], or create the file")),
    };
    let mut lines = (1..).zip(lines(&octets)).filter(|(_, line)| line.as_ref().map_or(true, |line| says_something(line)));
    let (number, header) = match lines.next() {
        Some((number, Ok(header))) => (number, header),
        Some((number, Err(wrong))) => return unusable(At::line(path, number), wrong),
        None => return unusable(At::file(path), wrong("it is empty", HEADER)),
    };
    // A spreadsheet writes what its country writes: the header shows what that is.
    let separator = [',', ';', '\t'].into_iter().max_by_key(|separator| header.matches(*separator).count()).unwrap_or(',');
    let columns = match columns(&header, separator) {
        Ok(columns) => columns,
        Err(wrong) => return unusable(At::line(path, number), wrong),
    };
    let mut empty = true;
    for (number, line) in lines {
        empty = false;
        match line.and_then(|line| Line::cut(&line, separator, &columns)) {
            Ok(line) => match line.watched(path, accounts, &mailboxes.watched) {
                Ok(watched) => mailboxes.watched.extend(watched),
                Err(reasons) => mailboxes.faults.extend(reasons.into_iter().map(|wrong| line.not_watched(path, number, wrong))),
            },
            Err(wrong) => mailboxes.faults.push(Line::default().not_watched(path, number, wrong)),
        }
    }
    if empty {
        unusable(At::file(path), wrong("no mailbox is in it", "write a line for every mailbox below the header"));
    } else if mailboxes.watched.is_empty() && !mailboxes.faults.is_empty() {
        unusable(At::file(path), wrong("none of its lines can be used", "correct the lines that are named beside this"));
    }
}

/// The lines of a file in UTF-8, or in UTF-16 where it begins by saying so.
fn lines(octets: &[u8]) -> Vec<Result<String, Wrong>> {
    let hint = "save the list as \"CSV UTF-8\"";
    let wide = |order: fn([u8; 2]) -> u16, octets: &[u8]| {
        let units: Vec<u16> = octets.chunks_exact(2).map(|pair| order([pair[0], pair[1]])).collect();
        let told = |line: &str| {
            let broken = line.contains(char::REPLACEMENT_CHARACTER);
            if broken { Err(wrong("it is not UTF-16", hint)) } else { Ok(line.to_owned()) }
        };
        String::from_utf16_lossy(&units).lines().map(told).collect()
    };
    match octets {
        [0xff, 0xfe, rest @ ..] => wide(u16::from_le_bytes, rest),
        [0xfe, 0xff, rest @ ..] => wide(u16::from_be_bytes, rest),
        octets => {
            let octets = octets.strip_prefix("\u{feff}".as_bytes()).unwrap_or(octets);
            let line = |line: &[u8]| String::from_utf8(line.to_vec()).map_err(|_| wrong("it is not UTF-8", hint));
            octets.split(|octet| *octet == b'\n').map(|octets| line(octets.strip_suffix(b"\r").unwrap_or(octets))).collect()
        }
    }
}

fn says_something(line: &str) -> bool {
    !line.trim_matches([' ', ',', ';', '\t']).is_empty() && !line.starts_with('#')
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
#[derive(Default)]
struct Line([Option<String>; COLUMNS.len()]);

impl Line {
    fn cut(line: &str, separator: char, columns: &[usize]) -> Result<Self, Wrong> {
        let fields = fields(line, separator)?;
        if fields.len() > columns.len() {
            let why = format!("it has {} fields, and the header {}", fields.len(), columns.len());
            return Err(wrong(why, format!("put a field that holds a `{separator}` between double quotes")));
        }
        let mut cut = Self::default();
        for (field, column) in fields.into_iter().zip(columns) {
            cut.0[*column] = Some(field).filter(|field| !field.is_empty());
        }
        Ok(cut)
    }

    /// The mailbox of this line; `None` when its server has a fault of its own, which is told already.
    fn watched(&self, path: &Path, accounts: &Accounts<'_>, earlier: &[Watched]) -> Result<Option<Watched>, Vec<Wrong>> {
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

/// The fields of one line, without the spaces and quotes around them.
fn fields(line: &str, separator: char) -> Result<Vec<String>, Wrong> {
    let mut fields = vec![String::new()];
    let mut quoted = false;
    let mut characters = line.chars().peekable();
    while let Some(c) = characters.next() {
        let field = fields.last_mut().expect("there is always a field");
        match c {
            '"' if quoted && characters.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => quoted = !quoted,
            _ if c == separator && !quoted => fields.push(String::new()),
            _ => field.push(c),
        }
    }
    if quoted {
        return Err(wrong("a double quote is opened and not closed", "close it, or write it twice to mean the character"));
    }
    Ok(fields.iter().map(|field| field.trim().to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(line: &str) -> Vec<String> {
        fields(line, ',').ok().unwrap()
    }

    #[test]
    fn a_line_is_cut_as_a_spreadsheet_wrote_it() {
        assert_eq!(cut("a@s.example, year-7 ,pupil"), ["a@s.example", "year-7", "pupil"]);
        assert_eq!(cut("\"a@s.example\",\"7, \"\"red\"\"\",,"), ["a@s.example", "7, \"red\"", "", ""]);
        assert_eq!(fields("a;\"b;c\"", ';').ok().unwrap(), ["a", "b;c"]);
        assert_eq!(fields("a,\"b", ',').err().unwrap().why, "a double quote is opened and not closed");
    }

    #[test]
    fn a_line_in_another_encoding_is_named_and_the_others_are_read() {
        let read = |octets: &[u8]| lines(octets).into_iter().map(|line| line.map_err(|wrong| wrong.why)).collect::<Vec<_>>();
        let latin = read(b"\xef\xbb\xbfaddress\r\nann\r\ncaf\xe9\r\nben");
        assert_eq!(latin, [Ok("address".to_owned()), Ok("ann".to_owned()), Err("it is not UTF-8".to_owned()), Ok("ben".to_owned())]);
        let wide = |text: &str, order: fn(u16) -> [u8; 2]| -> Vec<u8> { text.encode_utf16().flat_map(order).collect() };
        let expected = [Ok("address".to_owned()), Ok("caf\u{e9}".to_owned())];
        for order in [u16::to_le_bytes, u16::to_be_bytes] {
            assert_eq!(read(&wide("\u{feff}address\r\ncaf\u{e9}", order)), expected);
        }
    }
}
