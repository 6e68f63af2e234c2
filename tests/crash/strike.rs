//! A fault that strikes the daemon at one of its system calls: `strace` takes hold of it at a named step and
//! counts from there.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};

use mailwarden::steps::STEPS;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::support::warden::Warden;

/// Where state is read and written, and where servers are spoken to.
pub const CALLS: [&str; 27] = [
    "close",
    "connect",
    "fallocate",
    "fcntl",
    "fdatasync",
    "fstat",
    "fsync",
    "ftruncate",
    "getdents64",
    "getrandom",
    "lseek",
    "mkdir",
    "newfstatat",
    "openat",
    "pread64",
    "pwrite64",
    "read",
    "recvfrom",
    "recvmsg",
    "rename",
    "sendmsg",
    "sendto",
    "socket",
    "statx",
    "unlink",
    "write",
    "writev",
];

/// A daemon that has not ended by then hangs, and is put down as the watchdog of systemd would: it ends within a
/// second, but for a server that it waits for and a runtime that could not wake its own threads.
const PATIENCE: Timespec = Timespec { tv_sec: 6, tv_nsec: 0 };

/// From where on calls are counted: the start of the process, of whose threads only the first is struck then, or
/// a step of the crash order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Since(pub Option<&'static str>);

impl Since {
    pub fn all() -> impl Iterator<Item = Self> {
        std::iter::once(None).chain(STEPS.into_iter().map(Some)).map(Self)
    }
}

impl fmt::Display for Since {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.unwrap_or("start"))
    }
}

/// What happens in place of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Blow {
    Error(&'static str),
    /// The error that does not go away.
    ErrorForGood(&'static str),
    Kill,
    PowerCut,
}

impl fmt::Display for Blow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(error) => f.write_str(error),
            Self::ErrorForGood(error) => write!(f, "{error} for good"),
            Self::Kill => f.write_str("kill"),
            Self::PowerCut => f.write_str("power cut"),
        }
    }
}

/// One fault; its text is what names it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub blow: Blow,
    pub since: Since,
    pub call: &'static str,
    /// From 1.
    pub nth: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {} {} since {}", self.blow, self.call, self.nth, self.since)
    }
}

/// What came of a fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Struck {
    pub fired: bool,
    /// The daemon neither died nor ended, and was put down.
    pub hung: bool,
}

impl Fault {
    /// Runs the daemon once, and strikes; it does not fire where the call or the step is not reached.
    pub fn strike(&self, warden: &Warden, mutant: Option<&str>) -> Struck {
        let inject = match self.blow {
            Blow::Error(error) => format!("{}:error={error}:when={}", self.call, self.nth),
            Blow::ErrorForGood(error) => format!("{}:error={error}:when={}+", self.call, self.nth),
            Blow::Kill | Blow::PowerCut => format!("{}:signal=SIGKILL:when={}", self.call, self.nth),
        };
        let (trace, hung) = traced(warden, self.since, mutant, &["-e", &format!("trace={}", self.call), "-e", &format!("inject={inject}")]);
        Struck { fired: trace.contains("(INJECTED)") || trace.contains("killed by SIGKILL") && !hung, hung }
    }
}

/// How often each system call is made from here on, at most by one thread: `strace` counts by thread.
pub fn calls(warden: &Warden, since: Since) -> BTreeMap<&'static str, usize> {
    let (trace, hung) = traced(warden, since, None, &["-e", &format!("trace={}", CALLS.join(","))]);
    assert!(!hung, "the daemon does not end when nothing is wrong");
    let mut counts: BTreeMap<(&'static str, &str), usize> = BTreeMap::new();
    for line in trace.lines() {
        // `1234  write(…`, or `write(…` where there is one thread.
        let (thread, call) = line.split_once(' ').filter(|(thread, _)| thread.parse::<u32>().is_ok()).unwrap_or(("", line));
        let name = call.trim_start().split('(').next().unwrap_or_default();
        if let Some(call) = CALLS.into_iter().find(|call| *call == name) {
            *counts.entry((call, thread)).or_default() += 1;
        }
    }
    let mut most = BTreeMap::new();
    for ((call, _), count) in counts {
        most.entry(call).and_modify(|most: &mut usize| *most = count.max(*most)).or_insert(count);
    }
    most
}

/// Runs the daemon once under `strace`, and gives the trace and whether the daemon had to be put down.
fn traced(warden: &Warden, since: Since, mutant: Option<&str>, options: &[&str]) -> (String, bool) {
    let file = warden.config().with_extension("trace");
    let mut command = warden.command("run");
    command.arg("--once");
    let mut strace = Command::new("strace");
    strace.arg("-o").arg(&file).args(options).stdin(Stdio::null());
    let mut env: Vec<_> = mutant.map(|mutant| ("MAILWARDEN_MUTANT", mutant)).into_iter().collect();
    env.extend(since.0.map(|step| ("MAILWARDEN_PAUSE_BEFORE", step)));
    let hung = match since.0 {
        None => {
            // Not with `-f`: the scan processes are children.
            strace.arg(command.get_program()).args(command.get_args()).envs(env);
            let mut daemon = strace.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("strace");
            ended(&mut daemon)
        }
        Some(step) => {
            let Some(mut daemon) = Paused::start(command.envs(env), step) else { return (String::new(), false) };
            // The scan processes that there are already are left alone.
            let mut tracer =
                strace.arg("-f").arg("-p").arg(daemon.process.id().to_string()).stderr(Stdio::piped()).spawn().expect("strace");
            let mut told = String::new();
            BufReader::new(tracer.stderr.as_mut().expect("its stderr")).read_line(&mut told).expect("a line of strace");
            assert!(told.contains("attached"), "strace does not take hold of a process: {told}");
            let hung = daemon.go_on();
            tracer.wait().expect("the end of strace");
            hung
        }
    };
    let trace = fs::read_to_string(&file).expect("a trace");
    let _ = fs::remove_file(&file);
    (trace, hung)
}

/// A daemon that waits at a step.
pub struct Paused {
    pub process: Child,
    says: ChildStdin,
    /// Kept open: it goes on writing its log, which fits in the pipe.
    _log: BufReader<ChildStderr>,
}

impl Paused {
    /// `None` when it ends without coming there.
    pub fn start(command: &mut Command, step: &str) -> Option<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program");
        let says = process.stdin.take().expect("its stdin");
        let mut log = BufReader::new(process.stderr.take().expect("its stderr"));
        let mut line = String::new();
        while line != format!("paused before {step}\n") {
            line.clear();
            if log.read_line(&mut line).expect("its log") == 0 {
                process.wait().expect("its end");
                return None;
            }
        }
        Some(Self { process, says, _log: log })
    }

    /// Lets it run to its end, and says whether it had to be put down.
    pub fn go_on(&mut self) -> bool {
        self.says.write_all(b"\n").expect("a daemon that listens");
        ended(&mut self.process)
    }
}

/// Waits for the end of a process, and brings it about when it hangs: that of `strace` is that of what it traces.
fn ended(process: &mut Child) -> bool {
    let pid = Pid::from_child(process);
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).expect("a handle of the process");
    let mut ends = [PollFd::new(&pidfd, PollFlags::IN)];
    let hung = poll(&mut ends, Some(&PATIENCE)).expect("the end of a process") == 0;
    if hung {
        kill_children(pid);
        let _ = kill_process(pid, Signal::KILL);
    }
    process.wait().expect("its end");
    hung
}

/// Kills the children of a process, and says how many.
pub fn kill_children(parent: Pid) -> usize {
    let threads = fs::read_dir(format!("/proc/{parent}/task")).expect("its threads");
    let children = threads.filter_map(|thread| fs::read_to_string(thread.ok()?.path().join("children")).ok()).collect::<String>();
    let pids = children.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?));
    pids.filter(|pid| kill_process(*pid, Signal::KILL).is_ok()).count()
}
