//! From the text of the file to a `Config`, or to everything that is wrong with it.

use std::fs;
use std::path::Path;

use super::issuer::Issuers;
use super::kind::wrong;
use super::table::{Passwords, Source, Table};
use super::{Config, Named, accounts, review, sections};
use crate::fault::{At, Fault};
use crate::finding::Recipient;
use crate::written::{self, Misfit};

impl Config {
    /// Reads a configuration and everything that it names, except for rules and lists (see [`Config::bundle`]).
    ///
    /// # Errors
    /// Every fault of the file at once. Faults in single lines of the list of mailboxes do not end up here unless
    /// there are others: see [`Config::faults`].
    pub fn load(path: &Path) -> Result<Self, Vec<Fault>> {
        Self::load_with(path, Passwords::Tried)
    }

    /// As [`Config::load`], for a process that may not read a single password: it does not try.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_without_passwords(path: &Path) -> Result<Self, Vec<Fault>> {
        Self::load_with(path, Passwords::LeftAlone)
    }

    /// What a configuration names although it has faults, as far as it can be told. `None` where it is not TOML.
    pub fn named_in(path: &Path) -> Option<Named> {
        let text = text(path).ok()?;
        let named = |file: &Table<'_>| {
            let scan = file.section("scan", "[scan]", |table| sections::scan(table, 0));
            let meaning = if file.has("meaning") { file.section("meaning", "[meaning]", sections::meaning).flatten() } else { None };
            Some(Named { file: path.to_owned(), scan: scan?, meaning, state: file.section("state", "[state]", sections::state)? })
        };
        tables(path, &text, Passwords::LeftAlone, |file| file.read(named)).ok()?.0
    }

    fn load_with(path: &Path, passwords: Passwords) -> Result<Self, Vec<Fault>> {
        Self::read(path, &text(path)?, passwords)
    }

    /// As [`Config::load`], of a text that would stand at `path`.
    fn read(path: &Path, text: &str, passwords: Passwords) -> Result<Self, Vec<Fault>> {
        let (config, faults) = tables(path, text, passwords, |file| file.read(whole))?;
        match config {
            Some(config) if faults.is_empty() => Ok(config),
            config => Err(faults.into_iter().chain(config.into_iter().flat_map(|config| config.faults)).collect()),
        }
    }
}

/// The text of a configuration.
///
/// # Errors
/// When there is none to be read.
pub(super) fn text(path: &Path) -> Result<String, Vec<Fault>> {
    let unreadable = |why: String| Fault {
        what: "the configuration cannot be read".to_owned(),
        at: Some(At::file(path)),
        why,
        hint: "name the file with `--config FILE`; docs/technician.md shows a whole one".to_owned(),
    };
    let octets = fs::read(path).map_err(|error| vec![unreadable(error.to_string())])?;
    String::from_utf8(octets).map_err(|_| vec![unreadable("it is not UTF-8".to_owned())])
}

/// Reads what is wanted of a configuration, and every fault that was found on the way, in the order of the file.
///
/// # Errors
/// When it is not TOML.
pub(super) fn tables<T>(
    path: &Path,
    text: &str,
    passwords: Passwords,
    read: impl FnOnce(Table<'_>) -> T,
) -> Result<(T, Vec<Fault>), Vec<Fault>> {
    let entries =
        written::tables(text).map_err(|broken| broken.into_iter().map(|misfit| not_toml(path, text, misfit)).collect::<Vec<_>>())?;
    let source = Source::new(path, text, passwords);
    let wanted = read(Table::whole_file(&source, &entries));
    Ok((wanted, source.into_faults()))
}

fn whole(file: &Table<'_>) -> Option<Config> {
    let school = file.required_section("school", "[school]", sections::school).flatten();
    let state = file.section("state", "[state]", sections::state);
    let watch = file.section("watch", "[watch]", sections::watch);
    let max_message = watch.as_ref().map_or(0, |watch| watch.max_message);
    let scan = file.section("scan", "[scan]", |table| sections::scan(table, max_message));
    let meaning = if file.has("meaning") { file.section("meaning", "[meaning]", sections::meaning).flatten() } else { None };
    let policy = file.section("policy", "[policy]", |table| (sections::policy(table), sections::hold_limit(table)));
    let issuers = Issuers::read(file);
    let notice = file.required_section("notice", "[notice]", |table| sections::notice(table, &issuers)).flatten();
    let mailboxes = accounts::mailboxes(file, school.as_ref(), state.as_ref(), &issuers);
    let review = if file.has("review") { file.section("review", "[review]", review::review).flatten() } else { None };

    let mut contacts = Vec::new();
    let mut incomplete = false;
    file.each("contact", "[[contact]]", |table| match sections::contact(table) {
        Some(contact) => contacts.push(contact),
        None => incomplete = true,
    });
    for (needed, why) in [
        (Recipient::Dsl, "somebody has to be told of what is found"),
        (Recipient::Technician, "somebody has to be told when a mailbox is out of reach"),
    ] {
        if !incomplete && !contacts.iter().any(|contact| contact.recipient == needed) {
            let hint = format!("add [[contact]] with `recipient = \"{needed}\"`, `name` and `address`");
            file.tell(format!("there is no contact `{needed}`"), file.at(), wrong(why, hint));
        }
    }

    let (Some(school), Some(state), Some(watch), Some(scan), Some((policy, hold_limit)), Some(notice)) =
        (school, state, watch, scan, policy, notice)
    else {
        mailboxes.faults.into_iter().for_each(|fault| file.tell_of(fault));
        return None;
    };
    Some(Config {
        file: file.path().to_owned(),
        school,
        state,
        places: mailboxes.watched.iter().enumerate().map(|(place, watched)| (watched.mailbox.address.clone(), place)).collect(),
        mailboxes: mailboxes.watched,
        directory: mailboxes.directory,
        watch,
        scan,
        meaning,
        policy,
        hold_limit,
        notice,
        review,
        contacts,
        faults: mailboxes.faults,
        unwatched: mailboxes.unwatched,
    })
}

fn not_toml(path: &Path, text: &str, misfit: Misfit) -> Fault {
    Fault {
        what: "the configuration is not TOML".to_owned(),
        at: Some(At::offset(path, text, misfit.offset)),
        why: misfit.why,
        hint: "a line is `[section]`, `key = \"text\"`, `key = 5`, `key = true` or `# a comment`".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{History, Login, Security};
    use crate::finding::{Action, Category};
    use std::time::Duration;

    const LEAST: &str = r#"
        [school]
        name = "Willowbrook School"
        domains = ["Willowbrook.example"]
        [[server]]
        host = "imap.willowbrook.example"
        [[mailbox]]
        address = "Amber@willowbrook.example"
        role = "pupil"
        credential = "amber"
        [notice]
        from = "mailwarden@willowbrook.example"
        smtp_host = "smtp.willowbrook.example"
        [[contact]]
        recipient = "dsl"
        name = "Robin Finch"
        address = "dsl@willowbrook.example"
        [[contact]]
        recipient = "technician"
        name = "Jay Martin"
        address = "it@willowbrook.example"
    "#;

    fn read(text: &str) -> Config {
        Config::read(Path::new("school/mailwarden.toml"), text, Passwords::Tried).unwrap()
    }

    #[test]
    fn what_is_left_out_has_a_default() {
        let config = read(LEAST);
        let watched = &config.mailboxes[0];
        assert_eq!((watched.server.name.as_str(), watched.server.port, watched.server.security), ("main", 993, Security::Tls));
        assert_eq!(watched.mailbox.group, "pupil");
        assert!(matches!(&watched.login, Login::Own { user, .. } if user == "amber@willowbrook.example"));
        assert_eq!((config.watch.interval, config.watch.history), (Duration::from_mins(1), History::Scan));
        assert_eq!((config.scan.messages_per_worker.get(), config.scan.threads.get()), (64, 1));
        assert_eq!(config.notice.smtp_port, 465);
        assert_eq!(config.state.casebook(), Path::new("/var/lib/mailwarden/casebook.db"));
        assert!(config.faults.is_empty());
    }

    #[test]
    fn a_path_is_relative_to_the_directory_of_the_configuration() {
        let config = read(&format!("{LEAST}\n[state]\ndirectory = \"state\"\n[scan]\nrules = [\"rules\", \"/usr/share/rules\"]\n"));
        assert_eq!(config.state.directory, Path::new("school/state"));
        assert_eq!(config.scan.rules, [Path::new("school/rules"), Path::new("/usr/share/rules")]);
    }

    #[test]
    fn what_sentences_mean_is_looked_at_only_where_a_model_is_named() {
        assert_eq!(read(LEAST).meaning, None);
        let config = read(&format!("{LEAST}\n[meaning]\nmodel = \"meaning\"\n"));
        assert_eq!(config.meaning.as_deref(), Some(Path::new("school/meaning")));
        let faults = Config::read(Path::new("mailwarden.toml"), &format!("{LEAST}\n[meaning]\n"), Passwords::Tried).err().unwrap();
        assert_eq!(faults[0].what, "`model` of [meaning] is missing");
    }

    #[test]
    fn the_policy_of_the_school_is_the_one_that_judges() {
        let config = read(&format!("{LEAST}\n[policy]\nthreshold = 60\n[policy.actions]\nbullying = \"hold\"\n"));
        let mut expected = crate::finding::Policy::new(60);
        expected.set(Category::Bullying, Action::Hold).unwrap();
        assert_eq!(config.policy, expected);
    }

    #[test]
    fn mail_to_the_safeguarding_lead_is_known_as_such() {
        let config = read(LEAST);
        assert!(config.is_safeguarding(&"DSL@willowbrook.example".parse().unwrap()));
        assert!(!config.is_safeguarding(&"amber@willowbrook.example".parse().unwrap()));
        assert!(config.school.owns(&"amber@willowbrook.example".parse().unwrap()));
        assert!(!config.school.owns(&"amber@mail.willowbrook.example".parse().unwrap()));
    }
}
