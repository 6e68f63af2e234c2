//! What becomes of the list of mailboxes when an export of who has one is taken over: who joins, who leaves, what changes.
//!
//! Nothing is written here. What the export does not say of a mailbox stays as the list has it, and nobody leaves for the sake of a
//! line that cannot be read.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::accounts::{Accounts, Mailboxes, list, one_by_one};
use super::export::Export;
use super::issuer::Issuers;
use super::kind::{address_from, wrong};
use super::mailbox_list::{self, COLUMNS, Line};
use super::read::{tables, text};
use super::sections::school;
use super::spreadsheet;
use super::table::{Passwords, Table, Wrong};
use crate::fault::{At, Fault};
use crate::mail::{Address, Role};

/// Columns that every list has.
const ALWAYS: usize = 3;
/// The place of the role among the columns.
const ROLE: usize = 2;

/// The list as it would be.
#[derive(Debug)]
pub struct ListImport {
    /// Where it lies.
    pub list: PathBuf,
    /// What lies there now, if anything does.
    pub old: Option<Vec<u8>>,
    pub new: String,
    /// What the columns are called in the export, by what they are.
    pub columns: Vec<(&'static str, String)>,
    pub joins: Vec<Listed>,
    pub leaves: Vec<Listed>,
    /// As it was, and as it will be.
    pub changes: Vec<(Listed, Listed)>,
    pub unchanged: usize,
    /// How many there are now of those of whom the export tells.
    pub before: usize,
    /// They are not in the export, and stay because some of its lines cannot be read.
    pub kept: usize,
    /// They stand in the configuration itself.
    pub elsewhere: usize,
    /// The lines of the export that are not taken.
    pub faults: Vec<Fault>,
    /// What may stay as it is.
    pub notes: Vec<Fault>,
}

/// A mailbox of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    pub address: String,
    /// All else that the list says of it, in its order.
    pub told: String,
}

/// An export, and what is known of it besides.
#[derive(Clone, Copy, Debug)]
pub struct Taken<'a> {
    /// As it is called in faults.
    pub path: &'a Path,
    pub octets: &'a [u8],
    /// It is of these mailboxes alone.
    pub role: Option<Role>,
}

impl ListImport {
    /// Compares an export with the list that the configuration at `config` names.
    ///
    /// # Errors
    /// Every fault of what is needed of the configuration, of the list as a whole, or of the export as a whole.
    pub fn plan(config: &Path, export: Taken<'_>) -> Result<Self, Vec<Fault>> {
        let (import, faults) = tables(config, &text(config)?, Passwords::LeftAlone, |file| plan(&file, export))?;
        if faults.is_empty() { import } else { Err(faults) }
    }

    /// Whether the list stays as it is.
    pub fn is_idle(&self) -> bool {
        self.joins.is_empty() && self.leaves.is_empty() && self.changes.is_empty()
    }
}

fn plan(file: &Table<'_>, export: Taken<'_>) -> Result<ListImport, Vec<Fault>> {
    let school = file.required_section("school", "[school]", school).flatten();
    let accounts = Accounts::read(file, school.as_ref(), &Issuers::read(file));
    let elsewhere = one_by_one(file, &accounts).watched.into_iter().map(|watched| watched.mailbox.address).collect();
    let Some(list) = file.required_section("mailboxes", "[mailboxes]", list).flatten() else { return Err(Vec::new()) };
    let old = match fs::read(&list) {
        Ok(octets) => Some(octets),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(vec![list_unusable(At::file(&list), wrong(error.to_string(), "let this user read it"))]),
    };
    let lines = match &old {
        Some(octets) => mailbox_list::lines(&list, octets).map_err(|(at, wrong)| vec![list_unusable(at, wrong)])?,
        None => Vec::new(),
    };
    let read = Export::read(export.path, export.octets).map_err(|(at, wrong)| vec![unusable(at, wrong)])?;
    let mut merge = Merge { list: &list, accounts: &accounts, export, elsewhere, old: Vec::new(), by_address: HashMap::new() };
    let unreadable = lines.into_iter().filter(|(_, line)| !merge.remember(line.as_ref().ok())).count();
    let mut import = merge.with(read)?;
    import.old = old;
    if unreadable > 0 {
        import.notes.push(Fault {
            what: format!("{unreadable} lines of the old list name no mailbox, and are left out"),
            at: Some(At::file(&list)),
            why: String::new(),
            hint: "they stay in the copy of the old list".to_owned(),
        });
    }
    Ok(import)
}

/// The list as it is, to be brought together with an export.
struct Merge<'a> {
    list: &'a Path,
    accounts: &'a Accounts<'a>,
    export: Taken<'a>,
    /// The mailboxes of the configuration itself.
    elsewhere: BTreeSet<Address>,
    old: Vec<Line>,
    by_address: HashMap<Address, usize>,
}

/// What an export says.
#[derive(Default)]
struct Heard {
    /// Of each mailbox, what comes of it; `None` where its line is broken: then whatever the list has stays.
    lines: HashMap<Address, Option<Line>>,
    /// Of each mailbox the first line about it, as it was written.
    first: HashMap<Address, (usize, Line)>,
    /// Whom the list does not know.
    joining: Vec<Address>,
    elsewhere: usize,
    /// Lines of which nobody can say whose they are.
    unreadable: usize,
    /// There is one of which it is known whether it is a pupil's.
    roles: bool,
    faults: Vec<Fault>,
}

/// Why a line is not taken, and whose it is as far as it says so.
type NotTaken<'l> = (Option<&'l str>, Vec<Wrong>);

impl Merge<'_> {
    /// Takes in a line of the old list; says whether it names a mailbox.
    fn remember(&mut self, line: Option<&Line>) -> bool {
        let address = line.and_then(|line| line.0[0].as_deref()?.parse::<Address>().ok());
        let (Some(line), Some(address)) = (line, address) else { return false };
        let mut line = line.clone();
        line.0[0] = Some(address.to_string());
        // Of one that is listed twice, the first counts.
        self.by_address.entry(address).or_insert_with(|| {
            self.old.push(line);
            self.old.len() - 1
        });
        true
    }

    fn with(self, read: Export) -> Result<ListImport, Vec<Fault>> {
        let mut heard = Heard { roles: read.names[ROLE].is_some() || self.export.role.is_some(), ..Heard::default() };
        for (number, line) in &read.lines {
            if let Err((whose, reasons)) = self.hear(*number, line, &mut heard) {
                heard.faults.extend(reasons.into_iter().map(|wrong| self.not_taken(*number, whose, wrong)));
            }
        }
        if !heard.roles && !heard.lines.is_empty() {
            let hint = "say `--role pupil` for an export of pupils alone, or add a column `Role` with pupil, staff, governor or shared";
            return Err(vec![unusable(At::file(self.export.path), wrong("it does not tell pupils from staff", hint))]);
        }
        if heard.elsewhere == 0 && heard.lines.values().all(Option::is_none) {
            let why = if read.lines.is_empty() { "no mailbox is in it" } else { "none of its lines can be used" };
            heard.faults.push(unusable(At::file(self.export.path), wrong(why, "the old list stays; export anew")));
            return Err(heard.faults);
        }
        let mut import = self.compared(&heard);
        import.columns = COLUMNS.into_iter().zip(read.names).filter_map(|(column, name)| Some((column, name?))).collect();
        import.notes.extend(read.passwords.map(|name| Fault {
            what: format!("the column `{name}` is not read"),
            at: Some(At::file(self.export.path)),
            why: "a list holds no passwords".to_owned(),
            hint: "remove the export when it is taken over".to_owned(),
        }));
        (import.elsewhere, import.faults) = (heard.elsewhere, heard.faults);
        Ok(import)
    }

    /// Takes in a line of the export.
    ///
    /// # Errors
    /// When it is broken.
    fn hear<'l>(&self, number: usize, line: &'l Result<Line, Wrong>, heard: &mut Heard) -> Result<(), NotTaken<'l>> {
        let line = line.as_ref().map_err(|wrong| {
            heard.unreadable += 1;
            (None, vec![wrong.clone()])
        })?;
        let whose = line.0[0].as_deref();
        let not_taken = |wrong| (whose, vec![wrong]);
        let Some(written) = whose else {
            return Err(not_taken(wrong("its address is missing", "nothing, if there is no mailbox yet; else fill in the field")));
        };
        let address = address_from(written).map_err(|wrong| {
            heard.unreadable += 1;
            not_taken(wrong)
        })?;
        if self.elsewhere.contains(&address) {
            heard.elsewhere += 1;
            return Ok(());
        }
        match heard.first.get(&address) {
            // Schools list a pupil once for each of her classes.
            Some((_, same)) if same == line => return Ok(()),
            Some((first, _)) => return Err(not_taken(wrong(format!("line {first} says something else of it"), "remove one of the two"))),
            None => drop(heard.first.insert(address.clone(), (number, line.clone()))),
        }
        if !self.by_address.contains_key(&address) {
            heard.joining.push(address.clone());
        }
        heard.lines.insert(address.clone(), None);
        let merged = self.merged(&address, line).map_err(not_taken)?;
        heard.roles |= merged.0[ROLE].is_some();
        merged.watched(self.list, self.accounts, &Mailboxes::default()).map_err(|reasons| (whose, reasons))?;
        heard.lines.insert(address, Some(merged));
        Ok(())
    }

    /// What the export says, and where it says nothing what the list said.
    fn merged(&self, address: &Address, line: &Line) -> Result<Line, Wrong> {
        let old = self.by_address.get(address).map(|at| &self.old[*at]);
        let alone = self.export.role.map(|role| role.as_str().to_owned());
        if let (Some(alone), Some(other)) = (&alone, line.0[ROLE].as_ref().filter(|other| Some(*other) != alone.as_ref())) {
            let why = format!("its role is `{other}`, and the export is of `{alone}` alone");
            return Err(wrong(why, "remove the line, or leave `--role` out"));
        }
        let mut merged = line.clone();
        merged.0[0] = Some(address.to_string());
        merged.0[ROLE] = merged.0[ROLE].take().or(alone);
        if let Some(old) = old {
            if is_safeguarding(old) {
                merged.0[ROLE].clone_from(&old.0[ROLE]);
            }
            for (new, old) in merged.0.iter_mut().zip(&old.0).filter(|(new, _)| new.is_none()) {
                new.clone_from(old);
            }
        }
        Ok(merged)
    }

    fn compared(&self, heard: &Heard) -> ListImport {
        let mut import = ListImport {
            list: self.list.to_owned(),
            old: None,
            new: String::new(),
            columns: Vec::new(),
            joins: Vec::new(),
            leaves: Vec::new(),
            changes: Vec::new(),
            unchanged: 0,
            before: 0,
            kept: 0,
            elsewhere: 0,
            faults: Vec::new(),
            notes: Vec::new(),
        };
        let mut lines = Vec::new();
        for old in &self.old {
            let address: Option<Address> = old.0[0].as_deref().and_then(|address| address.parse().ok());
            let is_concerned = !is_safeguarding(old) && self.export.role.is_none_or(|role| old.0[ROLE].as_deref() == Some(role.as_str()));
            import.before += usize::from(is_concerned);
            match address.and_then(|address| heard.lines.get(&address)) {
                Some(Some(new)) if new != old => {
                    import.changes.push((listed(old), listed(new)));
                    lines.push(new);
                    continue;
                }
                None if is_concerned && heard.unreadable == 0 => {
                    import.leaves.push(listed(old));
                    continue;
                }
                None if is_concerned => import.kept += 1,
                _ => import.unchanged += 1,
            }
            lines.push(old);
        }
        for new in heard.joining.iter().filter_map(|address| heard.lines.get(address)?.as_ref()) {
            import.joins.push(listed(new));
            lines.push(new);
        }
        import.new = written(&lines);
        import
    }

    fn not_taken(&self, number: usize, address: Option<&str>, wrong: Wrong) -> Fault {
        let what =
            address.map_or("a line of the export is not taken".to_owned(), |address| format!("the line of `{address}` is not taken"));
        Fault { what, at: Some(At::line(self.export.path, number)), why: wrong.why, hint: wrong.hint }
    }
}

/// Mail in it is never held: somebody has said so by hand, and no export knows of it.
fn is_safeguarding(line: &Line) -> bool {
    line.0[ROLE].as_deref() == Some(Role::Safeguarding.as_str())
}

pub(super) fn listed(line: &Line) -> Listed {
    let told: Vec<_> = line.0[1..].iter().flatten().map(String::as_str).collect();
    Listed { address: line.0[0].clone().unwrap_or_default(), told: told.join(", ") }
}

/// The list as a file, with those columns that somebody uses.
pub(super) fn written(lines: &[&Line]) -> String {
    let used: Vec<usize> = (0..COLUMNS.len()).filter(|at| *at < ALWAYS || lines.iter().any(|line| line.0[*at].is_some())).collect();
    let header: Vec<_> = used.iter().map(|at| COLUMNS[*at]).collect();
    let row = |line: &&Line| {
        let fields: Vec<_> = used.iter().map(|at| line.0[*at].as_deref().unwrap_or_default()).collect();
        spreadsheet::line(&fields)
    };
    let mut text = spreadsheet::line(&header);
    for line in lines.iter().map(row) {
        text.push('\n');
        text.push_str(&line);
    }
    text + "\n"
}

fn list_unusable(at: At, wrong: Wrong) -> Fault {
    Fault { what: "the list of mailboxes cannot be read".to_owned(), at: Some(at), why: wrong.why, hint: wrong.hint }
}

fn unusable(at: At, wrong: Wrong) -> Fault {
    Fault { what: "the export is not taken over".to_owned(), at: Some(at), why: wrong.why, hint: wrong.hint }
}
