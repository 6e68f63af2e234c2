//! `mailwarden check`: whether the configuration is without a fault, and what would be watched.

use clap::Args;

use super::caged::{self, CageArgs};
use super::key_check::broken_keys;
use super::{ConfigFile, Exit, Failure, Output};
use crate::config::{Config, Directory, History, Login, Named, Password, SmtpLogin, Watched};
use crate::sandbox::Cage;
use crate::watch;
use crate::wire::RuleSet;
use crate::worker::{CageOptions, Nursery};

/// Check the configuration, the rules and the lists, and say what would be watched.
///
/// The rules and lists are compiled in the same cage as in the daemon, and the cage is tried; the keys that are there are read.
/// Nothing is connected to and nothing is written. Everything that is wrong is told at once, and the exit code is 78 then, even
/// where mailwarden would start all the same.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    cage: CageArgs,
}

impl Check {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let (config, mut faults) = match self.config.load() {
            Ok(config) => (Some(config), Vec::new()),
            Err(failure) => (None, failure.faults),
        };
        faults.extend(config.iter().flat_map(|config| config.faults.clone()));
        // What it names is looked at although it has faults.
        let named = config.as_ref().map(Config::named).or_else(|| Config::named_in(&self.config.config));
        let compiled = named.as_ref().map(|named| self.compile(named, config.as_ref()));
        let keys = named.as_ref().map(|named| broken_keys(&named.state)).unwrap_or_default();
        match (compiled, &config) {
            (Some(Ok((rule_set, cage))), Some(config)) => {
                describe(config, &rule_set, out)?;
                out.line(&format!("cage:    {cage}"))?;
            }
            (Some(Err(failure)), _) if failure.exit != Exit::Config && faults.is_empty() && keys.is_empty() => return Err(failure),
            (Some(Err(failure)), _) => faults.extend(failure.faults),
            _ => {}
        }
        faults.extend(keys);
        if faults.is_empty() { Ok(()) } else { Err(Failure::config(faults)) }
    }

    /// What would be in force, and in which cage.
    fn compile(&self, named: &Named, config: Option<&Config>) -> Result<(RuleSet, Cage), Failure> {
        let (bundle, mut faults) = named.bundle();
        if config.is_none() && bundle.rules.is_empty() {
            // That there is none may come of the configuration's faults.
            faults.retain(|fault| fault.at.as_ref().is_none_or(|at| at.file != named.file));
        }
        let uncaged = watch::Options { allow_uncaged: self.cage.allow_uncaged };
        let options = config.map_or_else(
            || CageOptions { allow_uncaged: self.cage.allow_uncaged, ..CageOptions::default() },
            |config| uncaged.cage(config),
        );
        let compiled = caged::block_on(async {
            let nursery = Nursery::start(&bundle, &options).await?;
            Ok((nursery.rule_set().clone(), *nursery.cage()))
        });
        match compiled {
            compiled if faults.is_empty() => compiled,
            Ok(_) => Err(Failure::config(faults)),
            Err(failure) => Err(Failure::config(faults.into_iter().chain(failure.faults).collect())),
        }
    }
}

fn describe(config: &Config, rule_set: &RuleSet, out: &mut Output) -> Result<(), Failure> {
    let rows: Vec<_> = config.mailboxes.iter().map(row).collect();
    out.table(["mailbox", "group", "role", "server", "signs in as", "secret"], &rows)?;

    let history = match config.watch.history {
        History::Scan => "with the mail that is there already",
        History::Skip => "for new mail only",
    };
    out.line(&format!("watched: {} mailboxes of {}, {history}", config.mailboxes.len(), config.school.name))?;
    if let Some(Directory { host, port, .. }) = &config.directory {
        let when = if config.mailboxes.is_empty() { "it was not asked yet" } else { "as it said last" };
        out.line(&format!("asked:   {host}:{port} who has a mailbox, {when}; `mailwarden mailboxes refresh` asks now"))?;
    }
    let RuleSet { id, rules, terms, list_entries, .. } = rule_set;
    out.line(&format!("rules:   {id}: {rules} with {terms} terms; {list_entries} digests in lists"))?;
    for contact in &config.contacts {
        out.line(&format!("told:    {}, as {}, at {}", contact.name, contact.recipient, contact.address))?;
    }
    out.line(&format!("state:   {}", config.state.directory.display()))?;
    if passwords(config).any(|password| !password.within_reach()) {
        out.line("note:    credentials are handed over by systemd, and were not checked")?;
    }
    Ok(())
}

fn row(watched: &Watched) -> [String; 6] {
    let user = match &watched.login {
        Login::Master { user, master, separator, .. } => format!("{user}{separator}{master}"),
        Login::Own { user, .. } => user.clone(),
        Login::Plain { name, instead_of: Some(user), .. } => format!("{name} as {user}"),
        Login::Plain { name, instead_of: None, .. } => name.clone(),
        Login::Token { user, issuer, .. } => format!("{user}, by a token of {}", issuer.name),
    };
    let secret = watched.login.secret();
    let mailbox = &watched.mailbox;
    [mailbox.address.to_string(), mailbox.group.clone(), mailbox.role.to_string(), watched.server.name.clone(), user, secret.to_string()]
}

fn passwords(config: &Config) -> impl Iterator<Item = &Password> {
    let of_mailboxes = config.mailboxes.iter().map(|watched| watched.login.secret());
    let of_directory = config.directory.iter().filter_map(|directory| Some(&directory.login.as_ref()?.1));
    of_mailboxes.chain(config.notice.login.iter().map(SmtpLogin::secret)).chain(of_directory)
}
