//! The steps of the crash order by name, so that a test can end the process before any one of them.

/// Every step, in the order in which one held message passes them.
pub const STEPS: [&str; 13] = [
    "seal.write",
    "seal.fsync",
    "seal.prove",
    "seal.rename",
    "seal.fsync-folder",
    "record.commit",
    "remove.store",
    "remove.expunge",
    "remove.verify",
    "settle.commit",
    "notice.send",
    "notice.commit",
    "cursor.commit",
];

/// The steps of a destruction, in their order: they come to a case when people have decided so, and to no message by itself.
pub const DESTROY_STEPS: [&str; 4] = ["destroy.commit", "destroy.unlink", "destroy.fsync-folder", "destroyed.commit"];

/// The deliberate mistakes that `make faults` must notice.
pub const MUTANTS: [&str; 3] = ["no-fsync", "synchronous-normal", "remove-before-commit"];

/// Marks that the named step comes next. In a build for fault tests the process kills itself here when
/// `MAILWARDEN_STOP_BEFORE` names the step, and panics when `MAILWARDEN_PANIC_BEFORE` does; with
/// `MAILWARDEN_PAUSE_BEFORE` it says so on stderr, once, and waits for a line on stdin, so that a tracer can take hold of
/// it. In every other build this is nothing.
#[cfg(feature = "faults")]
pub fn step(name: &'static str) {
    use std::sync::atomic::{AtomicBool, Ordering};

    static PAUSED: AtomicBool = AtomicBool::new(false);
    debug_assert!(STEPS.iter().chain(&DESTROY_STEPS).any(|step| *step == name), "`{name}` is no step");
    let named = |variable| std::env::var_os(variable).is_some_and(|step| step == name);
    if named("MAILWARDEN_STOP_BEFORE") {
        let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    }
    assert!(!named("MAILWARDEN_PANIC_BEFORE"), "as the test asked");
    if named("MAILWARDEN_PAUSE_BEFORE") && !PAUSED.swap(true, Ordering::Relaxed) {
        eprintln!("paused before {name}");
        let _ = std::io::stdin().read_line(&mut String::new());
    }
}

#[cfg(not(feature = "faults"))]
#[inline]
pub fn step(_name: &'static str) {}

/// What a test puts in the place of something of this world: the free octets of the disk (`free`), the seconds until a trouble has lasted long
/// enough to be told (`lasts`). In a build for fault tests it is the number in the file of that name in the folder that `MAILWARDEN_PRETEND`
/// names, so that it can change while the process runs; else `None`.
#[cfg(feature = "faults")]
pub fn pretended(name: &'static str) -> Option<u64> {
    let folder = std::env::var_os("MAILWARDEN_PRETEND")?;
    std::fs::read_to_string(std::path::Path::new(&folder).join(name)).ok()?.trim().parse().ok()
}

#[cfg(not(feature = "faults"))]
#[inline]
pub fn pretended(_name: &'static str) -> Option<u64> {
    None
}

/// Whether the named mistake is to be made: never, but in a build for fault tests with `MAILWARDEN_MUTANT`.
#[cfg(feature = "faults")]
pub fn mutant(name: &'static str) -> bool {
    debug_assert!(MUTANTS.contains(&name), "`{name}` is no mutant");
    std::env::var_os("MAILWARDEN_MUTANT").is_some_and(|mutant| mutant == name)
}

#[cfg(not(feature = "faults"))]
#[inline]
pub fn mutant(_name: &'static str) -> bool {
    false
}
