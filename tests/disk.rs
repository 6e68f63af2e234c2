//! A disk that fills up while the daemon runs: named, told, survived, and over.
#![cfg(feature = "faults")]

mod support;

use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::Stdio;
use std::time::Duration;

use support::dovecot::Dovecot;
use support::running::Running;
use support::smtp::Smtp;
use support::warden::Warden;

const AMBER: &str = "amber@school.example";

/// To be ended and started anew makes no room, and the mailboxes would go unwatched.
#[test]
fn the_watchdog_is_fed_also_when_the_status_file_cannot_be_written() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
    // Whoever runs the test cannot write a folder.
    fs::create_dir(warden.state().join("status.json.new")).expect("a folder in the way");
    let path = warden.path().join("notify");
    let systemd = UnixDatagram::bind(&path).expect("a socket");
    systemd.set_read_timeout(Some(Duration::from_secs(30))).expect("a timeout");
    let mut command = warden.command("run");
    command.env("NOTIFY_SOCKET", &path).stderr(Stdio::null());
    let running = Running::of(&warden, command.spawn().expect("the program"));
    let mut fed = 0;
    while fed < 3 {
        let mut octets = [0; 1024];
        let length = systemd.recv(&mut octets).expect("a sign of life");
        fed += String::from_utf8_lossy(&octets[..length]).matches("WATCHDOG=1").count();
    }
    assert!(!warden.state().join("status.json").exists());
    assert!(running.stop().success());
}
