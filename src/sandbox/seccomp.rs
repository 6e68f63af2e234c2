//! The first wall: the system calls that a scan process may make. Any other one ends the process.

use std::collections::BTreeMap;

use libc::{c_int, c_long};
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq, Ne};
use seccompiler::{BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule};

use super::CageError;

/// What parsing, rayon, glibc's allocator and an orderly abort need. None of them opens anything.
///
/// `fstat` is absent on purpose: glibc makes it `newfstatat`, which takes a path.
const PLAIN: [c_long; 18] = [
    libc::SYS_brk,
    libc::SYS_clock_gettime,
    libc::SYS_close,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_futex,
    libc::SYS_getpid,
    libc::SYS_getrandom,
    libc::SYS_gettid,
    libc::SYS_lseek,
    libc::SYS_madvise,
    libc::SYS_mremap,
    libc::SYS_munmap,
    libc::SYS_restart_syscall,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sched_yield,
    libc::SYS_sigaltstack,
];

/// What the nursery needs beyond a worker: `wait4` for its own children, the calls that build a worker's
/// cage, and those that a new thread of rayon's makes.
const NURSERY: [c_long; 10] = [
    libc::SYS_clone3,
    libc::SYS_close_range,
    libc::SYS_landlock_create_ruleset,
    libc::SYS_landlock_restrict_self,
    libc::SYS_rseq,
    libc::SYS_rt_sigaction,
    libc::SYS_sched_getaffinity,
    libc::SYS_seccomp,
    libc::SYS_set_robust_list,
    libc::SYS_wait4,
];

/// A new process or thread may share with its maker what a thread shares, and may leave no namespace.
const BARRED_CLONE: c_int = libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWNET
    | libc::CLONE_NEWNS
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWUTS
    | libc::CLONE_PARENT
    | libc::CLONE_PTRACE
    | libc::CLONE_UNTRACED
    | libc::CLONE_VFORK;

/// The descriptor of a process's one channel, its standard input; standard error leads nowhere.
const CHANNEL: u64 = 0;
const STDERR: u64 = 2;

type Rules = BTreeMap<i64, Vec<SeccompRule>>;

/// Bars what a nursery may do and a worker may not: its nursery's filter, which is in force in it as well, lets no other call
/// through. A filter of all that a worker may do says the same, and takes the kernel three times as long to make ready, for each
/// worker anew.
///
/// # Errors
/// When the kernel refuses the filter.
pub fn worker() -> Result<(), CageError> {
    install(barred_to_workers(), SeccompAction::Allow, SeccompAction::KillProcess)
}

/// # Errors
/// When the kernel refuses the filter.
pub fn nursery() -> Result<(), CageError> {
    // A filter sees the flags of `clone` but not those of `clone3`, which lie in memory: glibc is told that
    // there is no `clone3` and falls back.
    let enosys = SeccompAction::Errno(libc::ENOSYS.unsigned_abs());
    install(Ok(Rules::from([(libc::SYS_clone3, Vec::new())])), SeccompAction::Allow, enosys)?;
    install(nursery_rules(), SeccompAction::KillProcess, SeccompAction::Allow)
}

fn barred_to_workers() -> Result<Rules, BackendError> {
    let common = common_rules()?;
    let beyond = nursery_rules()?.into_keys().filter(|call| !common.contains_key(call));
    let mut barred: Rules = beyond.map(|call| (call, Vec::new())).collect();
    // SIGABRT is raised by itself alone.
    let own = u64::from(std::process::id());
    barred.insert(libc::SYS_tgkill, vec![when(0, Dword, Ne, own)?]);
    Ok(barred)
}

fn nursery_rules() -> Result<Rules, BackendError> {
    let mut rules = common_rules()?;
    rules.extend(NURSERY.map(|call| (call, Vec::new())));
    let barred = bits(BARRED_CLONE);
    rules.insert(libc::SYS_clone, vec![when(0, Qword, MaskedEq(barred), 0)?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_dup2, vec![when(1, Dword, Eq, CHANNEL)?]);
    rules.insert(libc::SYS_dup3, vec![when(1, Dword, Eq, CHANNEL)?]);
    rules.insert(libc::SYS_kill, vec![when(1, Dword, Eq, bits(libc::SIGKILL))?]);
    let prctl = [libc::PR_SET_DUMPABLE, libc::PR_SET_NAME, libc::PR_SET_NO_NEW_PRIVS, libc::PR_SET_PDEATHSIG];
    rules.insert(libc::SYS_prctl, prctl.into_iter().map(|option| when(0, Dword, Eq, bits(option))).collect::<Result<_, _>>()?);
    rules.insert(libc::SYS_prlimit64, vec![when(0, Dword, Eq, 0)?]);
    // To whom, the worker's own filter says: it has another pid.
    rules.insert(libc::SYS_tgkill, vec![when(2, Dword, Eq, bits(libc::SIGABRT))?]);
    // Changes nothing; fails where there is a second thread (see `process::fork`).
    rules.insert(libc::SYS_unshare, vec![when(0, Qword, Eq, bits(libc::CLONE_THREAD))?]);
    Ok(rules)
}

fn common_rules() -> Result<Rules, BackendError> {
    let mut rules: Rules = PLAIN.into_iter().map(|call| (call, Vec::new())).collect();
    let never_executable = || when(2, Dword, MaskedEq(bits(libc::PROT_EXEC)), 0);
    rules.insert(libc::SYS_mmap, vec![never_executable()?]);
    rules.insert(libc::SYS_mprotect, vec![never_executable()?]);
    // Asks only: is the message sealed, and (std, in a debug build) is this descriptor open.
    let questions = [libc::F_GETFD, libc::F_GET_SEALS];
    rules.insert(libc::SYS_fcntl, questions.into_iter().map(|question| when(1, Dword, Eq, bits(question))).collect::<Result<_, _>>()?);
    rules.insert(libc::SYS_recvmsg, vec![when(0, Dword, Eq, CHANNEL)?]);
    let to_nobody_else = SeccompCondition::new(4, Qword, Eq, 0)?;
    rules.insert(libc::SYS_sendto, vec![SeccompRule::new(vec![SeccompCondition::new(0, Dword, Eq, CHANNEL)?, to_nobody_else])?]);
    rules.insert(libc::SYS_write, vec![when(0, Dword, Eq, STDERR)?]);
    Ok(rules)
}

fn when(
    argument: u8,
    length: seccompiler::SeccompCmpArgLen,
    comparison: seccompiler::SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, length, comparison, value)?])
}

/// A constant of the C library as a filter sees it.
fn bits(constant: c_int) -> u64 {
    u64::from(constant.cast_unsigned())
}

fn install(rules: Result<Rules, BackendError>, otherwise: SeccompAction, listed: SeccompAction) -> Result<(), CageError> {
    #[cfg(feature = "faults")]
    if super::attacks::seccomp_is_off() {
        return Ok(());
    }
    let program: BpfProgram = rules
        .and_then(|rules| SeccompFilter::new(rules, otherwise, listed, std::env::consts::ARCH.try_into()?))
        .and_then(TryInto::try_into)
        .map_err(|e| CageError::Seccomp(e.to_string()))?;
    seccompiler::apply_filter_all_threads(&program).map_err(|e| CageError::Seccomp(e.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_may_make_twenty_five_of_the_calls_of_its_nursery() {
        let (mut left, barred) = (nursery_rules().unwrap(), barred_to_workers().unwrap());
        assert!(barred.keys().all(|call| left.contains_key(call)));
        left.retain(|call, _| barred.get(call).is_none_or(|conditions| !conditions.is_empty()));
        assert_eq!(left.len(), 25);
        let own = Rules::from([(libc::SYS_tgkill, left.remove(&libc::SYS_tgkill).unwrap())]);
        assert_eq!(left, common_rules().unwrap());
        assert_ne!(own[&libc::SYS_tgkill], barred[&libc::SYS_tgkill]);
    }

    #[test]
    fn nobody_opens_connects_or_executes() {
        let nursery = nursery_rules().unwrap();
        for call in
            [libc::SYS_openat, libc::SYS_openat2, libc::SYS_socket, libc::SYS_connect, libc::SYS_execve, libc::SYS_ptrace, libc::SYS_ioctl]
        {
            assert!(!nursery.contains_key(&call), "system call {call}");
        }
    }
}
