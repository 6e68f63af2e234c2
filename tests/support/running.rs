//! A daemon at work, and waiting for what it is to do.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use mailwarden::casebook::Trouble;
use mailwarden::watch::{Board, Status};
use rustix::process::{Pid, Signal, kill_process};

use super::warden::Warden;

/// For anything that is to happen at once, on a machine that is busy with other tests.
const SOON: Duration = Duration::from_secs(30);

/// A daemon that is ended with the test.
pub struct Running<'a> {
    warden: &'a Warden,
    daemon: Child,
}

impl<'a> Running<'a> {
    pub fn start(warden: &'a Warden) -> Self {
        Self::started(warden, warden.start().expect("the program"))
    }

    /// As soon as it has looked into every mailbox.
    pub fn started(warden: &'a Warden, daemon: Child) -> Self {
        let running = Self::of(warden, daemon);
        running.until("every mailbox was polled", |status| status.mailboxes.values().all(|mailbox| mailbox.last_poll.is_some()));
        running
    }

    pub fn of(warden: &'a Warden, daemon: Child) -> Self {
        Self { warden, daemon }
    }

    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.daemon)
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).expect("a process of ours");
    }

    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.daemon.wait().expect("a process of ours")
    }

    /// Waits for what the board tells: a file has no event to wait for.
    pub fn until(&self, what: &str, wanted: impl Fn(&Status) -> bool) -> Status {
        eventually(what, || Board::read(self.warden.state()).ok().filter(|status| status.pid == self.daemon.id() && wanted(status)))
    }

    /// Waits until the technician has, or has no more, a trouble of this kind.
    pub fn until_trouble(&self, trouble: Trouble, lasts: bool) {
        let at_hand = || self.warden.book().troubles().expect("troubles").iter().any(|episode| episode.trouble == trouble);
        eventually(&format!("{} is {lasts}", trouble.as_str()), || (at_hand() == lasts).then_some(()));
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

pub fn eventually<T>(what: &str, look: impl FnMut() -> Option<T>) -> T {
    within(SOON, what, look)
}

pub fn within<T>(time: Duration, what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + time;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "not within {time:?}: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

pub fn until_cases(warden: &Warden, count: usize) {
    eventually(&format!("{count} cases"), || (warden.cases().len() == count).then_some(()));
}
