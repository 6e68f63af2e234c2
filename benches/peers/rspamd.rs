//! The peer that scans: rspamd with one multimap of the same terms as regular expressions (Hyperscan), and nothing else.

use std::fs;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use super::{Account, Result, Server, cpu, folder, free_port, http, present};

const PROGRAM: &str = "/usr/bin/rspamd";
/// Requests in flight at once, so that the worker never waits for us.
const CONNECTIONS: usize = 4;

pub struct Rspamd {
    // Before its folder, so that it has ended when the folder goes.
    _main: Server,
    worker: u32,
    port: u16,
    /// With its version, as `rspamd-3.4`.
    pub name: String,
    _folder: TempDir,
}

/// What one pass over some mail cost the worker.
pub struct Pass {
    pub cpu: Duration,
    /// Messages in which a term was found.
    pub hits: usize,
}

impl Rspamd {
    /// `None` when rspamd is missing and could not be installed.
    pub fn start(terms: &[String]) -> Result<Option<Self>> {
        if !present(PROGRAM, &["rspamd"]) {
            return Ok(None);
        }
        let folder = folder()?;
        let (port, controller) = (free_port()?, free_port()?);
        let at = folder.path().display();
        for name in ["db", "tmp"] {
            fs::create_dir(folder.path().join(name))?;
        }
        fs::write(folder.path().join("terms.map"), terms.iter().map(|term| regexp(term)).collect::<String>())?;
        // The plugin wants the functions that rspamd's own rules define, without the rules.
        fs::write(folder.path().join("rspamd.lua"), "require \"global_functions\" ()\n")?;
        fs::write(folder.path().join("rspamd.conf"), configuration(&at.to_string(), port, controller))?;
        Account::unprivileged()?.take(folder.path())?;

        let mut command = Command::new(PROGRAM);
        command.arg("-f").arg("-c").arg(folder.path().join("rspamd.conf"));
        let main = Server::start(&mut command, port, &folder.path().join("rspamd.log"))?;
        let worker = worker_of(main.id())?;
        let version = String::from_utf8(Command::new(PROGRAM).arg("--version").output()?.stdout)?;
        let name = format!("rspamd-{}", version.split_whitespace().last().unwrap_or("unknown"));
        Ok(Some(Self { _main: main, worker, port, name, _folder: folder }))
    }

    /// Has all the mail scanned `times` times over.
    pub fn scan(&self, mails: &[Vec<u8>], times: usize) -> Result<Pass> {
        let before = cpu::of(self.worker)?;
        let scan_share = |first: usize| -> std::result::Result<usize, String> {
            let mut hits = 0;
            for mail in (0..times).flat_map(|_| mails).skip(first).step_by(CONNECTIONS) {
                let answer = http::post(self.port, "/checkv2", mail).map_err(|error| error.to_string())?;
                hits += usize::from(answer.windows(7).any(|seven| seven == b"\"TERMS\""));
            }
            Ok(hits)
        };
        let hits = thread::scope(|scope| {
            let shares: Vec<_> = (0..CONNECTIONS).map(|first| scope.spawn(move || scan_share(first))).collect();
            shares
                .into_iter()
                .map(|share| share.join().map_err(|_| "a feeder panicked".to_owned())?)
                .sum::<std::result::Result<usize, String>>()
        })?;
        Ok(Pass { cpu: cpu::of(self.worker)?.saturating_sub(before), hits })
    }
}

/// A controller is there because without one the worker would do its chores.
fn configuration(at: &str, port: u16, controller: u16) -> String {
    format!(
        r#"
lua = "{at}/rspamd.lua";
options {{
  filters = "";
  rundir = "{at}"; dbdir = "{at}/db"; hs_cache_dir = "{at}/db"; tempdir = "{at}/tmp"; pidfile = "{at}/rspamd.pid";
  url_tld = "/usr/share/rspamd/effective_tld_names.dat";
  dns {{ nameserver = ["127.0.0.1"]; }}
  disable_monitoring = true;
}}
logging {{ type = "file"; filename = "{at}/rspamd.log"; level = "error"; }}
worker "normal" {{ bind_socket = "127.0.0.1:{port}"; count = 1; }}
worker "controller" {{ bind_socket = "127.0.0.1:{controller}"; count = 1; }}
modules {{ path = "/usr/share/rspamd/plugins/multimap.lua"; }}
multimap {{ TERMS {{ type = "content"; filter = "text"; map = "{at}/terms.map"; regexp = true; score = 1; }} }}
"#
    )
}

/// A line of the map: the term as whole words, in any case.
fn regexp(term: &str) -> String {
    let mut escaped = String::with_capacity(term.len());
    for letter in term.chars() {
        if !letter.is_alphanumeric() && letter != ' ' {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    format!("/\\b{escaped}\\b/iu\n")
}

/// rspamd writes each process's role where its arguments stood. The main process listens before it forks the worker.
fn worker_of(main: u32) -> Result<u32> {
    let is_worker =
        |child: &u32| fs::read(format!("/proc/{child}/cmdline")).is_ok_and(|role| role.windows(14).any(|part| part == b"normal process"));
    let asked = Instant::now();
    loop {
        if let Some(worker) = cpu::children(main)?.into_iter().find(is_worker) {
            return Ok(worker);
        }
        if asked.elapsed() > Duration::from_secs(10) {
            return Err("rspamd has no normal worker".into());
        }
        thread::sleep(Duration::from_millis(50));
    }
}
