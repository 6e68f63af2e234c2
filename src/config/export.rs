//! An export of who has a mailbox, as the systems of schools write it: which of its columns say what, under which names.

use std::path::Path;

use super::kind::wrong;
use super::mailbox_list::{COLUMNS, Line, Numbered};
use super::spreadsheet;
use super::table::Wrong;
use crate::fault::At;
use crate::mail::Role;

/// For each column of a list, the names that it goes by, the surest first: those of the list itself, of Google Workspace, of Microsoft 365
/// and Entra, and of the systems that keep a school's records.
const NAMES: [&[&str]; COLUMNS.len()] = [
    &[
        "address",
        "emailaddress",
        "email",
        "mail",
        "primaryemail",
        "primaryemailaddress",
        "primarysmtpaddress",
        "schoolemail",
        "schoolemailaddress",
        "workemail",
        "mailbox",
        "userprincipalname",
        "upn",
    ],
    &[
        "group",
        "yeargroup",
        "year",
        "ncyear",
        "nationalcurriculumyear",
        "orgunitpath",
        "orgunit",
        "department",
        "registrationgroup",
        "reggroup",
        "form",
        "class",
        "tutorgroup",
    ],
    &["role", "persontype", "type"],
    &["server", "mailserver"],
    &["user", "imapuser"],
    &["passwordfile"],
];
/// What a role is called elsewhere.
const ROLES: [(Role, &[&str]); 5] = [
    (Role::Governor, &["governor", "governors", "trustee", "trustees"]),
    (Role::Pupil, &["pupil", "pupils", "student", "students", "learner", "learners", "child", "children"]),
    (Role::Safeguarding, &["safeguarding"]),
    (Role::Shared, &["shared", "sharedmailbox", "group", "class"]),
    (
        Role::Staff,
        &[
            "staff",
            "teacher",
            "teachers",
            "teaching",
            "teachingstaff",
            "support",
            "supportstaff",
            "nonteachingstaff",
            "employee",
            "employees",
            "faculty",
        ],
    ),
];
/// Of what a password is called.
const PASSWORD: &str = "password";

pub(super) struct Export {
    /// What each column of a list is called here, where there is one.
    pub names: [Option<String>; COLUMNS.len()],
    /// A column of passwords, which nobody wants to read.
    pub passwords: Option<String>,
    /// The lines below the header, with their numbers.
    pub lines: Vec<Numbered>,
}

impl Export {
    /// # Errors
    /// Where and why nothing of it can be used.
    pub fn read(path: &Path, octets: &[u8]) -> Result<Self, (At, Wrong)> {
        let lines = spreadsheet::lines(octets, spreadsheet::windows_1252);
        let is_line = |line: &Result<String, Wrong>| line.as_ref().map_or(true, |line| spreadsheet::says_something(line));
        let Some(first) = lines.iter().position(is_line) else {
            return Err((At::file(path), wrong("it is empty", "export anew, with a line of headings")));
        };
        let separator = lines[first].as_ref().map_or(',', |header| spreadsheet::separator(header));
        let (header, taken) = spreadsheet::record(&lines[first..], separator, usize::MAX);
        let at_header = |wrong| (At::line(path, first + 1), wrong);
        let header = header.map_err(at_header)?;
        let chosen = NAMES.map(|names| choose(&header, names));
        if chosen[0].is_none() {
            let why = "none of its columns is known to hold addresses";
            return Err(at_header(wrong(why, "call that column `Email address` in its first line, and the others `Group` and `Role`")));
        }
        let mut columns = vec![None; header.len()];
        for (column, place) in chosen.iter().enumerate().filter_map(|(column, place)| Some((column, (*place)?))) {
            columns[place] = Some(column);
        }
        let mut export = Self {
            names: chosen.map(|place| place.map(|place| header[place].clone())),
            passwords: header.iter().find(|name| plain(name).contains(PASSWORD) && !NAMES[5].contains(&&*plain(name))).cloned(),
            lines: Vec::new(),
        };
        let mut at = first + taken;
        while at < lines.len() {
            let (fields, taken) = spreadsheet::record(&lines[at..], separator, header.len());
            if is_line(&lines[at]) {
                export.lines.push((at + 1, fields.and_then(|fields| line(fields, separator, &columns))));
            }
            at += taken;
        }
        Ok(export)
    }
}

/// The column with the surest of some names.
fn choose(header: &[String], names: &[&str]) -> Option<usize> {
    names.iter().find_map(|name| header.iter().position(|heading| plain(heading) == *name))
}

/// `Email Address [Required]` is `emailaddress`.
fn plain(written: &str) -> String {
    let written = written.split(['[', '(']).next().unwrap_or_default();
    written.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn line(fields: Vec<String>, separator: char, columns: &[Option<usize>]) -> Result<Line, Wrong> {
    // A list has a line for each mailbox, whatever its group is called.
    let fields = fields.into_iter().map(|field| field.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    let mut line = Line::of(fields, separator, columns)?;
    if let Some(role) = &mut line.0[2]
        && let Some((known, _)) = ROLES.iter().find(|(_, words)| words.contains(&&*plain(role)))
    {
        known.as_str().clone_into(role);
    }
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Export {
        Export::read(Path::new("export.csv"), text.as_bytes()).map_err(|(at, wrong)| format!("{at}: {}", wrong.why)).unwrap()
    }

    fn first(text: &str) -> [Option<String>; 3] {
        let line = read(text).lines.remove(0).1.ok().unwrap();
        let [address, group, role, ..] = line.0;
        [address, group, role]
    }

    #[test]
    fn the_exports_of_several_systems_say_the_same() {
        let expected = |group: &str, role: &str| {
            let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
            [some("ann@s.example"), some(group), some(role)]
        };
        for (text, group, role) in [
            ("address,group,role\nann@s.example,year-7,pupil\n", "year-7", "pupil"),
            (
                "First Name [Required],Email Address [Required],Password [Required],Org Unit Path [Required]\nAnn,ann@s.example,****,/Pupils/7\n",
                "/Pupils/7",
                "",
            ),
            ("Display name,User principal name,Department\nAnn,ann@s.example,Maths\n", "Maths", ""),
            ("UPN;Primary SMTP address;Year group;Person type\nann@old.example;ann@s.example;Year 7;Student\n", "Year 7", "pupil"),
            ("Surname\tEmail\tReg Group\tType\nLark\tann@s.example\t7B\tTeaching Staff\n", "7B", "staff"),
            ("# made on Monday\n\n\"E-mail\",\"Role\"\n\"ann@s.example\",\"Governor\"\n", "", "governor"),
        ] {
            assert_eq!(first(text), expected(group, role), "{text}");
        }
    }

    #[test]
    fn a_column_of_passwords_is_seen_and_nothing_of_it_is_read() {
        let export = read("Email,Password,Password_File\nann@s.example,secret,ann.txt\n");
        assert_eq!(export.passwords.as_deref(), Some("Password"));
        let line = export.lines[0].1.as_ref().ok().unwrap();
        assert_eq!(line.0.iter().flatten().collect::<Vec<_>>(), ["ann@s.example", "ann.txt"]);
    }

    #[test]
    fn a_line_keeps_its_number_behind_an_address_of_several_lines() {
        let export = read("Home,Email\n\"1 Elm Road\nTown\",ann@s.example\n\nx,y,z\nhere,ben@s.example\n");
        let told: Vec<_> = export.lines.iter().map(|(number, line)| (*number, line.is_ok())).collect();
        assert_eq!(told, [(2, true), (5, false), (6, true)]);
    }

    #[test]
    fn a_file_without_addresses_is_none() {
        let why =
            |text: &str| Export::read(Path::new("export.csv"), text.as_bytes()).err().map(|(at, wrong)| format!("{at}: {}", wrong.why));
        assert_eq!(why("\n\nName,Year\n").unwrap(), "export.csv:3: none of its columns is known to hold addresses");
        assert_eq!(why("\n").unwrap(), "export.csv: it is empty");
    }
}
