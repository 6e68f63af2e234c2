//! For tests only: what a captured worker would try. A message whose first line is `X-Mailwarden-Attack: name`
//! makes the worker try it, from inside the cage, where a parser would otherwise run.
//!
//! A worker that lives on leaves with an exit code that says how far it came: the `errno` of what was
//! refused, or [`GOT_THROUGH`].

use std::ffi::CStr;
use std::hint::black_box;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use libc::c_long;
use rayon::prelude::*;

use super::{leave, send_all};
use crate::wire::VERSION;

/// The exit code of an attack that nothing stopped.
pub const GOT_THROUGH: i32 = 200;
/// How a message asks for an attack.
pub const HEADER: &[u8] = b"X-Mailwarden-Attack: ";

static SECCOMP_IS_OFF: AtomicBool = AtomicBool::new(false);

/// Takes the first wall away, so that the second and the third can be tested alone.
pub fn turn_seccomp_off() {
    SECCOMP_IS_OFF.store(true, Relaxed);
}

pub(super) fn seccomp_is_off() -> bool {
    SECCOMP_IS_OFF.load(Relaxed)
}

/// Does what the message asks for, if it asks for something; `input` is the sealed file that it lies in, where it does.
pub fn obey(octets: &[u8], channel: BorrowedFd<'_>, input: Option<&OwnedFd>) {
    let Some(name) = octets.strip_prefix(HEADER).and_then(|rest| rest.split(u8::is_ascii_whitespace).next()) else { return };
    match std::str::from_utf8(name).unwrap_or_default() {
        "early-exit" => leave(0),
        "lying-length" => babble(channel, &[VERSION, 0xff, 0xff, 0xff, 0xff]),
        "lying-version" => babble(channel, &[9, 0, 0, 0, 1, 0]),
        "lying-content" => babble(channel, &[VERSION, 0, 0, 0, 2, 7, 7]),
        "loop" => loop {
            black_box(());
        },
        "memory-bomb" => memory_bomb(),
        // Not an attack: what a large picture takes.
        "memory-below-the-limit" => {
            black_box(vec![0u8; 384 << 20]);
        }
        "no-answer" => loop {
            std::thread::park();
        },
        // With all of the message in its text, as a parser's panic may have it.
        "panic" => panic!("{}", octets.escape_ascii()),
        "rayon-panic" => (0..64).into_par_iter().for_each(|i| assert!(i != 33, "as the message asked")),
        "reply-drip" => drip(channel),
        "reply-flood" => loop {
            babble(channel, &[0xff; 4096]);
        },
        "scribble" => scribble(octets),
        "segv" => segv(),
        "stack-overflow" => {
            black_box(deeper(0));
        }
        "stdfs" => report(std::fs::read("/etc/passwd").map_or(-1, |_| 0)),
        "tcp" => report(std::net::TcpStream::connect("127.0.0.1:25").map_or(-1, |_| 0)),
        "thread" => report(std::thread::Builder::new().spawn(|| {}).map_or(-1, |_| 0)),
        "write-input" => call(libc::SYS_write, [input.map_or(-1, AsRawFd::as_raw_fd).into(), pointer(c"x"), 1, 0, 0, 0]),
        other => system_call(other),
    }
}

fn babble(channel: BorrowedFd<'_>, octets: &[u8]) {
    let _ = send_all(channel, octets);
}

/// A frame that says it is long, one octet at a time: each would renew a limit on silence.
fn drip(channel: BorrowedFd<'_>) {
    babble(channel, &[VERSION, 0, 0x3f, 0xff, 0xff]);
    loop {
        std::thread::park_timeout(std::time::Duration::from_millis(20));
        babble(channel, &[0]);
    }
}

fn memory_bomb() {
    let mut all = Vec::new();
    loop {
        all.push(black_box(vec![1u8; 16 << 20]));
    }
}

/// Into the message itself: what comes after it lies in the same memory.
fn scribble(octets: &[u8]) {
    // SAFETY: none is meant: the memory is the kernel's to protect, and the process ends here.
    unsafe { ptr::write_volatile(octets.as_ptr().cast_mut(), b'x') }
}

fn segv() {
    // SAFETY: none is meant: the address is not ours and the process ends here.
    unsafe { ptr::write_volatile(8 as *mut u8, 1) }
}

#[allow(unconditional_recursion)]
fn deeper(depth: u64) -> u64 {
    let here = black_box([depth; 512]);
    deeper(depth + 1) + here[3]
}

fn pointer(text: &'static CStr) -> c_long {
    text.as_ptr() as c_long
}

fn system_call(name: &str) {
    let passwd = pointer(c"/etc/passwd");
    let shell = pointer(c"/bin/true");
    let empty = [0u64; 16];
    let nothing = empty.as_ptr() as c_long;
    let local = sockaddr();
    let address = (&raw const local) as c_long;
    let anonymous: c_long = (libc::MAP_PRIVATE | libc::MAP_ANONYMOUS).into();
    let (number, arguments) = match name {
        "bpf" => (libc::SYS_bpf, [0; 6]),
        "create" => (
            libc::SYS_openat,
            [libc::AT_FDCWD.into(), pointer(c"/tmp/mailwarden-attack"), (libc::O_CREAT | libc::O_RDWR).into(), 0o600, 0, 0],
        ),
        "dup" => (libc::SYS_dup, [0; 6]),
        "execve" => (libc::SYS_execve, [shell, nothing, nothing, 0, 0, 0]),
        "fork" => (libc::SYS_clone, [libc::SIGCHLD.into(), 0, 0, 0, 0, 0]),
        "io-uring" => (libc::SYS_io_uring_setup, [8, nothing, 0, 0, 0, 0]),
        "ioctl" => (libc::SYS_ioctl, [0, libc::TIOCSTI.cast_signed(), pointer(c"x"), 0, 0, 0]),
        "kill-parent" => (libc::SYS_kill, [parent(), 0, 0, 0, 0, 0]),
        "memfd" => (libc::SYS_memfd_create, [pointer(c"x"), 0, 0, 0, 0, 0]),
        "mmap-rwx" => (libc::SYS_mmap, [0, 4096, (libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC).into(), anonymous, -1, 0]),
        "mount" => (libc::SYS_mount, [pointer(c"x"), pointer(c"/"), pointer(c"tmpfs"), 0, 0, 0]),
        "mprotect-x" => (libc::SYS_mprotect, [page(), 4096, libc::PROT_EXEC.into(), 0, 0, 0]),
        "open" => (libc::SYS_openat, [libc::AT_FDCWD.into(), passwd, 0, 0, 0, 0]),
        "openat2" => (libc::SYS_openat2, [libc::AT_FDCWD.into(), passwd, nothing, 24, 0, 0]),
        "prctl" => (libc::SYS_prctl, [libc::PR_SET_DUMPABLE.into(), 1, 0, 0, 0, 0]),
        "process-vm-readv" => (libc::SYS_process_vm_readv, [1, 0, 0, 0, 0, 0]),
        "ptrace" => (libc::SYS_ptrace, [libc::PTRACE_ATTACH.into(), 1, 0, 0, 0, 0]),
        "seccomp" => (libc::SYS_seccomp, [1, 0, 0, 0, 0, 0]),
        "setrlimit" => (libc::SYS_prlimit64, [0, libc::RLIMIT_FSIZE.into(), nothing, 0, 0, 0]),
        "fcntl" => (libc::SYS_fcntl, [0, libc::F_SETFL.into(), libc::O_NONBLOCK.into(), 0, 0, 0]),
        "socket-inet" => (libc::SYS_socket, [libc::AF_INET.into(), libc::SOCK_STREAM.into(), 0, 0, 0, 0]),
        "socket-unix" => (libc::SYS_socket, [libc::AF_UNIX.into(), libc::SOCK_STREAM.into(), 0, 0, 0, 0]),
        "sendto-address" => (libc::SYS_sendto, [0, pointer(c"x"), 1, 0, address, 16]),
        "connect" => (libc::SYS_connect, [0, address, 16, 0, 0, 0]),
        "tgkill" => (libc::SYS_tgkill, [1, 1, libc::SIGKILL.into(), 0, 0, 0]),
        "unshare" => (libc::SYS_unshare, [libc::CLONE_NEWUSER.into(), 0, 0, 0, 0, 0]),
        "fork-user-namespace" => (libc::SYS_clone, [(libc::CLONE_NEWUSER | libc::SIGCHLD).into(), 0, 0, 0, 0, 0]),
        #[cfg(target_arch = "x86_64")]
        "int80" => return int80(),
        #[cfg(target_arch = "x86_64")]
        "x32" => (0x4000_0000 + libc::SYS_open, [passwd, 0, 0, 0, 0, 0]),
        _ => leave(64),
    };
    call(number, arguments);
}

fn call(number: c_long, arguments: [c_long; 6]) {
    let [a, b, c, d, rest @ ..] = arguments;
    // SAFETY: none is meant; what lives on is judged by its exit code, and the process ends with it.
    let result = unsafe { libc::syscall(number, a, b, c, d, rest[0], rest[1]) };
    report(result);
}

fn report(result: c_long) {
    if result >= 0 {
        leave(GOT_THROUGH);
    }
    leave(std::io::Error::last_os_error().raw_os_error().unwrap_or(GOT_THROUGH));
}

/// The 32-bit door of the kernel: another table of numbers, of which 20 is `getpid`.
#[cfg(target_arch = "x86_64")]
fn int80() {
    let result: c_long;
    // SAFETY: none is meant; were the door open, `getpid` would change nothing but `rax`.
    unsafe { std::arch::asm!("int 0x80", inlateout("rax") 20 as c_long => result) };
    report(result);
}

fn parent() -> c_long {
    // Kept from before the cage, where asking for it is not barred.
    PARENT.load(Relaxed).into()
}

static PARENT: std::sync::atomic::AtomicI32 = std::sync::atomic::AtomicI32::new(0);

/// Called by the nursery before it forks: whom a worker would want to signal.
pub fn remember_parent() {
    PARENT.store(std::process::id().cast_signed(), Relaxed);
}

fn page() -> c_long {
    // SAFETY: an anonymous mapping overlaps nothing.
    unsafe {
        libc::mmap(ptr::null_mut(), 4096, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS, -1, 0) as c_long
    }
}

fn sockaddr() -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::sa_family_t::try_from(libc::AF_INET).unwrap_or_default(),
        sin_port: 25u16.to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from_ne_bytes([127, 0, 0, 1]) },
        sin_zero: [0; 8],
    }
}
