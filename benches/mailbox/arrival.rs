//! From the moment when a message is handed to the server to the moment when it is sealed, gone from the mailbox and told of.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::peers::dovecot::{Dovecot, user};
use super::peers::figure::{Unit, median, note, spread, tell};
use super::peers::ours::{School, Wish, binary};
use super::peers::sink::Letters;
use super::peers::{Result, bare, mails};

const MAILBOXES: usize = 10;
const MESSAGES: usize = 100;
/// After which a message is not looked for any longer.
const PATIENCE: Duration = Duration::from_secs(20);
/// Dovecot holds news back for 500 ms: in milliseconds, of half of the messages and of all but one in a hundred.
const WITH_IDLE: (f64, f64) = (600.0, 800.0);
/// The interval between two looks, and 100 ms.
const POLLED: f64 = 1100.0;

/// Where the server says when mail arrives.
pub fn with_idle() -> Result<()> {
    let wish = Wish { connections: MAILBOXES, idle: true, holds: true, ..Wish::default() };
    let took = deliver(&wish)?;
    let of = |part: usize| took.as_ref().and_then(|took| took.get((took.len() * part / 100).min(took.len().saturating_sub(1))).copied());
    tell("mailbox.held-idle", Unit::Cost("ms"), took.clone().and_then(median), Some(("limit", WITH_IDLE.0)));
    tell("mailbox.held-idle-p99", Unit::Cost("ms"), of(99), Some(("limit", WITH_IDLE.1)));
    Ok(())
}

/// Where it is asked once a second.
pub fn polled() -> Result<()> {
    let wish = Wish { connections: MAILBOXES, interval: "1s", holds: true, ..Wish::default() };
    let took = deliver(&wish)?;
    tell("mailbox.held-polled", Unit::Cost("ms"), took.and_then(|took| took.last().copied()), Some(("limit", POLLED)));
    Ok(())
}

/// In milliseconds, the shortest first.
fn deliver(wish: &Wish) -> Result<Option<Vec<f64>>> {
    let Some((binary, dovecot)) = binary()?.zip(Dovecot::start(MAILBOXES, &[])?) else { return Ok(None) };
    let (terms, letters) = (mails::terms()?, Letters::start()?);
    let wish = Wish { server: Some((&dovecot, MAILBOXES)), smtp: Some(letters.port), ..*wish };
    let school = School::found(&binary, &terms, &wish)?;
    school.initialise()?;
    let mut daemon = school.open()?;
    let started = Instant::now();
    while dovecot.served()?.logins < MAILBOXES as u64 {
        if !daemon.runs()? || started.elapsed() > PATIENCE {
            return Err(format!("the daemon did not sign in; its last words: {}", school.last_words()).into());
        }
        thread::sleep(Duration::from_millis(100));
    }
    thread::sleep(Duration::from_secs(3));
    let appending = bare::Appending::start(&dovecot, MAILBOXES).map_err(|error| error.to_string())?;
    let mut took = Vec::new();
    for number in 0..MESSAGES {
        let mailbox = number % MAILBOXES;
        let told = letters.taken().len();
        let mail = format!(
            "From: Stranger <stranger{number}@elsewhere.example>\r\nTo: {}@school.example\r\nSubject: {number}\r\nMessage-ID: <{number}@elsewhere.example>\r\n\r\n\
             The {number}th time: {}.\r\n",
            user(mailbox + 1),
            terms[0]
        );
        let handed_over = Instant::now();
        appending.append(mailbox, mail).map_err(|error| error.to_string())?;
        let inbox = dovecot.inbox(mailbox + 1);
        let gone = await_until(|| Ok(letters.taken().len() > told && is_empty(&inbox)?))
            .map_err(|error| format!("message {number}: {error}; the daemon's last words: {}", school.last_words()))?;
        // Whichever was later: the letter, or the moment when the mailbox was found empty.
        took.push(gone.duration_since(handed_over).as_secs_f64() * 1e3);
        // Not in step with anything.
        thread::sleep(Duration::from_millis(37 * (number as u64 % 11)));
    }
    took.sort_by(f64::total_cmp);
    note(&format!("{MESSAGES} messages sealed, gone and told of within {} ms", spread(&took)));
    Ok(Some(took))
}

fn await_until(done: impl Fn() -> Result<bool>) -> Result<Instant> {
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        if done()? {
            return Ok(Instant::now());
        }
        thread::sleep(Duration::from_millis(2));
    }
    Err("it is still there, or nobody was told".into())
}

fn is_empty(inbox: &Path) -> Result<bool> {
    for folder in ["new", "cur"] {
        if fs::read_dir(inbox.join(folder))?.next().is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}
