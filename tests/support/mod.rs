//! Counterparts for tests: a real mail server of each kind, and one that plays a part.

#![allow(dead_code)] // Each test binary uses its share.

pub mod dovecot;
pub mod folders;
pub mod gmail;
pub mod issuer;
pub mod odd;
pub mod running;
pub mod school;
pub mod script;
pub mod slapd;
pub mod smtp;
pub mod warden;
pub mod weather;

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output};
use std::time::Duration;
use std::{fs, io, thread};

/// `nobody` and `nogroup` of Debian.
const NOBODY: u32 = 65534;

/// A port that is free now.
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("its number").port()
}

/// How a command ended, and all that it said.
pub fn said(output: &Output) -> (Option<i32>, String) {
    let text = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    (output.status.code(), text)
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// As `nobody` when root: a server under test has no business with more.
fn unprivileged(command: &mut Command) -> &mut Command {
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    command
}

/// Gives a folder and what is in it to whom [`unprivileged`] runs as.
fn hand_over(path: &Path) -> io::Result<()> {
    give(path)?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            hand_over(&entry?.path())?;
        }
    }
    Ok(())
}

/// As [`hand_over`], without what is in it.
fn give(path: &Path) -> io::Result<()> {
    if is_root() { std::os::unix::fs::lchown(path, Some(NOBODY), Some(NOBODY)) } else { Ok(()) }
}

/// Lets everybody enter a folder: its files keep their own modes.
pub fn readable(folder: &Path) -> io::Result<()> {
    fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o755))
}

/// Copies a file or a folder as it is, holes and owners included.
pub fn copy(from: &Path, to: &Path) {
    let copied = Command::new("cp").args(["--archive", "--sparse=always", "--no-target-directory"]).arg(from).arg(to).output().expect("cp");
    assert!(copied.status.success(), "{}", String::from_utf8_lossy(&copied.stderr));
}

/// Waits until something listens on a port, as long as the process that should lives.
fn await_port(port: u16, server: &mut Child) -> bool {
    for _ in 0..500 {
        if std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return true;
        }
        if server.try_wait().is_ok_and(|ended| ended.is_some()) {
            return false;
        }
        // A port has no event to wait for.
        thread::sleep(Duration::from_millis(20));
    }
    false
}

/// Ends a process that a test started, and waits for its end.
pub fn end(server: &mut Child) {
    if let Some(pid) = rustix::process::Pid::from_raw(server.id().cast_signed()) {
        let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
    }
    let _ = server.wait();
}

/// Where a program lies. Fails with the line that installs it: a test that is skipped has shown nothing.
pub fn require(program: &str, package: &str) -> PathBuf {
    // Not the caller's path: who is not root rarely has /usr/sbin in it.
    let found = ["/usr/sbin", "/usr/bin"].map(|folder| Path::new(folder).join(program)).into_iter().find(|path| path.exists());
    found.unwrap_or_else(|| panic!("this test needs {program}: apt-get install --no-install-recommends {package}"))
}
