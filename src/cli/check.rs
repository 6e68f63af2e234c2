//! `mailwarden check`: whether the configuration is without a fault, and what would be watched.

use clap::Args;

use super::caged::{self, CageArgs};
use super::{ConfigFile, Failure, Output};
use crate::config::{Config, Directory, History, Login, Password, SmtpLogin, Watched};
use crate::sandbox::Cage;
use crate::watch;
use crate::wire::RuleSet;
use crate::worker::Nursery;

/// Check the configuration, the rules and the lists, and say what would be watched.
///
/// The rules and lists are compiled in the same cage as in the daemon, and the cage is tried. Nothing is connected to and nothing is written. The exit code is 78 when anything is wrong, even where mailwarden
/// would start all the same.
#[derive(Debug, Args)]
pub(super) struct Check {
    #[command(flatten)]
    config: ConfigFile,
    #[command(flatten)]
    cage: CageArgs,
}

impl Check {
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let config = self.config.load()?;
        let (rule_set, cage) = self.compile(&config).map_err(|mut failure| {
            failure.faults.splice(..0, config.faults.clone());
            failure
        })?;
        describe(&config, &rule_set, out)?;
        out.line(&format!("cage:    {cage}"))?;
        if config.faults.is_empty() { Ok(()) } else { Err(Failure::config(config.faults)) }
    }

    /// What would be in force, and in which cage.
    fn compile(&self, config: &Config) -> Result<(RuleSet, Cage), Failure> {
        let bundle = config.bundle().map_err(Failure::config)?;
        let options = watch::Options { allow_uncaged: self.cage.allow_uncaged }.cage(config);
        caged::block_on(async {
            let nursery = Nursery::start(&bundle, &options).await?;
            Ok((nursery.rule_set().clone(), *nursery.cage()))
        })
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
