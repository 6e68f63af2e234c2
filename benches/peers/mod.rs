//! What the benches share: the peers, the mail they are fed, how their cost is read, and how a figure is told.

pub mod bare;
pub mod cpu;
pub mod desk;
pub mod dovecot;
pub mod figure;
pub mod http;
pub mod mails;
pub mod memory;
pub mod nasty;
pub mod ours;
pub mod python;
pub mod rspamd;
pub mod sink;
pub mod vectorscan;

use std::fs::Permissions;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};
use tempfile::TempDir;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Whether a peer's program is here. When it is not, root installs the Debian packages that bring it.
pub fn present(program: &str, packages: &[&str]) -> bool {
    let here = || Path::new(program).exists();
    if !here() && geteuid().is_root() {
        eprintln!("# {program} is missing: installing {}", packages.join(" "));
        let apt = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            command.arg("-qq").args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
            command.status().is_ok_and(|status| status.success())
        };
        if !(apt(&["update"]) && apt(&[&["install", "-y", "--no-install-recommends"], packages].concat())) {
            eprintln!("# apt-get could not install {}", packages.join(" "));
        }
    }
    here()
}

/// The account a peer runs as: root lends it `nobody`, anyone else runs it as herself.
pub struct Account {
    pub user: String,
    pub group: String,
}

impl Account {
    pub fn unprivileged() -> Result<Self> {
        if geteuid().is_root() {
            return Ok(Self { user: "nobody".to_owned(), group: "nogroup".to_owned() });
        }
        let name = |of: &str| -> Result<String> { Ok(String::from_utf8(Command::new("id").arg(of).output()?.stdout)?.trim().to_owned()) };
        Ok(Self { user: name("-un")?, group: name("-gn")? })
    }

    /// Gives a folder and all it holds to this account, as far as root does it.
    pub fn take(&self, folder: &Path) -> Result<()> {
        if geteuid().is_root()
            && !Command::new("chown").arg("-R").arg(format!("{}:{}", self.user, self.group)).arg(folder).status()?.success()
        {
            return Err(format!("{} could not be given to {}", folder.display(), self.user).into());
        }
        Ok(())
    }
}

/// A peer that runs in the foreground until it is dropped.
pub struct Server {
    process: Child,
}

impl Server {
    /// # Errors
    /// When nothing answers on the port within a minute, with what the server last wrote to its log.
    pub fn start(command: &mut Command, port: u16, log: &Path) -> Result<Self> {
        if geteuid().is_root() {
            // 65534 is `nobody` and `nogroup` on Debian; the standard library drops the supplementary groups as well.
            command.uid(65534).gid(65534);
        }
        let mut server = Self { process: command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()? };
        let started = Instant::now();
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if server.process.try_wait()?.is_some() || started.elapsed() > Duration::from_mins(1) {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                return Err(
                    format!("{command:?} does not answer on port {port}: {}", said.lines().last().unwrap_or("it logged nothing")).into()
                );
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    pub fn id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

/// Asks a child to end, waits for it, and puts it down after ten seconds.
pub fn stop(child: &mut Child) {
    let asked = Instant::now();
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // It may have ended by itself, which is as good.
        let _ = kill_process(pid, Signal::TERM);
    }
    while matches!(child.try_wait(), Ok(None)) {
        if asked.elapsed() > Duration::from_secs(10) {
            let _ = child.kill();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A folder that goes when it is dropped, and that another account may enter.
pub fn folder() -> Result<TempDir> {
    Ok(tempfile::Builder::new().prefix("mailwarden-bench-").permissions(Permissions::from_mode(0o755)).tempdir()?)
}

/// A port that was free a moment ago, as the kernel chooses it.
pub fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}
