//! The systemd units, as systemd itself judges them.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const UNIT: &str = "systemd/mailwarden.service";
const DESK: &str = "systemd/mailwarden-review.service";
/// In tenths, as `systemd-analyze security --threshold` takes it: 1.1 of 10, of which 0.8 are the network; the desk has
/// none but the socket that it is handed.
const MOST_EXPOSED: [(&str, &str); 2] = [(UNIT, "--threshold=11"), (DESK, "--threshold=4")];

fn systemd_analyze(arguments: &[&str]) -> Output {
    Command::new("systemd-analyze").args(arguments).output().expect("this test needs systemd-analyze: apt install systemd")
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[test]
fn the_services_are_no_more_exposed_than_their_network_makes_them() {
    for (unit, most) in MOST_EXPOSED {
        let output = systemd_analyze(&["security", "--offline=true", "--no-pager", most, unit]);
        assert!(said(&output).contains("Overall exposure level"), "{}", said(&output));
        assert!(output.status.success(), "{}", said(&output));
    }
}

#[test]
fn systemd_understands_every_line_of_the_units() {
    let folder = tempfile::tempdir().unwrap();
    let at = |unit: &str| folder.path().join(Path::new(unit).file_name().unwrap());
    let socket = "systemd/mailwarden-review.socket";
    fs::copy(socket, at(socket)).unwrap();
    for unit in [UNIT, DESK] {
        let text = fs::read_to_string(unit).unwrap();
        let installed = text.replace("ExecStart=/usr/bin/mailwarden", concat!("ExecStart=", env!("CARGO_BIN_EXE_mailwarden")));
        assert_ne!(text, installed, "the unit starts /usr/bin/mailwarden");
        fs::write(at(unit), installed).unwrap();
    }
    for unit in [UNIT, DESK, socket] {
        let output = systemd_analyze(&["verify", "--man=no", at(unit).to_str().unwrap()]);
        assert!(output.status.success() && said(&output).is_empty(), "{unit}: {}", said(&output));
    }
}

#[test]
fn the_unit_allows_what_the_cages_are_built_of() {
    let text = fs::read_to_string(Path::new(UNIT)).unwrap();
    let last = text.lines().rfind(|line| line.starts_with("SystemCallFilter=")).unwrap_or_default();
    for call in ["seccomp", "landlock_create_ruleset", "landlock_restrict_self", "memfd_create"] {
        assert!(last.contains(call), "`{call}` is not allowed by the last filter line, which wins");
    }
}

/// A disk that was full for an hour has room again, and nobody is there to start the service.
#[test]
fn the_service_is_started_again_however_often_it_could_not_start() {
    let text = fs::read_to_string(Path::new(UNIT)).unwrap();
    for line in ["StartLimitIntervalSec=0", "Restart=always", "RestartSec=30"] {
        assert_eq!(text.lines().filter(|written| *written == line).count(), 1, "`{line}`");
    }
    assert!(!text.contains("StartLimitBurst"), "there is no limit");
}
