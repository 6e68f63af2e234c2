//! What the desk costs: a list of ten thousand cases, two hundred people at once on one core, and a large message in a browser.

#![allow(clippy::cast_precision_loss, reason = "no figure has more than three digits")]

use std::sync::Barrier;
use std::thread;
use std::time::Instant;

#[allow(dead_code, reason = "each bench uses its share")]
mod peers;

use peers::Result;
use peers::desk::{Desk, Door};
use peers::figure::{Unit, median, note, spread, take, tell};
use peers::ours::binary;

const CASES: u32 = 10_000;
const ROUNDS: usize = 15;
const READERS: usize = 200;
/// Milliseconds that the list may take on the server, and kilobytes that it may have.
const QUEUE_LIMIT: f64 = 50.0;
const SIZE_LIMIT: f64 = 100.0;
/// Octets of the message that is opened in a browser, and milliseconds that it may take.
const MESSAGE: usize = 25 << 20;
const UNSEAL_LIMIT: f64 = 2_000.0;
/// Mebibytes that the unit of the desk gives to it before it is slowed down.
const MEMORY_LIMIT: f64 = 512.0;

fn main() -> std::process::ExitCode {
    take(&[("desk.queue", queue), ("desk.readers", readers), ("desk.unseal", unseal)])
}

/// The first page of the list, from its request to its last octet.
fn queue() -> Result<()> {
    let Some(binary) = binary()? else {
        tell("desk.queue", Unit::Cost("ms"), None, Some(("limit", QUEUE_LIMIT)));
        return Ok(());
    };
    let desk = Desk::open(&binary, Door::Proxy)?;
    desk.fill(CASES)?;
    let reader = desk.reader(0)?;
    let mut times = Vec::new();
    let mut size = 0;
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let page = reader.get("/queue")?;
        times.push(began.elapsed().as_secs_f64() * 1_000.0);
        if !page.contains(&format!("{CASES} in this list")) {
            return Err("the page does not show every case".into());
        }
        size = page.len();
    }
    note(&format!("desk.queue: {} ms for {CASES} cases", spread(&times)));
    tell("desk.queue", Unit::Cost("ms"), median(times), Some(("limit", QUEUE_LIMIT)));
    tell("desk.queue-size", Unit::Cost("kB"), Some(size as f64 / 1_000.0), Some(("limit", SIZE_LIMIT)));
    Ok(())
}

/// Two hundred people, each signed in, ask for the list at the same moment: nobody gets an error.
fn readers() -> Result<()> {
    let Some(binary) = binary()? else {
        tell("desk.readers", Unit::Rate("pages/s"), None, None);
        return Ok(());
    };
    let desk = Desk::open(&binary, Door::Proxy)?;
    desk.fill(CASES)?;
    let readers = (0..READERS).map(|number| desk.reader(number)).collect::<Result<Vec<_>>>()?;
    let begin = Barrier::new(READERS + 1);
    let (waited, seconds) = thread::scope(|scope| {
        let asking: Vec<_> = readers
            .iter()
            .map(|reader| {
                scope.spawn(|| {
                    begin.wait();
                    let began = Instant::now();
                    let page = reader.get("/queue").map_err(|error| error.to_string())?;
                    if page.contains(&format!("{CASES} in this list")) { Ok(began.elapsed().as_secs_f64()) } else { Err(page) }
                })
            })
            .collect();
        begin.wait();
        let began = Instant::now();
        let waited: Vec<_> = asking.into_iter().map(|one| one.join().unwrap_or_else(|_| Err("a panic".to_owned()))).collect();
        (waited, began.elapsed().as_secs_f64())
    });
    let (served, failed): (Vec<_>, Vec<_>) = waited.into_iter().partition(std::result::Result::is_ok);
    let memory = desk.most_memory_mib()?;
    let served: Vec<_> = served.into_iter().flatten().collect();
    note(&format!("desk.readers: {READERS} at once on one core, {} without a page; each waited {} s", failed.len(), spread(&served)));
    if let Some(Err(first)) = failed.first() {
        return Err(format!("{} of {READERS} readers got no page, the first: {first}", failed.len()).into());
    }
    tell("desk.readers", Unit::Rate("pages/s"), Some(READERS as f64 / seconds), None);
    tell("desk.readers-memory", Unit::Cost("MiB"), Some(memory), Some(("limit", MEMORY_LIMIT)));
    Ok(())
}

/// A sealed message in Chromium, from octets in memory to octets in memory, and what the lead waits for at the desk: all that a text
/// may hold on the page, and a package of the message for the police.
fn unseal() -> Result<()> {
    let Some(binary) = binary()? else {
        tell("desk.unseal", Unit::Cost("ms"), None, Some(("limit", UNSEAL_LIMIT)));
        return Ok(());
    };
    let desk = Desk::open(&binary, Door::Tls)?;
    let codename = desk.hold(MESSAGE)?;
    let took = desk.browser(&codename, MESSAGE)?;
    let of = |name: &str| took[name].as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64).collect::<Vec<_>>();
    for (figure, name) in [("desk.unseal", "unseal"), ("desk.whole-text", "text"), ("desk.package", "package")] {
        note(&format!("{figure}: {} ms for {} MiB", spread(&of(name)), MESSAGE >> 20));
        tell(figure, Unit::Cost("ms"), median(of(name)), Some(("limit", UNSEAL_LIMIT)));
    }
    Ok(())
}
