//! What a process may keep and use up, and how a caged process makes and ends another.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use rustix::process::{DumpableBehavior, Pid, Resource, Rlimit, Signal, WaitOptions};

/// Which side of a fork this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fork {
    Parent { child: u32 },
    Child,
}

/// No core dump and no debugger (either is an unsealed copy of a message), no rise in privileges, no descriptor
/// beyond the channel and the two that lead nowhere.
pub fn harden() -> io::Result<()> {
    rustix::process::set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    rustix::thread::set_no_new_privs(true)?;
    // SAFETY: the callers own no descriptor above 2: the nursery calls before it received any, a worker after
    // it made its channel descriptor 0 and let go of the rest. The handlers replaced are those of Rust's
    // runtime, which would turn a fault at an address into a barred system call and hide what it was.
    unsafe {
        if libc::syscall(libc::SYS_close_range, 3u32, u32::MAX, 0u32) != 0 {
            return Err(io::Error::last_os_error());
        }
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
        libc::signal(libc::SIGBUS, libc::SIG_DFL);
    }
    Ok(())
}

/// Keeps what memory one message took for the next: giving it back to the kernel and asking for it again costs more than
/// most messages do. An idle process holds a few megabytes for it.
pub fn keep_memory() {
    // SAFETY: sets two numbers of glibc's allocator, while this process has one thread.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 4 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 8 << 20);
    }
}

/// Gives the kernel back whatever pages are free now: they would never be used again.
pub fn give_memory_back() {
    // SAFETY: touches nothing that is in use.
    #[cfg(target_env = "gnu")]
    unsafe {
        libc::malloc_trim(0);
    }
}

/// Killed when the process that forked this one ends, however it ends.
pub fn die_with_parent() -> io::Result<()> {
    Ok(rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?)
}

/// Ignores what a terminal or a service manager sends to a whole group: the daemon drains first, and a
/// nursery ends when its channel closes.
pub fn outlast_the_terminal() {
    // SAFETY: `SIG_IGN` runs no code.
    unsafe {
        for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGTERM] {
            libc::signal(signal, libc::SIG_IGN);
        }
    }
}

/// The third wall: no file may grow, no core be written, and `cpu` is the processor time in seconds.
///
/// `memory` is the address space in octets, `headroom` what a process forked from this one may raise it by.
pub fn limit(memory: u64, headroom: u64, cpu: u64) -> io::Result<()> {
    let limits = [
        (Resource::As, memory, memory + headroom),
        (Resource::Core, 0, 0),
        (Resource::Cpu, cpu, cpu),
        (Resource::Fsize, 0, 0),
        (Resource::Memlock, 0, 0),
        (Resource::Nofile, 16, 16),
        (Resource::Stack, 8 << 20, 8 << 20),
    ];
    for (resource, soft, hard) in limits {
        // A limit that somebody set lower stays.
        let hard = rustix::process::getrlimit(resource).maximum.map_or(hard, |set| set.min(hard));
        rustix::process::setrlimit(resource, Rlimit { current: Some(soft.min(hard)), maximum: Some(hard) })?;
    }
    Ok(())
}

/// Makes `channel` the standard input: the one descriptor on which the cage lets a process receive and send.
///
/// # Errors
/// When the kernel refuses.
pub fn take_channel(channel: OwnedFd) -> io::Result<BorrowedFd<'static>> {
    rustix::stdio::dup2_stdin(channel.as_fd())?;
    drop(channel);
    Ok(rustix::stdio::stdin())
}

/// Waits until the threads that were joined are gone: the kernel counts one for a moment longer than `join` takes.
pub fn until_alone() {
    while only_thread().is_err() {
        std::thread::yield_now();
    }
}

/// Splits this process in two.
///
/// In a process of several threads the child would inherit locks whose holders do not exist in it. So this
/// asks the kernel first.
///
/// # Errors
/// `EINVAL` when this process has more than one thread; otherwise what the kernel says.
pub fn fork() -> io::Result<Fork> {
    only_thread()?;
    // SAFETY: this is the only thread, and only it could start another; so the child is a whole copy of its
    // parent and may do what that may.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Fork::Child),
        child => Ok(Fork::Parent { child: child.cast_unsigned() }),
    }
}

/// Asks the kernel: `unshare(CLONE_THREAD)` changes nothing, and fails where there is a second thread.
fn only_thread() -> io::Result<()> {
    // SAFETY: `CLONE_THREAD` makes `unshare` a question: nothing is unshared.
    if unsafe { libc::unshare(libc::CLONE_THREAD) } == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// Kills a child of this process, if it still runs, and waits for its end. The number cannot have passed to
/// another process meanwhile, because a child keeps it until it was waited for.
///
/// # Errors
/// `ECHILD` when `child` is none of ours.
pub fn end(child: u32) -> io::Result<ExitStatus> {
    let pid = i32::try_from(child).ok().and_then(Pid::from_raw).ok_or(rustix::io::Errno::CHILD)?;
    // Asked first, so that nothing but a child is ever signalled.
    if let Some((_, status)) = rustix::process::waitpid(Some(pid), WaitOptions::NOHANG)? {
        return Ok(ExitStatus::from_raw(status.as_raw()));
    }
    rustix::process::kill_process(pid, Signal::KILL)?;
    loop {
        match rustix::process::waitpid(Some(pid), WaitOptions::empty()) {
            Ok(Some((_, status))) => return Ok(ExitStatus::from_raw(status.as_raw())),
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            Err(e) => return Err(e.into()),
        }
    }
}

/// Ends this process at once: no destructor, no handler, nothing flushed.
pub fn leave(code: i32) -> ! {
    // SAFETY: `_exit` does not return and runs nothing of this process.
    unsafe { libc::_exit(code) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_of_several_threads_does_not_fork() {
        // The test harness runs this in a thread of its own.
        assert_eq!(fork().unwrap_err().raw_os_error(), Some(libc::EINVAL));
    }

    #[test]
    fn only_a_child_of_ones_own_is_ended() {
        assert_eq!(end(1).unwrap_err().raw_os_error(), Some(libc::ECHILD));
        assert_eq!(end(0).unwrap_err().raw_os_error(), Some(libc::ECHILD), "0 would be the whole group");
        assert_eq!(end(u32::MAX).unwrap_err().raw_os_error(), Some(libc::ECHILD), "-1 would be everybody");
    }
}
