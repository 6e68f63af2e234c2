//! `mailwarden mailboxes import`: takes over who has a mailbox from an export of the school's.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::replace::replace_like;
use crate::cli::{ConfigFile, Exit, Failure, Output, output};
use crate::config::{ListImport, Taken};
use crate::fault::{At, Fault};
use crate::mail::Role;

/// In octets: a hundred times what a trust of schools exports.
const LARGEST: u64 = 256 << 20;
/// An export that was cut short must not leave a school unwatched: more than one in so many may not leave without a word.
const ONE_IN: usize = 5;

/// Take over who has a mailbox from an export of the school's, into the list that the configuration names.
///
/// The export is a CSV file with a line of headings, as school records, Google Workspace and Microsoft 365 write it: UTF-8, UTF-16 or Windows-1252, with commas,
/// semicolons or tabs. Who joins, who leaves and what changes is shown. What the export does not say of a mailbox stays as it is in the list; a line that cannot be used is named, and
/// keeps no other from being taken. The old list stays beside the new one, with `.before` behind its name. The exit code is 78 when a line was not taken.
#[derive(Debug, Args)]
pub(super) struct Import {
    #[command(flatten)]
    config: ConfigFile,
    /// Show what would change, and change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Let more than a fifth of the mailboxes leave.
    #[arg(long)]
    yes: bool,
    /// The export is of pupils alone, or of staff, governors or shared mailboxes: those of others stay as they are.
    #[arg(long, value_name = "ROLE", value_parser = role)]
    role: Option<Role>,
    /// The export, or `-` for standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

fn role(text: &str) -> Result<Role, String> {
    text.parse().map_err(|()| format!("one of {}", Role::ALL.map(Role::as_str).join(", ")))
}

impl Import {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let octets = self.read()?;
        let export = Taken { path: &self.file, octets: &octets, role: self.role };
        let import = ListImport::plan(&self.config.config, export).map_err(Failure::config)?;
        show(&import, out)?;
        output::tell_notes(&import.notes);
        if !self.dry_run && !import.is_idle() {
            self.is_expected(&import)?;
            self.write(&import)?;
            out.line(&format!("{} is written; `systemctl reload mailwarden` puts it in force", import.list.display()))?;
        }
        if import.faults.is_empty() { Ok(()) } else { Err(Failure::config(import.faults)) }
    }

    fn read(&self) -> Result<Vec<u8>, Failure> {
        let mut octets = Vec::new();
        let read = if self.file == Path::new("-") {
            io::stdin().lock().take(LARGEST + 1).read_to_end(&mut octets)
        } else {
            File::open(&self.file).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut octets))
        };
        let why = match read {
            Ok(read) if read as u64 <= LARGEST => return Ok(octets),
            Ok(_) => format!("it is larger than {} MiB", LARGEST >> 20),
            Err(error) => error.to_string(),
        };
        Err(stays(At::file(&self.file), "the export cannot be read", why, "name the CSV file, or `-` for standard input"))
    }

    /// # Errors
    /// When many leave, and nobody says that they do.
    fn is_expected(&self, import: &ListImport) -> Result<(), Failure> {
        if self.yes || import.leaves.len() * ONE_IN <= import.before {
            return Ok(());
        }
        let why = format!("{} of {} mailboxes would be watched no more", import.leaves.len(), import.before);
        let hint = "look whether the export is whole, and of all; where it is right, say `--yes`, or `--role` where it is of some alone";
        Err(stays(At::file(&self.file), "the old list stays", why, hint))
    }

    /// First the copy, then the list: whoever looks in between finds the old one twice.
    fn write(&self, import: &ListImport) -> Result<(), Failure> {
        let unwritten = |path: &Path, error: &io::Error| {
            let hint = "type the command as the owner of the file, or as root";
            Failure::world(format!("`{}` cannot be written", path.display()), error, hint)
        };
        // A list that was not there is to be read by those who read the configuration.
        let like = if import.old.is_some() { &import.list } else { &self.config.config };
        let like = fs::metadata(like).map_err(|error| unwritten(like, &error))?;
        if let Some(old) = &import.old {
            let before = before(&import.list);
            replace_like(&before, old, &like).map_err(|error| unwritten(&before, &error))?;
        }
        replace_like(&import.list, import.new.as_bytes(), &like).map_err(|error| unwritten(&import.list, &error))
    }
}

/// `mailboxes.csv.before`
fn before(list: &Path) -> PathBuf {
    let mut name = OsString::from(list);
    name.push(".before");
    name.into()
}

fn show(import: &ListImport, out: &mut Output) -> io::Result<()> {
    let columns: Vec<_> = import.columns.iter().map(|(column, name)| format!("{column} from `{}`", crate::case::visible(name))).collect();
    out.line(&format!("columns: {}", columns.join(", ")))?;
    super::show(&import.joins, &import.leaves, &import.changes, import.unchanged + import.kept, out)?;
    if import.kept > 0 {
        out.line(&format!(
            "{} of them are not in the export, and leave when every line of it can be read: see the lines named below",
            import.kept
        ))?;
    }
    if import.elsewhere > 0 {
        out.line(&format!("{} lines of the export are about mailboxes that stand in the configuration itself", import.elsewhere))?;
    }
    if !import.faults.is_empty() {
        out.line(&format!("{} faults keep lines of the export from being taken", import.faults.len()))?;
    }
    Ok(())
}

fn stays(at: At, what: &str, why: String, hint: &str) -> Failure {
    Failure { exit: Exit::Config, faults: vec![Fault { what: what.to_owned(), at: Some(at), why, hint: hint.to_owned() }] }
}
