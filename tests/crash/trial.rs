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

use super::support::dovecot::Dovecot;
use super::support::smtp::Smtp;
use super::support::warden::{CRY_FOR_HELP, HELD, Warden, message, sender_of};
use super::support::copy;

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

    /// A folder for what a try needs.
    pub fn folder(&self, name: &str) -> tempfile::TempDir {
        tempfile::Builder::new().prefix(name).tempdir().expect("a folder")
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
        let messages = [("clear", "see you at lunch"), ("told", CRY_FOR_HELP), ("held", HELD)].map(|(subject, text)| message(subject, text));
        for message in &messages {
            ground.dovecot.deliver(&user, message);
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
        if self.cases().iter().flat_map(|case| &case.notices).any(|notice| notice.failures > 0 && notice.delivered_at.is_none()) {
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

    /// Everything has come to its end: see the assertions.
    ///
    /// # Errors
    /// With what is not as it should be.
    pub fn is_settled(&self) -> Result<Settled, String> {
        self.nothing_is_lost()?;
        self.warden.book().verify_journal().map_err(|error| error.to_string())?;
        let cases = self.cases();
        // A scan process that dies twice over a message leaves it unread, where it was, and in the casebook.
        let unread = cases.iter().filter(|case| case.row.category == Category::Incomplete).count();
        let [_, told, held] = &self.messages;
        let case_of = |category| one(cases.iter().filter(|case| case.row.category == category), category);
        let files = self.ground.dovecot.files(&self.user);
        let left: Vec<_> = files.iter().filter_map(|file| fs::read(file).ok()).collect();
        if unread == 0 {
            if cases.len() != 2 {
                return Err(format!("{} cases", cases.len()));
            }
            let (told, held) = (case_of(Category::Suicide)?, case_of(Category::Violence)?);
            let found = [told, held].map(|case| (case.row.action, case.places.iter().map(|place| place.state).collect::<Vec<_>>()));
            if found != [(Action::Pass, vec![PlaceState::Delivered]), (Action::Hold, vec![PlaceState::Removed])] {
                return Err(format!("the cases say {found:?}"));
            }
            self.was_told(told)?;
        } else if cases.len() > 3 {
            return Err(format!("{} cases of 3 messages", cases.len()));
        }
        let removed = cases.iter().flat_map(|case| &case.places).any(|place| place.state == PlaceState::Removed);
        if left.len() != 3 - usize::from(removed) || removed == left.contains(held) || !left.contains(told) {
            return Err(format!("{} messages are in the mailbox", left.len()));
        }
        if let Some(file) = files.iter().find(|file| file.to_string_lossy().rsplit(',').next().is_some_and(|flags| flags.contains(['S', 'T'])))
        {
            return Err(format!("a message that stays has other flags now: {}", file.display()));
        }
        self.vault_holds_what_is_known(&cases)?;
        Ok(Settled { unread, cases: cases.len(), letters: self.letters().len() })
    }

    fn vault_holds_what_is_known(&self, cases: &[CaseFacts]) -> Result<(), String> {
        let messages = cases.iter().flat_map(|case| &case.places).filter_map(|place| place.object);
        let known: BTreeSet<_> = cases.iter().filter_map(|case| case.sheet).chain(messages).map(|sealed| sealed.object).collect();
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
        let ids: BTreeSet<_> = about.flat_map(|letter| letter.lines().find(|line| line.to_lowercase().starts_with("message-id:"))).collect();
        if ids.len() == 1 { Ok(()) } else { Err(format!("the letters about one notice have the identifiers {ids:?}")) }
    }

    fn cases(&self) -> Vec<CaseFacts> {
        self.warden.cases()
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

fn one<T>(mut found: impl Iterator<Item = T>, category: Category) -> Result<T, String> {
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(format!("there is no case of {category:?}")),
        _ => Err(format!("there are several cases of {category:?}")),
    }
}
