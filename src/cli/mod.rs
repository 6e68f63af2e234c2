//! The command line: one command, one file.

mod accounts;
mod caged;
mod cases;
mod check;
mod coverage;
mod destroy;
mod discretion;
mod doctor;
mod enrolment;
mod evidence;
mod failure;
mod hashes;
mod init;
mod journal;
mod key_check;
mod key_holder;
mod keys;
mod log;
mod mailboxes;
mod octets;
mod offline;
mod open;
mod output;
mod progress;
mod release;
mod remedy;
mod replace;
mod review;
mod rules;
mod run;
mod scan;
mod shelf;
mod stage;
mod status;
mod time;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, Parser, Subcommand};

use crate::config::Config;
pub use failure::{Exit, Failure};
pub use output::Output;

/// Scans a school's mailboxes for safeguarding concerns, seals what it finds, and tells the safeguarding lead.
#[derive(Debug, Parser)]
#[command(name = "mailwarden", version, max_term_width = 100, arg_required_else_help = true)]
struct CommandLine {
    /// Tell more on standard error; twice for everything.
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Accounts(accounts::Accounts),
    Cases(cases::Cases),
    Check(check::Check),
    Coverage(coverage::Coverage),
    Destroy(destroy::Destroy),
    Doctor(doctor::Doctor),
    Evidence(evidence::Evidence),
    Hashes(hashes::Hashes),
    Init(init::Init),
    Journal(journal::Journal),
    Keys(keys::Keys),
    Mailboxes(mailboxes::Mailboxes),
    Open(open::Open),
    Release(release::Release),
    Review(review::Review),
    Rules(rules::Rules),
    Run(run::Run),
    Scan(scan::Scan),
    Status(status::StatusCommand),
}

/// Where a server has its configuration.
const DEFAULT_CONFIG: &str = "/etc/mailwarden/mailwarden.toml";

/// Where the configuration lies.
#[derive(Debug, Args)]
struct ConfigFile {
    /// The configuration.
    #[arg(long, value_name = "FILE", default_value = DEFAULT_CONFIG)]
    config: PathBuf,
}

impl ConfigFile {
    /// # Errors
    /// Every fault of the configuration; those that can be survived are in the `Config`.
    fn load(&self) -> Result<Config, Failure> {
        Config::load(&self.config).map_err(Failure::config)
    }
}

/// Does what the command line says. Failures are told on standard error.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let line = match CommandLine::try_parse_from(arguments) {
        Ok(line) => line,
        // Help and the version are no errors, and go to standard output.
        Err(stop) => {
            let _ = stop.print();
            return if stop.use_stderr() { exit_code(Exit::Usage) } else { ExitCode::SUCCESS };
        }
    };
    log::to_stderr(line.verbose);
    discretion::keep();
    let mut out = Output::new();
    let done = match line.command {
        Command::Accounts(accounts) => accounts.run(&mut out),
        Command::Cases(cases) => cases.run(&mut out),
        Command::Check(check) => check.run(&mut out),
        Command::Coverage(coverage) => coverage.run(&mut out),
        Command::Destroy(destroy) => destroy.run(&mut out),
        Command::Doctor(doctor) => doctor.run(&mut out),
        Command::Evidence(evidence) => evidence.run(&mut out),
        Command::Hashes(hashes) => hashes.run(&mut out),
        Command::Init(init) => init.run(&mut out),
        Command::Journal(journal) => journal.run(&mut out),
        Command::Keys(keys) => keys.run(&mut out),
        Command::Mailboxes(mailboxes) => mailboxes.run(&mut out),
        Command::Open(open) => open.run(&mut out),
        Command::Release(release) => release.run(&mut out),
        Command::Review(review) => review.run(),
        Command::Rules(rules) => rules.run(&mut out),
        Command::Run(run) => run.run(),
        Command::Scan(scan) => scan.run(&mut out),
        Command::Status(status) => status.run(&mut out),
    };
    let flushed = out.flush().map_err(Failure::from);
    match done.and(flushed) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            output::tell(&failure.faults);
            exit_code(failure.exit)
        }
    }
}

fn exit_code(exit: Exit) -> ExitCode {
    ExitCode::from(exit as u8)
}
