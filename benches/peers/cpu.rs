//! The processor time and the memory of processes, as the kernel counts them in `/proc`.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, getpid, set_child_subreaper, waitpid};

use super::Result;

/// `USER_HZ`: Linux tells every process's time in hundredths of a second, whatever its own clock does.
const TICK: Duration = Duration::from_millis(10);

/// A command that has ended, and what it cost with everything it had started.
pub struct Ended {
    pub output: Output,
    pub cpu: Duration,
    pub wall: Duration,
}

/// Runs a command to its end and to that of every process it started, be they waited for or left behind.
///
/// # Errors
/// When it fails, or when what it left behind is still there after ten seconds.
pub fn run(command: &mut Command) -> Result<Ended> {
    // Orphans come to us, so that no time is lost with them.
    set_child_subreaper(Some(getpid()))?;
    let others = children(std::process::id())?;
    let waited = waited_for()?;
    let started = Instant::now();
    let output = command.stdin(Stdio::null()).output()?;
    let wall = started.elapsed();
    loop {
        let left: Vec<u32> = children(std::process::id())?.difference(&others).copied().collect();
        if left.is_empty() {
            break;
        }
        if started.elapsed() > wall + Duration::from_secs(10) {
            return Err(format!("{command:?} left processes behind: {left:?}").into());
        }
        for orphan in left {
            waitpid(i32::try_from(orphan).ok().and_then(Pid::from_raw), WaitOptions::NOHANG)?;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    if !output.status.success() {
        return Err(format!("{command:?} ended with {}: {}", output.status, String::from_utf8_lossy(&output.stderr).trim_end()).into());
    }
    Ok(Ended { output, cpu: waited_for()?.saturating_sub(waited), wall })
}

/// What a living process has used itself.
pub fn of(process: u32) -> Result<Duration> {
    let [user, system, ..] = times(process)?;
    Ok(TICK * (user + system))
}

/// What a living process and its living descendants have used, with every child that they have waited for.
pub fn of_tree(process: u32) -> Result<Duration> {
    tree(process)?.into_iter().try_fold(Duration::ZERO, |sum, one| Ok(sum + TICK * times(one)?.iter().sum::<u32>()))
}

/// Octets that a process holds, every page shared with others counted in equal parts.
pub fn memory(process: u32) -> Result<u64> {
    let rollup =
        fs::read_to_string(format!("/proc/{process}/smaps_rollup")).map_err(|error| format!("the memory of process {process}: {error}"))?;
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).ok_or("smaps_rollup tells no Pss")?;
    Ok(line.trim().trim_end_matches("kB").trim_end().parse::<u64>()? * 1024)
}

/// A process and its living descendants.
pub fn tree(process: u32) -> Result<Vec<u32>> {
    let mut found = vec![process];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(children(parent)?);
        next += 1;
    }
    Ok(found)
}

pub fn children(process: u32) -> Result<BTreeSet<u32>> {
    let mut found = BTreeSet::new();
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end while we look.
        let listed = fs::read_to_string(thread?.path().join("children")).unwrap_or_default();
        for child in listed.split_whitespace() {
            found.insert(child.parse()?);
        }
    }
    Ok(found)
}

/// What our own ended children used, with theirs.
fn waited_for() -> Result<Duration> {
    let [_, _, user, system] = times(std::process::id())?;
    Ok(TICK * (user + system))
}

/// User and system time of a process, then of the children it has waited for, in ticks. Source: proc(5), fields 14 to 17 of `stat`.
fn times(process: u32) -> Result<[u32; 4]> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field, the name, stands in brackets and may hold anything.
    let (_, fields) = stat.rsplit_once(')').ok_or("/proc/PID/stat has no name in brackets")?;
    let ticks: Vec<u32> = fields.split_whitespace().skip(11).take(4).map(str::parse).collect::<std::result::Result<_, _>>()?;
    Ok(ticks.try_into().map_err(|_| "/proc/PID/stat is short")?)
}
