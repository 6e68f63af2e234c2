//! Memory while large messages are under way, one for each worker.

use std::process::Stdio;
use std::thread;
use std::time::{Duration, Instant};

use super::peers::dovecot::Dovecot;
use super::peers::figure::{Unit, note, tell};
use super::peers::ours::{School, Wish, binary};
use super::peers::{Result, cpu, mails, memory};

const WORKERS: usize = 2;
/// In octets.
const SIZE: usize = 60_000_000;
/// Times the size of the message, for each worker.
const SHARE: f64 = 1.3;
const PATIENCE: Duration = Duration::from_mins(2);

/// The most that all processes hold together, pages of messages in no process's map included.
pub fn large() -> Result<()> {
    const NAME: &str = "mailbox.large";
    const UNIT: Unit = Unit::Cost("MB");
    let limit = WORKERS as f64 * SHARE * SIZE as f64 / 1e6;
    let Some((binary, dovecot)) = binary()?.zip(Dovecot::start(WORKERS, &[mail()])?) else {
        tell(NAME, UNIT, None, Some(("limit", limit)));
        return Ok(());
    };
    let wish = Wish { server: Some((&dovecot, WORKERS)), connections: WORKERS, workers: WORKERS, ..Wish::default() };
    let school = School::found(&binary, &mails::terms()?, &wish)?;
    school.initialise()?;
    let shared_before = memory::shared()?;
    let mut daemon = school.command("run").arg("--once").stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let (started, mut most, mut parts) = (Instant::now(), 0, (0, 0));
    while daemon.try_wait()?.is_none() {
        if started.elapsed() > PATIENCE {
            daemon.kill()?;
            return Err("the messages were not examined in time".into());
        }
        // A process may end while it is looked at.
        let own: u64 = cpu::tree(daemon.id())?.into_iter().filter_map(|process| memory::own(process).ok()).sum();
        let shared = memory::shared()?.saturating_sub(shared_before);
        if own + shared > most {
            (most, parts) = (own + shared, (own, shared));
        }
        thread::sleep(Duration::from_millis(10));
    }
    dovecot.has_served(WORKERS as u64)?;
    note(&format!(
        "{WORKERS} messages of {} MB: {:.1} MB of the processes' own and {:.1} MB shared, in {:.1?}",
        SIZE / 1_000_000,
        parts.0 as f64 / 1e6,
        parts.1 as f64 / 1e6,
        started.elapsed()
    ));
    tell(NAME, UNIT, Some(most as f64 / 1e6), Some(("limit", limit)));
    Ok(())
}

/// One attachment, in base64, of which nothing can be made out.
fn mail() -> Vec<u8> {
    let head = "From: Office <office@school.example>\r\nTo: Tutor <tutor@school.example>\r\nSubject: Recording\r\nMIME-Version: 1.0\r\n\
                Content-Type: application/octet-stream; name=\"recording.bin\"\r\nContent-Transfer-Encoding: base64\r\n\r\n";
    let mut mail = head.as_bytes().to_vec();
    let mut dice = 0x5eed_u64;
    while mail.len() < SIZE {
        for _ in 0..76 {
            dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            mail.push(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"[(dice >> 58) as usize]);
        }
        mail.extend_from_slice(b"\r\n");
    }
    mail
}
