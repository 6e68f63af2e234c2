//! Nothing is lost, told under two names, or removed without a sealed copy, wherever the process dies.
//!
//! The ignored tests are the long form, `make faults`: `FAULTS=n` tries about so many faults, `ONLY=text` those
//! whose name holds the text, and `MAILWARDEN_NO_POWER_CUTS=1` does without what needs root and loop devices.

mod disk;
mod plan;
mod strike;
#[path = "../support/mod.rs"]
mod support;
mod trial;

use std::env;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};

use disk::Disk;
use mailwarden::steps::{MUTANTS, STEPS};
use plan::{Census, Outcome, Table, chosen, guarded, is_quick, try_all};
use rustix::process::Pid;
use strike::{Blow, Fault, Paused, Struck, kill_children};
use support::require;
use trial::{Ground, Trial};

const SIGKILL: i32 = 9;
/// Fewer faults than this that really fired are no test.
const ENOUGH: usize = 2_000;

#[test]
fn stopped_before_any_step_the_next_run_brings_everything_to_its_one_end() {
    let ground = Ground::new();
    assert!(!STEPS.is_empty(), "no step was tried");
    for step in STEPS {
        let folder = ground.folder("state");
        let trial = Trial::new(&ground, &folder.path().join("state"));
        let died = trial.warden.once(Some(step));
        assert_eq!(died.status.signal(), Some(SIGKILL), "`{step}` is never reached:\n{}", String::from_utf8_lossy(&died.stderr));
        let settled = trial.nothing_is_lost().and_then(|()| trial.run_cleanly()).and_then(|()| trial.is_settled());
        let settled = settled.unwrap_or_else(|wrong| panic!("stopped before `{step}`: {wrong}"));
        assert_eq!(settled.unread, 0, "stopped before `{step}`: a message was given up");
        trial.run_cleanly().unwrap_or_else(|wrong| panic!("{wrong}"));
        assert_eq!(trial.is_settled(), Ok(settled), "stopped before `{step}`: a further run changes something");
    }
}

#[test]
#[ignore = "long: make faults"]
fn no_kill_no_error_and_no_power_cut_at_any_system_call_loses_anything() {
    require("strace", "strace");
    let ground = Ground::new();
    let census = Census::take(&ground);
    let mut table = Table::new();
    for faults in [census.deaths(Blow::Kill, 7), census.errors(2)] {
        // Every third is struck again while it recovers.
        try_all(&mut table, &chosen(faults), |fault, at| without_power_cut(&ground, fault, at % 3 == 0, None));
    }
    let folder = ground.folder("disk");
    if let Some(image) = image(&ground, folder.path()) {
        try_all(&mut table, &chosen(census.deaths(Blow::PowerCut, 3)), |fault, _| power_cut(&ground, &image, fault, None));
    }
    for step in STEPS {
        table.enter("scan processes gone".to_owned(), step, guarded(|| without_scan_processes(&ground, step)));
    }
    table.print();
    assert!(table.wrong.is_empty(), "{}", table.wrong.join("\n"));
    assert!(table.fired > 0 && is_quick() || table.fired >= ENOUGH, "only {} faults fired", table.fired);
}

#[test]
#[ignore = "long: make faults"]
fn every_deliberate_mistake_is_noticed() {
    require("strace", "strace");
    let ground = Ground::new();
    let census = Census::take(&ground);
    let folder = ground.folder("disk");
    let image = image(&ground, folder.path());
    for mutant in MUTANTS {
        // What a process wrote and did not sync survives its own death, and dies with the power only.
        let dies_with_power = mutant != "remove-before-commit";
        if dies_with_power && image.is_none() {
            eprintln!("mutant {mutant}: NOT TRIED");
            continue;
        }
        let mut faults = census.deaths(if dies_with_power { Blow::PowerCut } else { Blow::Kill }, 3);
        // The likely ones first: late in the order the message is gone already.
        faults.reverse();
        let strike = |fault, mutant| {
            guarded(|| match &image {
                Some(image) if dies_with_power => power_cut(&ground, image, fault, mutant),
                _ => without_power_cut(&ground, fault, false, mutant),
            })
        };
        let noticed = faults.iter().enumerate().find_map(|(at, fault)| Some((at + 1, fault, strike(fault, Some(mutant)).wrong?)));
        let (tried, fault, wrong) = noticed.unwrap_or_else(|| panic!("`{mutant}` survives all of {} faults", faults.len()));
        assert_eq!(strike(fault, None).wrong, None, "{fault} finds fault without `{mutant}` too");
        eprintln!("mutant {mutant}: noticed by fault {tried}, {fault}: {wrong}");
    }
}

/// The process is struck; all that it wrote is there when it starts again.
fn without_power_cut(ground: &Ground, fault: &Fault, twice: bool, mutant: Option<&str>) -> Outcome {
    let folder = ground.folder("state");
    let trial = Trial::new(ground, &folder.path().join("state"));
    let mut struck = fault.strike(&trial.warden, mutant);
    let checked = trial.nothing_is_lost().and_then(|()| {
        if twice {
            struck.hung |= fault.strike(&trial.warden, mutant).hung;
            trial.nothing_is_lost()?;
        }
        brought_to_its_end(&trial, fault.blow == Blow::Kill)
    });
    Outcome::of(struck, checked)
}

/// The process is struck, and what it wrote and did not sync is gone. The mailbox is another machine's.
fn power_cut(ground: &Ground, image: &Path, fault: &Fault, mutant: Option<&str>) -> Outcome {
    let folder = ground.folder("disk");
    let run = folder.path().join("run.img");
    support::copy(image, &run);
    let disk = Disk::insert(&run, folder.path()).expect("a disk");
    let mut trial = Trial::new(ground, &disk.state());
    let struck = fault.strike(&trial.warden, mutant);
    let checked = disk.cut().and_then(|disk| {
        trial.moved_to(&disk.state());
        trial.nothing_is_lost()?;
        brought_to_its_end(&trial, true)
    });
    Outcome::of(struck, checked)
}

/// The kernel takes the scan processes away, as it does when memory runs out.
fn without_scan_processes(ground: &Ground, step: &'static str) -> Outcome {
    let folder = ground.folder("state");
    let trial = Trial::new(ground, &folder.path().join("state"));
    let mut command = trial.warden.command("run");
    let daemon = Paused::start(command.arg("--once").env("MAILWARDEN_PAUSE_BEFORE", step), step);
    let mut daemon = daemon.unwrap_or_else(|| panic!("`{step}` is never reached"));
    let fired = kill_children(Pid::from_child(&daemon.process)) > 0;
    let hung = daemon.go_on();
    Outcome::of(Struck { fired, hung }, trial.nothing_is_lost().and_then(|()| brought_to_its_end(&trial, false)))
}

/// Starts again, and says how many messages could not be read.
fn brought_to_its_end(trial: &Trial<'_>, scanned: bool) -> Result<usize, String> {
    trial.run_cleanly()?;
    match trial.is_settled()?.unread {
        unread if scanned && unread > 0 => Err(format!("{unread} messages were given up")),
        unread => Ok(unread),
    }
}

/// A disk with the state on it; `None` where there can be none and `MAILWARDEN_NO_POWER_CUTS=1` puts up with it.
fn image(ground: &Ground, folder: &Path) -> Option<PathBuf> {
    match Disk::format(folder, ground.state()) {
        Ok(image) => Some(image),
        Err(why) if env::var("MAILWARDEN_NO_POWER_CUTS").is_ok_and(|no| no == "1") => {
            eprintln!("NO POWER IS CUT: {why}");
            None
        }
        Err(why) => {
            panic!("no power can be cut here: {why}\nrun this as root where there are loop devices, or with MAILWARDEN_NO_POWER_CUTS=1")
        }
    }
}
