//! From the sections of the file to settings: `[school]`, `[state]`, `[watch]`, `[scan]`, `[policy]`, `[notice]`, `[[contact]]`.

use std::net::IpAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use jiff::civil::time;
use jiff::tz::TimeZone;

use super::issuer::{Issuers, Named};
use super::kind::{self, wrong};
use super::table::{Passwords, Placed, Table};
use super::trust::roots;
use super::{Contact, History, Notice, Password, Scan, School, SchoolClock, Security, SmtpLogin, State, Watch};
use crate::finding::{Action, Category, HoldLimit, Policy, Recipient};
use crate::mail::FolderName;

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;
const DAY: Duration = Duration::from_hours(24);
const ACTIONS: [Action; 4] = [Action::Pass, Action::Flag, Action::Hold, Action::Withhold];

pub(super) fn school(table: &Table<'_>) -> Option<School> {
    let name = table.required("name", "\"Willowbrook School\"", kind::text);
    let domains = table.required("domains", "[\"school.example\"]", |value| {
        let domains: Vec<String> = kind::list(kind::text)(value)?.iter().map(|domain| domain.to_lowercase()).collect();
        match domains.iter().find(|domain| domain.contains(['@', ' ', '/'])) {
            _ if domains.is_empty() => Err(wrong("the list is empty", "name every domain that the school's own mail comes from")),
            Some(domain) => {
                Err(wrong(format!("`{domain}` is not a domain"), "write what stands behind the @ of an address: \"school.example\""))
            }
            None => Ok(domains),
        }
    });
    let zone = table.optional("timezone", kind::time_zone);
    let hours = table.optional("hours", kind::hours);
    let digest_at = table.optional("digest_at", kind::time);
    let (opens, closes) = hours.unwrap_or((time(8, 30, 0, 0), time(15, 30, 0, 0)));
    let clock = SchoolClock {
        zone: zone.or_else(|| TimeZone::get("Europe/London").ok()).unwrap_or(TimeZone::UTC),
        opens,
        closes,
        digest_at: digest_at.unwrap_or(time(15, 0, 0, 0)),
    };
    Some(School { name: name?, domains: domains?, clock })
}

pub(super) fn state(table: &Table<'_>) -> State {
    State { directory: path(table, "directory").unwrap_or_else(|| PathBuf::from("/var/lib/mailwarden")) }
}

pub(super) fn watch(table: &Table<'_>) -> Watch {
    let interval = table.optional("interval", kind::duration(Duration::from_secs(1)..=Duration::from_hours(24)));
    let silence = table.optional("silence", kind::duration(Duration::from_mins(5)..=7 * DAY));
    let nothing_found = table.optional("nothing_found", kind::duration(DAY..=365 * DAY));
    let except_folders = table.optional("except_folders", kind::list(|name| Ok(FolderName(kind::text(name)?))));
    let large = table.optional("large_message", kind::size(64 * KIB..=GIB)).unwrap_or(4 * MIB);
    let max = table.placed("max_message", kind::size(MIB..=GIB)).unwrap_or_else(|| Placed { value: 150 * MIB, at: table.at() });
    if large > max.value {
        let why = "it is less than `large_message`, from which on messages are fetched in parts";
        table.tell("`max_message` of [watch] is too small".to_owned(), max.at, wrong(why, "raise `max_message`, or lower `large_message`"));
    }
    Watch {
        interval: interval.unwrap_or(Duration::from_mins(1)),
        jitter: table.optional("jitter", kind::share(0.0..=0.5)).unwrap_or(0.1),
        idle: table.optional("idle", kind::flag).unwrap_or(true),
        history: table.optional("history", kind::one_of(&[("scan", History::Scan), ("skip", History::Skip)])).unwrap_or(History::Scan),
        except_folders: except_folders.unwrap_or_default(),
        silence: silence.unwrap_or(Duration::from_hours(1)),
        nothing_found: nothing_found.unwrap_or(14 * DAY),
        large_message: large,
        max_message: max.value,
    }
}

/// `max_message` is in octets.
pub(super) fn scan(table: &Table<'_>, max_message: u64) -> Scan {
    let cores = thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
    let count = |key, most| table.optional(key, kind::whole(1..=most)).and_then(NonZeroUsize::new);
    let memory = table.placed("memory", kind::size(128 * MIB..=64 * GIB)).unwrap_or_else(|| Placed { value: 512 * MIB, at: table.at() });
    if memory.value / 2 < max_message {
        let why = format!("a message of `max_message`, {} MiB, takes twice its size to be examined", max_message / MIB);
        table.tell(
            "`memory` of [scan] is too small".to_owned(),
            memory.at,
            wrong(why, "raise `memory`, or lower `max_message` of [watch]"),
        );
    }
    let rules = table.optional("rules", kind::list(kind::text)).map(|rules| rules.iter().map(|written| table.beside(written)).collect());
    let hashsets = path(table, "hashsets");
    Scan {
        workers: count("workers", 1024).unwrap_or(cores),
        messages_per_worker: count("messages_per_worker", 1_000_000).unwrap_or(const { NonZeroUsize::new(64).unwrap() }),
        threads: count("threads", 64).unwrap_or(NonZeroUsize::MIN),
        deadline: table
            .optional("deadline", kind::duration(Duration::from_secs(1)..=Duration::from_mins(10)))
            .unwrap_or(Duration::from_secs(30)),
        memory: memory.value,
        rules: rules.unwrap_or_else(|| present(["rules", "local-rules"].map(|name| table.beside(name)))),
        hashsets: hashsets.or_else(|| present([table.beside("hashsets")]).pop()),
    }
}

/// The folder of the model.
pub(super) fn meaning(table: &Table<'_>) -> Option<PathBuf> {
    table.required("model", "\"/usr/local/share/mailwarden/meaning\"", kind::text).map(|written| table.beside(&written))
}

pub(super) fn policy(table: &Table<'_>) -> Policy {
    let mut policy = table.optional("threshold", kind::whole(1..=100)).map_or_else(Policy::default, Policy::new);
    table.section("actions", "[policy.actions]", |actions| {
        for (key, value) in actions.entries() {
            let Ok(category) = key.value.parse::<Category>() else {
                let known = Category::ALL.iter().map(|category| category.code());
                actions.tell(format!("`{}` is not a category", key.value), key.at, kind::unknown_word(key.value, known));
                continue;
            };
            let set = kind::one_of(&ACTIONS.map(|action| (action.as_str(), action)))(value.value).and_then(|action| {
                let hint = "remove the line: the default is the least that is allowed";
                policy.set(category, action).map_err(|loosened| wrong(loosened.to_string(), hint))
            });
            if let Err(refused) = set {
                actions.tell(format!("`{category}` of [policy.actions] cannot be used"), value.at, refused);
            }
        }
    });
    policy
}

/// Of `[policy]`, when a rule holds too much.
pub(super) fn hold_limit(table: &Table<'_>) -> HoldLimit {
    let default = HoldLimit::default();
    HoldLimit {
        cases: table.optional("most_held", kind::whole(1..=1_000_000)).unwrap_or(default.cases),
        share: table.optional("most_held_share", kind::share(0.0..=1.0)).unwrap_or(default.share),
    }
}

pub(super) fn notice(table: &Table<'_>, issuers: &Issuers) -> Option<Notice> {
    let from = table.required("from", "\"mailwarden@school.example\"", kind::address);
    let smtp_host = table.required("smtp_host", "\"smtp.school.example\"", kind::text);
    let security = security(table, smtp_host.as_deref());
    let default_port = match security {
        Security::Plaintext => 25,
        Security::StartTls => 587,
        Security::Tls => 465,
    };
    let smtp_port = table.optional("smtp_port", kind::whole(1..=u16::MAX)).unwrap_or(default_port);
    let ca_file = ca_file(table);
    let user = table.placed("user", kind::text);
    let password = password(table);
    let issuer = issuers.named_by(table);
    let login = match (user, password, issuer) {
        (Some(user), None, Named::Issuer(issuer)) => Some(SmtpLogin::Token { user: user.value, issuer }),
        (_, _, Named::Issuer(_)) => {
            let hint = "give `user` and `oauth`, or `user` and a password";
            table.tell("`oauth` of [notice] cannot be used".to_owned(), table.at(), wrong("a token needs a `user` and no password", hint));
            None
        }
        (Some(user), Some(password), Named::Nobody) => Some(SmtpLogin::Password { user: user.value, password }),
        (_, _, Named::Faulty) | (None, None, Named::Nobody) => None,
        (Some(user), None, Named::Nobody) => {
            let hint = "add `password_file`, `credential` or `oauth`, or remove `user`";
            table.tell("`user` of [notice] has no password".to_owned(), user.at, wrong("the mail server would ask for it", hint));
            None
        }
        (None, Some(_), Named::Nobody) => {
            table.tell(
                "the password of [notice] has no user".to_owned(),
                table.at(),
                wrong("nobody can log in with a password alone", "add `user`"),
            );
            None
        }
    };
    let link = table.optional("link", |value| {
        let link = kind::text(value)?;
        let hint = "write it like \"https://intranet.school.example/case/{codename}\"";
        if !link.starts_with("https://") {
            return Err(wrong("it is not an https address", hint));
        }
        if link.contains("{codename}") { Ok(link) } else { Err(wrong("it does not hold `{codename}`", hint)) }
    });
    Some(Notice { from: from?, smtp_host: smtp_host?, smtp_port, security, ca_file, login, link })
}

pub(super) fn contact(table: &Table<'_>) -> Option<Contact> {
    let recipient = table.required("recipient", "\"dsl\"", kind::one_of(&Recipient::ALL.map(|recipient| (recipient.as_str(), recipient))));
    let name = table.required("name", "\"Amber Heron\"", kind::text);
    let address = table.required("address", "\"dsl@school.example\"", kind::address);
    Some(Contact { recipient: recipient?, name: name?, address: address? })
}

/// How the connection to `host` is protected: TLS unless said otherwise, and in plain text only to this machine.
pub(super) fn security(table: &Table<'_>, host: Option<&str>) -> Security {
    let words = [("tls", Security::Tls), ("starttls", Security::StartTls), ("plaintext", Security::Plaintext)];
    table
        .optional("security", |value| {
            let security = kind::one_of(&words)(value)?;
            match host {
                Some(host) if security == Security::Plaintext && !is_loopback(host) => Err(wrong(
                    format!("`{host}` is another machine: passwords and mail would cross the network in plain text"),
                    "write \"tls\" or \"starttls\"; \"plaintext\" is for `localhost` alone",
                )),
                _ => Ok(security),
            }
        })
        .unwrap_or(Security::Tls)
}

pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

pub(super) fn ca_file(table: &Table<'_>) -> Option<PathBuf> {
    table.optional("ca_file", |value| {
        let path = table.beside(&kind::text(value)?);
        match roots(&path) {
            Ok(_) => Ok(path),
            Err(why) => {
                Err(wrong(format!("{}: {why}", path.display()), "name a file of certificates in PEM form that mailwarden may read"))
            }
        }
    })
}

/// `password_file` or `credential`, and that what they name can be used.
pub(super) fn password(table: &Table<'_>) -> Option<Password> {
    let file = path(table, "password_file");
    let credential = table.placed("credential", |value| {
        let name = kind::text(value)?;
        if name.contains('/') { Err(wrong("it holds a `/`", "write the name alone, as in `LoadCredential=`")) } else { Ok(name) }
    });
    let password = match (file, credential) {
        (Some(_), Some(credential)) => {
            let what = "there are two passwords where one is needed".to_owned();
            table.tell(what, credential.at, wrong("`password_file` and `credential` are both set", "remove one of the two"));
            return None;
        }
        (Some(file), None) => Password::File(file),
        (None, Some(credential)) => Password::Credential(credential.value),
        (None, None) => return None,
    };
    if table.passwords() == Passwords::LeftAlone {
        return Some(password);
    }
    match password.read() {
        Err(fault) if password.within_reach() => {
            table.tell_of(fault);
            None
        }
        _ => Some(password),
    }
}

pub(super) fn path(table: &Table<'_>, key: &'static str) -> Option<PathBuf> {
    table.optional(key, kind::text).map(|written| table.beside(&written))
}

/// Of directories that nobody asked for by name, those that are there.
fn present<const N: usize>(directories: [PathBuf; N]) -> Vec<PathBuf> {
    directories.into_iter().filter(|directory| directory.is_dir()).collect()
}
