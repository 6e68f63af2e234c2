//! The process in which the rules are compiled once, and which forks a caged worker for every so many messages.
//!
//! One thread, one channel, no file: it reads an order, carries it out and says so. The rules are shared with
//! every worker by the fork. It ends when the daemon closes the channel, and its workers end with it.

use std::collections::BTreeSet;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use serde::{Serialize, de::DeserializeOwned};

use super::detect::{self, Detectors};
use super::sheet;
use crate::fault::Fault;
use crate::finding::{Explained, Fingerprint, Incomplete, Reason, Report, Sighting, Tree};
use crate::sandbox::{self, Caged, Fork, Limits, Mapped, TrayView};
use crate::wire::{self, Answer, BadFrame, Bundle, Carrier, Compiled, Done, Lessons, Order, Request, Tested, Whole};

/// Exit codes, for the daemon: what a caged process has to say is a number.
const DONE: i32 = 0;
const PANICKED: i32 = 101;
const NOT_CAGED: i32 = 77;
const NOT_UNDERSTOOD: i32 = 76;

/// Of faults or findings in one frame: more than anybody reads.
const MAX_ITEMS: usize = 1000;
/// The longest frame that comes in: the sizes of the messages of one parcel. What is large comes beside it.
const MAX_INCOMING: usize = 256;

/// What the command line said: numbers only.
struct Terms {
    limits: Limits,
    threads: usize,
    messages_per_worker: u32,
    allow_uncaged: bool,
}

/// Serves as nursery until the daemon closes the channel, and never returns.
pub fn run() -> ! {
    // The text of a panic could quote the message.
    std::panic::set_hook(Box::new(|_| {}));
    let Some(terms) = Terms::from_arguments() else { sandbox::leave(NOT_UNDERSTOOD) };
    let code = catch_unwind(|| nurse(&terms)).map_or(PANICKED, |served| if served.is_ok() { DONE } else { NOT_UNDERSTOOD });
    sandbox::leave(code)
}

impl Terms {
    fn from_arguments() -> Option<Self> {
        let mut arguments = std::env::args().skip(2);
        let terms = Self {
            limits: Limits {
                memory: arguments.next()?.parse().ok()?,
                shared: arguments.next()?.parse().ok()?,
                cpu: Duration::from_secs(arguments.next()?.parse().ok()?),
            },
            threads: arguments.next()?.parse().ok()?,
            messages_per_worker: arguments.next()?.parse().ok()?,
            allow_uncaged: arguments.next()?.parse().ok()?,
        };
        #[cfg(feature = "faults")]
        if arguments.next().is_some() {
            sandbox::attacks::turn_seccomp_off();
        }
        Some(terms)
    }
}

fn nurse(terms: &Terms) -> Result<(), NotUnderstood> {
    compile_first_regex();
    shrink_first_heap();
    let cage = sandbox::enter_nursery(terms.limits, terms.allow_uncaged);
    #[cfg(feature = "faults")]
    sandbox::attacks::remember_parent();
    let channel = Channel(rustix::stdio::stdin());
    let Some((first @ (Order::Check | Order::Compile { .. } | Order::Learn | Order::Test), Some(bundle))) = channel.hear()? else {
        return Err(NotUnderstood);
    };
    channel.say(&cage)?;
    if cage.is_err() {
        return Ok(());
    }
    if first == Order::Learn {
        return channel.say(&super::learn(lessons(bundle)));
    }
    let mut bundle = unpack(bundle);
    if let Order::Compile { today } = first {
        bundle.today = today;
    }
    if first == Order::Check {
        return channel.say(&compiled(detect::check(&bundle).map(|checked| Compiled::Ready {
            set: checked.set,
            rules: Vec::new(),
            notes: checked.notes,
        })));
    }
    if first == Order::Test {
        return channel.say(&tested(&bundle));
    }
    let detectors = match apart(|| Detectors::compile(&bundle)) {
        Ok(detectors) => detectors,
        Err(faults) => return channel.say(&compiled(Err(faults))),
    };
    // What was read of it is compiled now: no worker needs the files, nor the memory that compiling took.
    drop(bundle);
    sandbox::give_memory_back();
    super::warm_up(&detectors);
    channel.say(&Compiled::Ready { set: detectors.rule_set(), rules: detectors.facts(), notes: Vec::new() })?;

    let mut workers = BTreeSet::new();
    while let Some(order) = channel.hear()? {
        let done = match order {
            (Order::Fork, Some(socket)) => match sandbox::fork() {
                Ok(Fork::Child) => sandbox::leave(work(terms, &detectors, socket)),
                Ok(Fork::Parent { child }) => {
                    workers.insert(child);
                    Done::Forked { worker: child }
                }
                Err(e) => failed(&e),
            },
            (Order::End { worker }, None) if workers.remove(&worker) => match sandbox::end(worker) {
                Ok(status) => Done::Ended { status: status.into_raw() },
                Err(e) => failed(&e),
            },
            _ => return Err(NotUnderstood),
        };
        channel.say(&done)?;
    }
    Ok(())
}

/// The first regex of a process opens files to count the processor's cores. This one is ours and comes before the cage,
/// where opening a file is the end: no rule's is the first then.
fn compile_first_regex() {
    let _ = regex_automata::meta::Regex::new("first");
}

/// Nor is the first heap of a thread that shrinks a rule's: then the allocator opens a file to ask whether memory is
/// overcommitted, once a process.
fn shrink_first_heap() {
    apart(|| drop(vec![vec![1_u8; 64 << 10]; 32]));
}

/// Runs what leaves a heap full of holes in a thread of its own, and so on a heap of its own: the workers, which inherit every
/// page and copy those that they write to, then fill no holes. It saves a worker two thirds of its page faults.
fn apart<T: Send>(build: impl FnOnce() -> T + Send) -> T {
    let built = std::thread::scope(|scope| scope.spawn(build).join());
    sandbox::until_alone();
    built.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn lessons(lessons: OwnedFd) -> Lessons {
    let lessons = Mapped::new(lessons).ok().and_then(|octets| Lessons::open(&(Arc::new(octets) as Whole)));
    lessons.expect("sealed lessons that fit into memory")
}

fn unpack(bundle: OwnedFd) -> Bundle {
    let bundle = Mapped::new(bundle).ok().and_then(|octets| Bundle::open(&(Arc::new(octets) as Whole)));
    // An unreadable one is more than the memory limit holds, or the daemon's bug: a panic ends the nursery, and
    // the daemon tells it by that.
    bundle.expect("a sealed bundle that fits into memory")
}

fn compiled(compiled: Result<Compiled, Vec<Fault>>) -> Compiled {
    let mut compiled = compiled.unwrap_or_else(Compiled::Refused);
    let (Compiled::Refused(told) | Compiled::Ready { notes: told, .. }) = &mut compiled;
    told.truncate(MAX_ITEMS);
    compiled
}

fn tested(bundle: &Bundle) -> Result<Vec<Tested>, Vec<Fault>> {
    let mut tested = detect::test(bundle).map_err(|mut faults| {
        faults.truncate(MAX_ITEMS);
        faults
    })?;
    // Every rule is told; of the faults as many as somebody reads.
    let mut left = MAX_ITEMS;
    for rule in &mut tested {
        rule.faults.truncate(left.max(1));
        left = left.saturating_sub(rule.faults.len());
    }
    Ok(tested)
}

fn failed(e: &std::io::Error) -> Done {
    Done::Failed { errno: e.raw_os_error().unwrap_or_default() }
}

/// A worker's whole life: into the cage, then as many messages as it may serve. Returns its exit code.
fn work(terms: &Terms, detectors: &Detectors, socket: OwnedFd) -> i32 {
    let Ok(socket) = sandbox::take_channel(socket) else { return NOT_CAGED };
    let threads = || start_threads(terms.threads);
    let Ok((caged, _)) = sandbox::enter(terms.limits, terms.messages_per_worker, terms.allow_uncaged, threads) else { return NOT_CAGED };
    let channel = Channel(socket);
    let (mut served, mut tray) = (0, None);
    while served < terms.messages_per_worker as usize {
        match serve(&caged, &channel, &mut tray, detectors) {
            Ok(Served::Parcel(messages)) => served += messages,
            Ok(Served::Last(code)) => return code,
            Err(NotUnderstood) => return NOT_UNDERSTOOD,
        }
    }
    DONE
}

enum Served {
    /// The worker is to end, with this exit code.
    Last(i32),
    /// Of so many messages.
    Parcel(usize),
}

/// Waits for one parcel and examines what is in it.
fn serve(caged: &Caged, channel: &Channel, tray: &mut Option<TrayView>, detectors: &Detectors) -> Result<Served, NotUnderstood> {
    let Some(((request, carrier), beside)) = channel.hear::<(Request, Carrier)>()? else { return Ok(Served::Last(DONE)) };
    let file;
    // None where memory is too short for a file of them.
    let octets = match (carrier, &beside) {
        (Carrier::File, Some(beside)) => {
            file = Mapped::new(beside).ok();
            file.as_deref()
        }
        (Carrier::NewTray(octets), Some(beside)) => Some(laid(tray.insert(TrayView::of(beside).map_err(|_| NotUnderstood)?), octets)?),
        (Carrier::Tray(octets), None) => Some(laid(tray.as_ref().ok_or(NotUnderstood)?, octets)?),
        _ => return Err(NotUnderstood),
    };
    let count = request.count();
    let answered = match request {
        Request::Explain => explain(caged, octets, detectors).map(|explained| channel.explain(explained)),
        Request::File => fingerprint(caged, octets).map(|file| channel.say(&Answer::Examined(file))),
        Request::Sighting => sighting(caged, octets, detectors).map(|file| channel.say(&Answer::Examined(file))),
        Request::Tree { with_text } => tree(caged, octets, detectors, with_text).map(|tree| channel.tree(tree)),
        Request::Messages { want_facts, sizes } => {
            let reached = (channel, beside.as_ref());
            examine(caged, reached, octets, &sizes, detectors, want_facts).map(|reports| channel.report(reports))
        }
    };
    if let Some(said) = answered {
        said?;
        return Ok(Served::Parcel(count));
    }
    channel.say(&Answer::<()>::Panicked)?;
    Ok(Served::Last(PANICKED))
}

/// One thread is this one: a second costs a fork as much again.
fn start_threads(threads: usize) {
    let mut pool = rayon::ThreadPoolBuilder::new().num_threads(threads.max(1));
    if threads <= 1 {
        pool = pool.use_current_thread();
    }
    // It fails when there is a pool already, and then there is one.
    let _ = pool.build_global();
}

/// So many octets of what the daemon laid.
fn laid(tray: &TrayView, octets: u64) -> Result<&[u8], NotUnderstood> {
    usize::try_from(octets).ok().and_then(|octets| tray.laid(octets)).ok_or(NotUnderstood)
}

/// `None` when the examination panicked.
#[cfg_attr(not(feature = "faults"), allow(unused_variables))]
fn examine(
    caged: &Caged,
    reached: (&Channel, Option<&OwnedFd>),
    octets: Option<&[u8]>,
    sizes: &[u64],
    detectors: &Detectors,
    want_facts: bool,
) -> Option<Vec<Report>> {
    catch_unwind(AssertUnwindSafe(|| {
        let Some(mut rest) = octets else { return sizes.iter().map(|_| Report::unread(Reason::Budget)).collect() };
        let mut reports = Vec::with_capacity(sizes.len());
        for size in sizes {
            let (message, after) = rest.split_at(usize::try_from(*size).unwrap_or(usize::MAX).min(rest.len()));
            rest = after;
            #[cfg(feature = "faults")]
            sandbox::attacks::obey(message, reached.0.0, reached.1);
            reports.push(super::examine(caged, message, detectors, want_facts));
        }
        reports
    }))
    .ok()
}

/// `None` when the examination panicked.
fn explain(caged: &Caged, message: Option<&[u8]>, detectors: &Detectors) -> Option<Explained> {
    catch_unwind(AssertUnwindSafe(|| match message {
        Some(octets) => super::explain(caged, octets, detectors),
        None => Explained { report: Report::unread(Reason::Budget), traces: Vec::new() },
    }))
    .ok()
}

/// `None` when the reading panicked.
fn tree(caged: &Caged, message: Option<&[u8]>, detectors: &Detectors, with_text: bool) -> Option<Tree> {
    catch_unwind(AssertUnwindSafe(|| match message {
        Some(octets) => super::tree(caged, octets, detectors, with_text),
        None => Tree::unread(Incomplete { part: String::new(), reason: Reason::Budget }),
    }))
    .ok()
}

/// `None` when decoding it panicked.
fn fingerprint(caged: &Caged, file: Option<&[u8]>) -> Option<Result<Fingerprint, Reason>> {
    catch_unwind(AssertUnwindSafe(|| Ok(super::examine_file(caged, file.ok_or(Reason::Budget)?)))).ok()
}

/// `None` when decoding it panicked.
fn sighting(caged: &Caged, file: Option<&[u8]>, detectors: &Detectors) -> Option<Result<Sighting, Reason>> {
    catch_unwind(AssertUnwindSafe(|| Ok(super::sighting(caged, file.ok_or(Reason::Budget)?, detectors)))).ok()
}

/// The one descriptor on which this process may receive and send.
struct Channel(BorrowedFd<'static>);

/// The other end does not speak as agreed, or is gone in the middle of it.
struct NotUnderstood;

impl Channel {
    /// The next frame and the descriptor beside it; `None` when the daemon has closed the channel.
    fn hear<T: DeserializeOwned>(&self) -> Result<Option<(T, Option<OwnedFd>)>, NotUnderstood> {
        let mut buffer = [0; MAX_INCOMING];
        let (received, beside) = sandbox::receive(self.0, &mut buffer).map_err(|_| NotUnderstood)?;
        if received == 0 {
            return Ok(None);
        }
        // A frame this small arrives whole, and the daemon sends the next only when it was answered.
        let (header, payload) = buffer[..received].split_first_chunk().ok_or(NotUnderstood)?;
        if wire::payload_length(*header)? != payload.len() {
            return Err(NotUnderstood);
        }
        Ok(Some((wire::decode(payload)?, beside)))
    }

    fn say<T: Serialize>(&self, value: &T) -> Result<(), NotUnderstood> {
        self.send(&wire::encode(value)?)
    }

    fn report(&self, reports: Vec<Report>) -> Result<(), NotUnderstood> {
        match wire::encode(&Answer::Examined(&reports)) {
            Ok(frame) => self.send(&frame),
            // Together they are too much: the daemon asks for each alone, as after a panic.
            Err(BadFrame::TooLong(_)) if reports.len() > 1 => self.say(&Answer::<()>::Panicked),
            Err(BadFrame::TooLong(_)) => self.say(&Answer::Examined(reports.into_iter().map(shortened).collect::<Vec<_>>())),
            Err(_) => Err(NotUnderstood),
        }
    }

    fn explain(&self, mut explained: Explained) -> Result<(), NotUnderstood> {
        loop {
            match wire::encode(&Answer::Examined(&explained)) {
                Ok(frame) => return self.send(&frame),
                // The report of one message fits; of the rest, half of it may.
                Err(BadFrame::TooLong(_)) if !explained.traces.is_empty() => explained.traces.truncate(explained.traces.len() / 2),
                Err(BadFrame::TooLong(_)) => explained.report = shortened(explained.report),
                Err(_) => return Err(NotUnderstood),
            }
        }
    }

    fn tree(&self, mut tree: Tree) -> Result<(), NotUnderstood> {
        tree.incomplete.truncate(MAX_ITEMS);
        loop {
            match wire::encode(&Answer::Examined(&tree)) {
                Ok(frame) => return self.send(&frame),
                // What is read goes before what there is.
                Err(BadFrame::TooLong(_)) if !tree.texts.is_empty() => tree.texts.truncate(tree.texts.len() / 2),
                Err(BadFrame::TooLong(_)) if !tree.branches.is_empty() => tree.branches.truncate(tree.branches.len() / 2),
                Err(_) => return Err(NotUnderstood),
            }
            tree.incomplete.push(Incomplete { part: String::new(), reason: Reason::Budget });
            tree.incomplete.dedup();
        }
    }

    fn send(&self, frame: &[u8]) -> Result<(), NotUnderstood> {
        sandbox::send_all(self.0, frame).map_err(|_| NotUnderstood)
    }
}

impl From<BadFrame> for NotUnderstood {
    fn from(_: BadFrame) -> Self {
        Self
    }
}

/// Of a report that no frame holds: the findings stay, the text goes, and the message is not clear.
fn shortened(mut report: Report) -> Report {
    if let Some(sheets) = &mut report.sheets {
        *sheets = sheet::without_words(&sheets.facts);
    }
    report.pictures.clear();
    report.findings.truncate(MAX_ITEMS);
    report.recipients.truncate(MAX_ITEMS);
    report.incomplete.truncate(MAX_ITEMS);
    report.incomplete.push(Incomplete { part: String::new(), reason: Reason::Budget });
    report
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{SheetOctets, Sheets};

    #[test]
    fn a_report_that_no_frame_holds_is_shortened_and_never_clear() {
        let mut report = Report::unread(Reason::Damaged);
        let octets = |octets: &[u8]| SheetOctets(octets.to_vec());
        let text = octets(&vec![b'x'; wire::MAX_PAYLOAD]);
        report.sheets = Some(Sheets { excerpt: octets(b"words"), text, facts: octets(b"facts") });
        assert!(matches!(wire::encode(&report), Err(BadFrame::TooLong(_))));
        let short = shortened(report);
        assert!(wire::encode(&short).is_ok());
        assert!(short.incomplete.iter().any(|i| i.reason == Reason::Budget));
        assert!(short.sheets.is_some_and(|s| s.excerpt.0 == b"facts" && s.text.0 == br#"{"bodies":[]}"#));
    }
}
