//! One try: an installation that knows its mailbox, three messages in it, and what must be true of them ever after.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use mailwarden::case::PlaceState;
use mailwarden::casebook::CaseFacts;
use mailwarden::finding::{Action, Category};
use rusqlite::Connection;
use tempfile::TempDir;

use super::support::copy;
use super::support::dovecot::Dovecot;
use super::support::smtp::Smtp;
use super::support::warden::{CRY_FOR_HELP, HELD, Warden, message, sender_of};

const AMBER: &str = "amber@school.example";

/// What every try shares: the servers, and an installation that has met an empty mailbox.
pub struct Ground {
    dovecot: Dovecot,
    smtp: Smtp,
    warden: Warden,
    tries: AtomicUsize,
}

impl Ground {
    pub fn new() -> Self {
        let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
        let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
        warden.poll();
        Self { dovecot, smtp, warden, tries: AtomicUsize::new(0) }
    }

    /// A name that no try had before.
    pub fn name(&self) -> String {
        format!("try-{}", self.tries.fetch_add(1, Ordering::Relaxed))
    }

    /// The state of which every try gets a copy.
    pub fn state(&self) -> &Path {
        self.warden.state()
    }
}

/// An installation of its own, with a clear, a told and a held message in its mailbox.
pub struct Trial<'g> {
    ground: &'g Ground,
    pub warden: Warden,
    user: String,
    messages: [Vec<u8>; 3],
}

impl<'g> Trial<'g> {
    /// Where `state` is no folder yet, it becomes a copy of the ground's.
    pub fn new(ground: &'g Ground, state: &Path) -> Self {
        if !state.exists() {
            copy(ground.state(), state);
        }
        let user = ground.name();
        ground.dovecot.copy(AMBER, &user);
        let messages =
            [("clear", "see you at lunch"), ("told", CRY_FOR_HELP), ("held", HELD)].map(|(subject, text)| message(subject, text));
        for message in &messages {
            ground.dovecot.deliver(&user, message.as_slice());
        }
        Self { ground, warden: ground.warden.twin(&user, state), user, messages }
    }

    /// The same mailbox, with its state as it is found elsewhere.
    pub fn moved_to(&mut self, state: &Path) {
        self.warden = self.ground.warden.twin(&self.user, state);
    }

    /// Each message is in the mailbox or sealed, and only what is to be held has left it.
    ///
    /// # Errors
    /// With what is lost.
    pub fn nothing_is_lost(&self) -> Result<(), String> {
        // A file that Dovecot renames while it is looked for may be missed once; what is lost stays lost.
        let mut found = self.look_for_messages();
        for _ in 0..5 {
            if found.is_err() {
                thread::sleep(Duration::from_millis(200));
                found = self.look_for_messages();
            }
        }
        found
    }

    fn look_for_messages(&self) -> Result<(), String> {
        let [clear, told, held] = &self.messages;
        let mailbox: Vec<_> = self.ground.dovecot.files(&self.user).iter().filter_map(|file| fs::read(file).ok()).collect();
        for (name, message) in [("clear", clear), ("told", told)] {
            if !mailbox.contains(message) {
                return Err(format!("the {name} message is gone from the mailbox"));
            }
        }
        if mailbox.contains(held) || self.warden.objects().iter().any(|object| self.warden.unseal(object).as_ref() == Some(held)) {
            Ok(())
        } else {
            Err("the held message is neither in the mailbox nor sealed".to_owned())
        }
    }

    /// Runs once more, without a fault, and then once more still for letters that were put off.
    ///
    /// # Errors
    /// With the log of a run that ends badly.
    pub fn run_cleanly(&self) -> Result<(), String> {
        self.run()?;
        if self.warden.cases().iter().flat_map(|case| &case.notices).any(|notice| notice.failures > 0 && notice.delivered_at.is_none()) {
            let book = Connection::open(self.warden.state().join("casebook.db")).expect("a casebook");
            // The minute passes after which a letter is tried again.
            book.execute("UPDATE notice SET retry_at = 0", []).expect("a casebook that can be written");
            drop(book);
            self.run()?;
        }
        Ok(())
    }

    fn run(&self) -> Result<(), String> {
        let done = self.warden.once(None);
        if done.status.success() { Ok(()) } else { Err(format!("the next run fails:\n{}", String::from_utf8_lossy(&done.stderr))) }
    }

    /// Everything has come to its one end: a case for each message that is not clear, with one place; what is held
    /// is gone from the mailbox, what is not is there as it was; the vault holds what the casebook knows, and the
    /// journal is whole.
    ///
    /// A message that cost two scan processes their lives may have stayed where it is, with a case that says so.
    ///
    /// # Errors
    /// With what is not as it should be.
    pub fn is_settled(&self) -> Result<Settled, String> {
        self.nothing_is_lost()?;
        self.warden.book().verify_journal().map_err(|error| error.to_string())?;
        let cases = self.warden.cases();
        let mut found: Vec<_> = cases.iter().map(|case| (case.row.category, case.row.action, states(case))).collect();
        found.sort_by_key(|(category, ..)| *category);
        let unread = found.iter().filter(|(category, ..)| *category == Category::Incomplete).count();
        let told = (Category::Suicide, Action::Pass, vec![PlaceState::Delivered]);
        let held = (Category::Violence, Action::Hold, vec![PlaceState::Removed]);
        let is_held = found.contains(&held);
        if unread == 0 && found != [told, held] || cases.len() > 3 || cases.iter().any(|case| case.places.len() != 1) {
            return Err(format!("the cases are {found:?}"));
        }
        if let Some(told) = cases.iter().find(|case| case.row.category == Category::Suicide) {
            self.was_told(told)?;
        }
        self.mailbox_is_as_it_was(is_held)?;
        self.vault_holds_what_is_known(&cases)?;
        Ok(Settled { unread, cases: cases.len(), letters: self.letters().len() })
    }

    /// But for the held message, where it was held; and every flag.
    fn mailbox_is_as_it_was(&self, is_held: bool) -> Result<(), String> {
        let files = self.ground.dovecot.files(&self.user);
        let mut left: Vec<_> = files.iter().filter_map(|file| fs::read(file).ok()).collect();
        let mut expected = self.messages[..if is_held { 2 } else { 3 }].to_vec();
        left.sort();
        expected.sort();
        if left != expected {
            return Err(format!("{} messages are in the mailbox in place of {}", left.len(), expected.len()));
        }
        // A Maildir keeps them behind `:2,`.
        let flagged = files.iter().find(|file| file.to_string_lossy().split_once(":2,").is_some_and(|(_, flags)| !flags.is_empty()));
        flagged.map_or(Ok(()), |file| Err(format!("a message that stays has other flags now: {}", file.display())))
    }

    fn vault_holds_what_is_known(&self, cases: &[CaseFacts]) -> Result<(), String> {
        let messages = cases.iter().flat_map(|case| &case.places).filter_map(|place| place.object);
        let known: BTreeSet<_> =
            cases.iter().flat_map(|case| [case.sheet, case.text]).flatten().chain(messages).map(|sealed| sealed.object).collect();
        let there: BTreeSet<_> = self.warden.objects().into_iter().collect();
        if known != there {
            return Err(format!("{} sealed objects are known and {} there", known.len(), there.len()));
        }
        match there.iter().find(|object| self.warden.unseal(object).is_none()) {
            Some(object) => Err(format!("{object} does not open")),
            None => Ok(()),
        }
    }

    /// Whoever is to know at once has been told, and always under one Message-ID.
    fn was_told(&self, case: &CaseFacts) -> Result<(), String> {
        if case.notices.iter().any(|notice| notice.rank == 0 && notice.delivered_at.is_none()) {
            return Err("a notice that is due was not delivered".to_owned());
        }
        let letters = self.letters();
        let about = letters.iter().filter(|letter| letter.contains(case.row.codename.as_str()));
        let ids: BTreeSet<_> =
            about.filter_map(|letter| letter.lines().find(|line| line.to_lowercase().starts_with("message-id:"))).collect();
        if ids.len() == 1 { Ok(()) } else { Err(format!("the letters about one notice have the identifiers {ids:?}")) }
    }

    fn letters(&self) -> Vec<String> {
        self.ground.smtp.letters_from(&sender_of(&self.user))
    }
}

impl Drop for Trial<'_> {
    fn drop(&mut self) {
        self.ground.dovecot.forget(&self.user);
        self.ground.smtp.forget(&sender_of(&self.user));
        let _ = fs::remove_file(self.warden.config());
    }
}

/// How much came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settled {
    /// Messages that no scan process could read.
    pub unread: usize,
    cases: usize,
    letters: usize,
}

/// A folder for what a try needs, in memory where there is such: a disk makes a kill no harder to survive.
pub fn folder(name: &str) -> TempDir {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    tempfile::Builder::new().prefix(name).tempdir_in(place).expect("a folder")
}

fn states(case: &CaseFacts) -> Vec<PlaceState> {
    case.places.iter().map(|place| place.state).collect()
}
