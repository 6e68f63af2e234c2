//! Passkeys: a second factor that lies in a device, and what only that device opens.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row, Transaction, params};

use super::{Account, AccountId, Desk, Result};
use crate::journal::Event;

/// More than somebody has devices.
pub const MOST_PASSKEYS: i64 = 10;

/// Somebody's passkey.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passkey {
    /// The authenticator's own name for it.
    pub credential: Vec<u8>,
    /// As its owner calls it.
    pub name: String,
    /// `SubjectPublicKeyInfo`, DER.
    pub public_key: Vec<u8>,
    pub made_at: Timestamp,
    /// Her private key, as only this passkey opens it: an armoured age file.
    pub wrapped: Option<String>,
}

/// A passkey that was only just made.
#[derive(Clone, Copy)]
pub struct NewPasskey<'a> {
    pub credential: &'a [u8],
    pub name: &'a str,
    pub public_key: &'a [u8],
    pub uses: u32,
    pub wrapped: Option<&'a str>,
}

/// What somebody has shown beside her password. None counts twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Factor {
    /// The code of this step.
    Code(u64),
    /// A passkey, and how often it was used by its own count; 0 where it does not count.
    Passkey { credential: Vec<u8>, uses: u32 },
}

impl Desk {
    /// The passkeys of an account, the oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn passkeys(&self, of: &Account) -> Result<Vec<Passkey>> {
        self.read(|conn| {
            conn.prepare_cached("SELECT * FROM passkey WHERE account = ? ORDER BY made_at, rowid")?.query_map([of.id.0], passkey)?.collect()
        })
    }

    /// A passkey by its authenticator's name for it, and whose it is.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn passkey(&self, credential: &[u8]) -> Result<Option<(AccountId, Passkey)>> {
        self.read(|conn| {
            conn.prepare_cached("SELECT * FROM passkey WHERE credential = ?")?
                .query_row([credential], |row| Ok((AccountId(row.get("account")?), passkey(row)?)))
                .optional()
        })
    }

    /// Adds a passkey. Says whether there was room for it, and nobody has it yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn add_passkey(&self, now: Timestamp, who: &Account, new: &NewPasskey<'_>) -> Result<bool> {
        self.write(|tx| {
            let added = tx.execute(
                "INSERT OR IGNORE INTO passkey (credential, account, name, public_key, uses, made_at, wrapped)
                 SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7 WHERE (SELECT count(*) FROM passkey WHERE account = ?2) < ?8",
                params![new.credential, who.id.0, new.name, new.public_key, new.uses, now.as_second(), new.wrapped, MOST_PASSKEYS],
            )?;
            if added > 0 {
                let event = Event::PasskeyAdded { opens_key: new.wrapped.is_some() };
                self.append(tx, now, &who.actor(), &event)?;
            }
            Ok(added > 0)
        })
    }

    /// Removes a passkey. Says whether it was there, and hers.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn drop_passkey(&self, now: Timestamp, who: &Account, credential: &[u8]) -> Result<bool> {
        self.write(|tx| {
            let dropped = tx.execute("DELETE FROM passkey WHERE credential = ? AND account = ?", params![credential, who.id.0])?;
            if dropped > 0 {
                self.append(tx, now, &who.actor(), &Event::PasskeyDropped)?;
            }
            Ok(dropped > 0)
        })
    }

    /// She signed in, and showed this beside her password. Says whether it was not shown before.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn signed_in(&self, now: Timestamp, who: &Account, factor: &Factor) -> Result<bool> {
        self.write(|tx| {
            let fits = used(tx, who, factor)?;
            if fits {
                self.append(tx, now, &who.actor(), &Event::SignedIn)?;
            }
            Ok(fits)
        })
    }

    /// She showed it once more, before something grave. Says whether it was not shown before.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn showed(&self, who: &Account, factor: &Factor) -> Result<bool> {
        self.write(|tx| used(tx, who, factor))
    }
}

/// A step that is not later than the last was used; a count that does not grow is that of a copy.
fn used(tx: &Transaction<'_>, who: &Account, factor: &Factor) -> Result<bool> {
    let open = tx.query_row("SELECT 1 FROM account WHERE id = ? AND closed_at IS NULL", [who.id.0], |_| Ok(())).optional()?;
    if open.is_none() {
        return Ok(false);
    }
    let changed = match factor {
        Factor::Code(step) => {
            tx.execute("UPDATE account SET totp_step = ?1 WHERE id = ?2 AND totp_step < ?1", params![step.cast_signed(), who.id.0])?
        }
        Factor::Passkey { credential, uses } => tx.execute(
            "UPDATE passkey SET uses = ?1 WHERE credential = ?2 AND account = ?3 AND (uses < ?1 OR (uses = 0 AND ?1 = 0))",
            params![uses, credential, who.id.0],
        )?,
    };
    Ok(changed > 0)
}

fn passkey(row: &Row<'_>) -> rusqlite::Result<Passkey> {
    Ok(Passkey {
        credential: row.get("credential")?,
        name: row.get("name")?,
        public_key: row.get("public_key")?,
        made_at: Timestamp::from_second(row.get("made_at")?).map_err(|_| super::deed::unreadable("made_at"))?,
        wrapped: row.get("wrapped")?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::{NewAccount, Role};
    use super::*;
    use crate::desk::Credentials;
    use crate::journal::Actor;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn people() -> (tempfile::TempDir, Desk, Account, Account) {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path()).unwrap();
        for (name, role) in [("Kim Linnet", Role::Deputy), ("Robin Finch", Role::Dsl)] {
            let new = NewAccount { name: name.to_owned(), role, addresses: Vec::new() };
            let link = desk.invite(NOW, &Actor::Program, &new).unwrap();
            let totp = desk.open_invitation(NOW, link.expose()).unwrap().unwrap().totp;
            assert!(desk.accept(NOW, link.expose(), &Credentials { password: "phc".to_owned(), totp, totp_step: 5 }).unwrap());
        }
        let mut accounts = desk.accounts().unwrap();
        let robin = accounts.remove(1);
        (folder, desk, accounts.remove(0), robin)
    }

    fn new(credential: &[u8]) -> NewPasskey<'_> {
        NewPasskey { credential, name: "phone", public_key: b"key", uses: 0, wrapped: Some("wrapped") }
    }

    #[test]
    fn a_code_of_the_second_factor_counts_once() {
        let (_folder, desk, _, robin) = people();
        let signs_in = |step| desk.signed_in(NOW, &robin, &Factor::Code(step)).unwrap();
        assert_eq!([5, 6, 6, 4, 7].map(signs_in), [false, true, false, false, true]);
        assert!(!desk.showed(&robin, &Factor::Code(7)).unwrap() && desk.showed(&robin, &Factor::Code(8)).unwrap());
        desk.close(NOW, &Actor::Program, "Robin Finch").unwrap();
        assert!(!signs_in(9));
    }

    #[test]
    fn a_passkey_is_its_owners_alone_and_a_count_that_does_not_grow_is_refused() {
        let (_folder, desk, kim, robin) = people();
        assert!(desk.add_passkey(NOW, &robin, &new(b"one")).unwrap());
        assert!(!desk.add_passkey(NOW, &kim, &new(b"one")).unwrap(), "somebody has it");
        let shows = |who: &Account, uses| desk.signed_in(NOW, who, &Factor::Passkey { credential: b"one".to_vec(), uses }).unwrap();
        assert!(!shows(&kim, 1), "hers alone");
        assert_eq!([0, 0, 1, 1, 0, 3, 2].map(|uses| shows(&robin, uses)), [true, true, true, false, false, true, false]);
        assert!(!desk.drop_passkey(NOW, &kim, b"one").unwrap() && desk.drop_passkey(NOW, &robin, b"one").unwrap());
        assert!(!shows(&robin, 9) && desk.passkeys(&robin).unwrap().is_empty());
    }

    #[test]
    fn nobody_has_more_passkeys_than_devices_and_none_outlives_a_lost_phone() {
        let (_folder, desk, _, robin) = people();
        let added = (0..20_u8).filter(|number| desk.add_passkey(NOW, &robin, &new(&[*number])).unwrap()).count();
        assert_eq!(added, 10);
        desk.keep_keys(NOW, &robin, "age1new", "wrapped").unwrap();
        assert!(desk.passkeys(&robin).unwrap().iter().all(|passkey| passkey.wrapped.is_none()), "they open a key that is no more");
        let _ = desk.invite_again(NOW, &Actor::Program, "Robin Finch").unwrap();
        assert!(desk.passkeys(&robin).unwrap().is_empty());
    }
}
