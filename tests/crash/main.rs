//! Nothing is lost, told twice under two names, or removed without a sealed copy, wherever the process dies.

#[path = "../support/mod.rs"]
mod support;
mod trial;

use std::os::unix::process::ExitStatusExt;

use mailwarden::steps::STEPS;
use trial::{Ground, Trial};

const SIGKILL: i32 = 9;

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
