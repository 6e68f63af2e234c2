//! `make demo`, as somebody at a terminal leaves it: with Ctrl-C. That it ends well by itself, `make test` sees when it runs the demo.

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};

#[test]
fn ctrl_c_closes_the_school_and_leaves_nothing_running() {
    let folder = tempfile::tempdir().unwrap();
    // The account that the servers run as has to enter it.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
    let mut demo = Command::new("tests/demo/run.sh");
    demo.env("MAILWARDEN", env!("CARGO_BIN_EXE_mailwarden")).env("TMPDIR", folder.path()).process_group(0);
    let mut demo = demo.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("the demo");
    let group = Pid::from_child(&demo);

    let mut lines = BufReader::new(demo.stdout.take().unwrap()).lines().map(Result::unwrap);
    lines.find(|line| line.contains("The other half arrives")).expect("the school opens");
    lines.find(|line| line.contains("suicide")).expect("a case is told of");
    assert!(names(folder.path()), "its servers run");
    kill_process_group(group, Signal::INT).unwrap();
    let rest: Vec<_> = lines.collect();

    assert!(demo.wait().unwrap().success(), "{rest:#?}");
    assert!(rest.iter().any(|line| line.contains("The school is closed.")), "{rest:#?}");
    let asked = Instant::now();
    while test_kill_process_group(group).is_ok() || names(folder.path()) {
        assert!(asked.elapsed() < Duration::from_secs(10), "something of the demo still runs");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Whether there is a process whose command names this folder.
fn names(folder: &Path) -> bool {
    let folder = folder.as_os_str().as_encoded_bytes();
    fs::read_dir("/proc").expect("processes").flatten().any(|process| {
        fs::read(process.path().join("cmdline")).is_ok_and(|command| command.windows(folder.len()).any(|part| part == folder))
    })
}
