//! The cage, tried from inside: a real worker of the real program does what a captured one would, and the
//! daemon's side lives on and says what happened. `cargo test --features faults --test cage`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use jiff::civil::Date;
use mailwarden::finding::{Incomplete, Reason, Report};
use mailwarden::sandbox::Cage;
use mailwarden::wire::{Bundle, MAX_SMALL, Message, SourceFile};
use mailwarden::worker::{CageOptions, Loss, Nursery, Pool, PoolError, Standing, StartError, World};
use sha2::{Digest, Sha256};

/// Ample for a machine under load; attacks that wait for their deadline have a short one of their own.
const DEADLINE: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_secs(1);

/// The ABI of landlock with which it bars connections too: Linux 6.7.
const LANDLOCK_KNOWS_TCP: u8 = 4;

const SIGSYS: Loss = Loss::Signal(libc::SIGSYS);

fn options() -> CageOptions {
    CageOptions { executable: env!("CARGO_BIN_EXE_mailwarden").into(), ..CageOptions::default() }
}

fn bundle() -> Bundle {
    Bundle::default()
}

async fn pool(options: &CageOptions, workers: usize, deadline: Duration) -> Pool {
    Pool::new(Nursery::start(&bundle(), options).await.expect("a nursery"), workers, deadline)
}

fn attack(name: &str) -> Message {
    Message::from_octets(format!("X-Mailwarden-Attack: {name}\r\nSubject: test\r\n\r\n").as_bytes()).expect("memory")
}

/// Too large for the tray of small messages: it travels in a memory file of its own.
fn large_attack(name: &str) -> Message {
    let padding = " ".repeat(usize::try_from(MAX_SMALL).expect("a size"));
    Message::from_octets(format!("X-Mailwarden-Attack: {name}\r\nSubject: test\r\n\r\n{padding}").as_bytes()).expect("memory")
}

fn benign() -> Message {
    Message::from_octets(b"Subject: test\r\n\r\nThe trip is on Friday.\r\n").expect("memory")
}

async fn examine(pool: &Pool, message: &Message, want_facts: bool) -> Result<Report, PoolError> {
    let mut reports = pool.examine(std::slice::from_ref(message), want_facts).await?;
    Ok(reports.pop().expect("a report for the message"))
}

fn is_unread(report: &Report, reason: Reason) -> bool {
    report.incomplete == [Incomplete { part: String::new(), reason }] && report.findings.is_empty()
}

/// Each attack must end both workers that tried it in this way, leave its message unread, and harm no other.
async fn each_ends(pool: &Pool, attacks: &[&str], loss: Loss) {
    for name in attacks {
        ends(pool, &attack(name), loss, name).await;
    }
}

async fn ends(pool: &Pool, attack: &Message, loss: Loss, name: &str) {
    let before = pool.losses();
    let report = examine(pool, attack, false).await.expect("no message fails the pool");
    assert_eq!(since(pool, &before), BTreeMap::from([(loss, 2)]), "{name}");
    assert!(is_unread(&report, loss.reason()), "{name}: the message is not unread");
    let report = examine(pool, &benign(), false).await.expect("the next message is examined");
    assert!(report.incomplete.is_empty(), "{name}: the next message suffered");
}

#[tokio::test]
async fn no_message_is_changed_by_whoever_reads_it() {
    let pool = pool(&options(), 1, DEADLINE).await;
    ends(&pool, &attack("scribble"), Loss::Signal(libc::SIGSEGV), "into the tray").await;
    ends(&pool, &large_attack("scribble"), Loss::Signal(libc::SIGSEGV), "into the mapped file").await;
    ends(&pool, &large_attack("write-input"), SIGSYS, "into the file").await;
}

#[tokio::test]
async fn a_message_that_ends_its_worker_harms_no_other_of_its_parcel() {
    let pool = pool(&options(), 1, DEADLINE).await;
    let reports = pool.examine(&[benign(), attack("open"), benign()], false).await.unwrap();
    let unread: Vec<_> = reports.iter().map(|report| is_unread(report, Reason::WorkerDied)).collect();
    assert_eq!(unread, [false, true, false]);
    assert!(reports[0].incomplete.is_empty() && reports[2].incomplete.is_empty());
}

/// What the daemon's own environment holds is not for the process that meets hostile octets.
#[tokio::test]
async fn a_scan_process_inherits_neither_the_environment_nor_the_folder() {
    use std::os::unix::fs::PermissionsExt;

    assert!(std::env::vars_os().next().is_some(), "there is something to inherit");
    let folder = tempfile::tempdir().unwrap();
    let [program, environment, place] = ["program", "environment", "folder"].map(|name| folder.path().join(name));
    let script = format!("#!/bin/sh\ncat /proc/$$/environ > {}\npwd > {}\n", environment.display(), place.display());
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let started = Nursery::start(&bundle(), &CageOptions { executable: program, ..options() }).await;
    assert!(started.is_err(), "it is no scan process");
    assert_eq!(std::fs::read_to_string(environment).unwrap(), "");
    assert_eq!(std::fs::read_to_string(place).unwrap(), "/\n");
}

fn since(pool: &Pool, before: &BTreeMap<Loss, u64>) -> BTreeMap<Loss, u64> {
    let counts = pool.losses().into_iter().map(|(loss, count)| (loss, count - before.get(&loss).copied().unwrap_or_default()));
    counts.filter(|(_, count)| *count > 0).collect()
}

#[tokio::test]
async fn a_caged_worker_examines_a_message() {
    let pool = pool(&options(), 1, DEADLINE).await;
    assert!(matches!(pool.cage(), Cage::Enforced { .. }), "{}", pool.cage());
    eprintln!("cage: {}", pool.cage());
    let report = examine(&pool, &benign(), false).await.unwrap();
    assert!(report.incomplete.is_empty() && report.parts == 1);
    assert!(pool.losses().is_empty());
}

/// Together they are more than the tray holds.
#[tokio::test]
async fn many_messages_that_are_nearly_large_are_examined_at_once() {
    let pool = pool(&options(), 1, DEADLINE).await;
    let nearly = " ".repeat(usize::try_from(MAX_SMALL).expect("a size") - 100);
    let messages = [(); 3].map(|()| Message::from_octets(format!("Subject: test\r\n\r\n{nearly}").as_bytes()).expect("memory"));
    let reports = pool.examine(&messages, false).await.unwrap();
    assert!(reports.len() == 3 && reports.iter().all(|report| report.parts == 1 && report.incomplete.is_empty()));
    assert!(pool.losses().is_empty());
}

#[tokio::test]
async fn a_system_call_off_the_list_is_a_workers_last() {
    let pool = pool(&options(), 1, DEADLINE).await;
    let calls = "bpf connect create dup execve fcntl fork fork-user-namespace io-uring ioctl kill-parent memfd mmap-rwx mount \
        mprotect-x open openat2 prctl process-vm-readv ptrace seccomp sendto-address setrlimit socket-inet socket-unix stdfs \
        tcp tgkill thread unshare";
    let calls: Vec<_> = calls.split_whitespace().collect();
    each_ends(&pool, &calls, SIGSYS).await;
}

#[cfg(target_arch = "x86_64")]
#[tokio::test]
async fn the_kernels_other_doors_are_shut() {
    let pool = pool(&options(), 1, DEADLINE).await;
    each_ends(&pool, &["int80", "x32"], SIGSYS).await;
}

#[tokio::test]
async fn a_broken_worker_is_replaced() {
    let pool = pool(&options(), 1, DEADLINE).await;
    each_ends(&pool, &["panic", "rayon-panic"], Loss::Panicked).await;
    each_ends(&pool, &["segv", "stack-overflow"], Loss::Signal(libc::SIGSEGV)).await;
    each_ends(&pool, &["early-exit"], Loss::Exit(0)).await;
}

#[tokio::test]
async fn a_memory_bomb_meets_its_limit() {
    let pool = pool(&options(), 1, DEADLINE).await;
    each_ends(&pool, &["memory-bomb"], Loss::Signal(libc::SIGABRT)).await;
}

#[tokio::test]
async fn a_worker_may_use_more_memory_than_its_nursery() {
    let pool = pool(&options(), 1, DEADLINE).await;
    assert!(examine(&pool, &attack("memory-below-the-limit"), false).await.unwrap().incomplete.is_empty());
    assert!(pool.losses().is_empty());
}

#[tokio::test]
async fn a_frame_that_lies_is_the_workers_last() {
    let pool = pool(&options(), 1, DEADLINE).await;
    each_ends(&pool, &["lying-content", "lying-length", "lying-version", "reply-flood"], Loss::Babbled).await;
}

#[tokio::test]
async fn no_word_of_a_worker_moves_its_deadline() {
    let pool = pool(&options(), 1, SHORT).await;
    let begun = Instant::now();
    let attacks = ["loop", "no-answer", "reply-drip"];
    each_ends(&pool, &attacks, Loss::Deadline).await;
    let tries = 2 * u32::try_from(attacks.len()).unwrap();
    let over = begun.elapsed().saturating_sub(SHORT * tries);
    eprintln!("{tries} deadlines of {SHORT:?} were kept to {over:?} in all");
    assert!(over < SHORT * tries, "deadlines were overrun by {over:?}");
}

/// Threads of a worker are in the same cage: the filter holds for all of them.
#[tokio::test]
async fn a_worker_of_several_threads_is_as_caged() {
    let options = CageOptions { threads: 2, ..options() };
    let pool = pool(&options, 1, DEADLINE).await;
    each_ends(&pool, &["open", "thread"], SIGSYS).await;
    each_ends(&pool, &["rayon-panic"], Loss::Panicked).await;
}

/// A worker that lives on tells by its exit code which `errno` refused it, never `attacks::GOT_THROUGH`.
#[tokio::test]
async fn without_seccomp_landlock_and_the_limits_still_deny() {
    let options = CageOptions { without_seccomp: true, messages_per_worker: 1, ..options() };
    let pool = pool(&options, 1, DEADLINE).await;
    let Cage::Enforced { landlock: Some(abi) } = pool.cage() else {
        eprintln!("SKIPPED: this kernel has no landlock");
        return;
    };
    each_ends(&pool, &["create", "execve", "open", "stdfs"], Loss::Exit(libc::EACCES)).await;
    if abi < LANDLOCK_KNOWS_TCP {
        eprintln!("SKIPPED: landlock does not know TCP on this kernel, seccomp alone bars it");
    } else {
        each_ends(&pool, &["tcp"], Loss::Exit(libc::EACCES)).await;
    }
    each_ends(&pool, &["kill-parent"], Loss::Exit(libc::EPERM)).await;
    ends(&pool, &large_attack("write-input"), Loss::Signal(libc::SIGXFSZ), "write-input").await;
    each_ends(&pool, &["memory-bomb"], Loss::Signal(libc::SIGABRT)).await;
}

#[tokio::test]
async fn a_worker_serves_one_message_if_told_so() {
    let options = CageOptions { messages_per_worker: 1, ..options() };
    let pool = pool(&options, 2, DEADLINE).await;
    for _ in 0..20 {
        assert!(examine(&pool, &benign(), false).await.unwrap().incomplete.is_empty());
    }
    assert!(pool.losses().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_are_examined_beside_each_other() {
    let pool = std::sync::Arc::new(pool(&options(), 2, DEADLINE).await);
    let mut all = tokio::task::JoinSet::new();
    for n in 0..200 {
        let pool = std::sync::Arc::clone(&pool);
        all.spawn(async move {
            let hostile = n % 10 == 0;
            let report = examine(&pool, &if hostile { attack("open") } else { benign() }, false).await.unwrap();
            assert_eq!(report.incomplete.is_empty(), !hostile);
        });
    }
    while let Some(done) = all.join_next().await {
        done.unwrap();
    }
    assert_eq!(pool.losses(), BTreeMap::from([(SIGSYS, 40)]));
}

#[tokio::test]
async fn a_message_that_nobody_waits_for_any_more_leaves_no_trace() {
    let pool = pool(&options(), 1, DEADLINE).await;
    let abandoned = tokio::time::timeout(SHORT / 4, examine(&pool, &attack("no-answer"), false)).await;
    assert!(abandoned.is_err());
    assert!(examine(&pool, &benign(), false).await.unwrap().incomplete.is_empty());
    assert!(pool.losses().is_empty());
}

#[tokio::test]
async fn a_second_nursery_takes_over_while_the_first_finishes() {
    let pool = pool(&options(), 2, SHORT).await;
    let old = pool.rule_set();
    let slow = attack("no-answer");
    let (report, ()) = tokio::join!(examine(&pool, &slow, false), async {
        let rule = SourceFile {
            path: PathBuf::from("hashsets/test"),
            octets: b"# mailwarden list 1\n# name: test\n# category: known-image\n# kind: sha256\n".to_vec(),
        };
        let bundle = Bundle { hash_lists: vec![rule], ..bundle() };
        pool.replace(Nursery::start(&bundle, &options()).await.expect("a second nursery"));
        assert_ne!(pool.rule_set().id, old.id);
        assert!(examine(&pool, &benign(), false).await.unwrap().incomplete.is_empty());
    });
    assert!(is_unread(&report.unwrap(), Reason::Deadline));
}

#[tokio::test]
async fn on_another_day_the_same_lists_are_in_force_as_they_are_then() {
    let file = |name: &str, text: String| SourceFile { path: PathBuf::from("hashsets").join(name), octets: text.into_bytes() };
    let digest = hex::encode(Sha256::digest(b"a file"));
    let hash_lists = vec![
        file("own.txt", format!("# mailwarden list 1\n# name: test\n# category: scam\n# kind: sha256\n{digest}\n")),
        file(
            "snoozed.toml",
            format!("[[snoozed]]\nlist = \"scam.own\"\ndigest = \"{digest}\"\nfrom = 2026-11-29\nuntil = 2026-11-30\nby = \"Kit\"\n"),
        ),
    ];
    let (last, next) = (Date::constant(2026, 11, 30), Date::constant(2026, 12, 1));
    let nursery = Nursery::start(&Bundle { hash_lists, today: last, ..bundle() }, &options()).await.expect("a nursery");
    let pool = Pool::new(nursery, 1, DEADLINE);
    let message = Message::from_octets(b"Content-Type: application/octet-stream\r\nContent-Disposition: attachment\r\n\r\na file").unwrap();
    let rule_set = pool.rule_set();
    assert_eq!(examine(&pool, &message, false).await.unwrap().findings.len(), 0, "the entry is passed over");
    assert!(!pool.turn_to(last).await.unwrap(), "the day is not over");
    assert!(pool.turn_to(next).await.unwrap());
    assert_eq!(examine(&pool, &message, false).await.unwrap().findings.len(), 1, "it has ended by itself");
    assert_eq!(pool.rule_set(), rule_set, "the files are the same");
}

#[tokio::test]
async fn a_bundle_with_faults_is_refused_with_all_of_them() {
    let broken = |name: &str| SourceFile { path: PathBuf::from(format!("rules/bullying/{name}.toml")), octets: vec![0xff, 0xfe] };
    let bundle = Bundle { rules: vec![broken("one"), broken("two")], ..bundle() };
    match Nursery::start(&bundle, &options()).await {
        Err(StartError::Refused(faults)) => assert_eq!(faults.len(), 2, "{faults:?}"),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a broken bundle is in force"),
    }
}

#[tokio::test]
async fn a_memory_limit_too_small_is_told_before_any_message() {
    let mut options = options();
    options.limits.memory = 32 << 20;
    let list = SourceFile { path: PathBuf::from("hashsets/large"), octets: vec![b'#'; 256 << 20] };
    match Nursery::start(&Bundle { hash_lists: vec![list], ..bundle() }, &options).await {
        Err(StartError::World(World::Ended(_))) => {}
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a nursery without memory is in force"),
    }
}

#[tokio::test]
async fn a_lost_nursery_is_started_again_from_the_same_bundle() {
    let pool = pool(&options(), 1, DEADLINE).await;
    let rule_set = pool.rule_set();
    examine(&pool, &benign(), false).await.unwrap();
    kill_nursery();
    assert!(examine(&pool, &benign(), false).await.unwrap().incomplete.is_empty());
    assert_eq!(pool.rule_set(), rule_set);
}

#[tokio::test]
async fn a_worker_ends_with_its_nursery_whatever_it_is_at() {
    let pool = pool(&options(), 1, SHORT).await;
    examine(&pool, &benign(), false).await.unwrap();
    let endless = attack("loop");
    // The warm worker has the message before the nursery is killed; a second nursery gives it a second try.
    let (report, ()) = tokio::join!(examine(&pool, &endless, false), async { kill_nursery() });
    assert!(is_unread(&report.unwrap(), Reason::Deadline));
    assert_eq!(pool.losses(), BTreeMap::from([(Loss::WithNursery, 1), (Loss::Deadline, 1)]));
}

/// Kills the only child of this thread: the nursery that its test started, and none of another test.
fn kill_nursery() {
    let children = std::fs::read_to_string("/proc/thread-self/children").expect("a kernel that lists children");
    let nursery = children.trim().parse().ok().and_then(rustix::process::Pid::from_raw).expect("one child");
    rustix::process::kill_process(nursery, rustix::process::Signal::KILL).expect("a child can be killed");
}

#[tokio::test]
async fn a_mailbox_whose_messages_stall_leaves_half_of_the_workers_to_the_others() {
    let pool = pool(&options(), 2, SHORT).await;
    let (slow, other) = (Standing::default(), Standing::default());
    let stalls = || async {
        let stalling = [attack("no-answer"), attack("no-answer")];
        pool.permit_for(&slow, &stalling).await.examine(&stalling, false).await
    };
    let mut stalling = Box::pin(async { tokio::join!(stalls(), stalls(), stalls()) });
    // Both workers are lost to it once. From then on one at a time is.
    let lost = async {
        while pool.losses().get(&Loss::Deadline).is_none_or(|losses| *losses < 2) {
            tokio::time::sleep(SHORT / 20).await;
        }
    };
    tokio::select! {
        _ = &mut stalling => panic!("six messages, each tried twice, are examined by two workers in two deadlines"),
        () = lost => {}
    }
    assert!(slow.stalls());
    let before = pool.losses();
    let others = async {
        for _ in 0..10 {
            let reports = pool.permit_for(&other, &[]).await.examine(&[benign()], false).await.unwrap();
            assert!(reports[0].incomplete.is_empty());
        }
        since(&pool, &before).get(&Loss::Deadline).copied().unwrap_or_default()
    };
    let (tried, missed) = tokio::join!(&mut stalling, others);
    assert!(missed <= 2, "ten messages of another mailbox waited for {missed} deadlines");
    for reports in [tried.0, tried.1, tried.2] {
        assert!(reports.unwrap().iter().all(|report| is_unread(report, Reason::Deadline)));
    }
}
