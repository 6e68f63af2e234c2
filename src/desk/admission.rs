//! Keys that were admitted to an audience by somebody who can open it: kept until the service has taken them over.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, params};

use super::deed::unreadable;
use super::{Account, AccountId, Deeds, Desk, Result};
use crate::finding::Audience;
use crate::journal::Event;

/// What somebody's browser has sealed to a colleague whose key is confirmed.
#[derive(Clone, Copy)]
pub struct NewAdmission<'a> {
    /// Whose key.
    pub whose: AccountId,
    pub audience: Audience,
    /// The public half of the audience's key, `age1…`.
    pub audience_key: &'a str,
    /// The key that was confirmed, `age1…`.
    pub recipient: &'a str,
    /// The ring, as that key alone opens it.
    pub wrapped: &'a [u8],
}

/// The same, as the service finds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Admission {
    pub id: i64,
    pub whose: AccountId,
    pub name: String,
    pub by: String,
    pub audience: Audience,
    pub audience_key: String,
    pub recipient: String,
    pub wrapped: Vec<u8>,
}

impl Desk {
    /// Keeps what was sealed for the service, in the place of anything earlier of the same person. Says whether the key was
    /// hers, confirmed by another, and not the admitter's own.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn admit(&self, now: Timestamp, by: &Account, new: &NewAdmission<'_>) -> Result<bool> {
        let NewAdmission { whose, audience, audience_key, recipient, wrapped } = *new;
        self.write(|tx| {
            let name: Option<String> = tx
                .query_row(
                    "SELECT name FROM account WHERE id = ?1 AND id <> ?2 AND recipient = ?3 AND confirmed_by <> id AND closed_at IS NULL",
                    params![whose.0, by.id.0, recipient],
                    |row| row.get(0),
                )
                .optional()?;
            let Some(name) = name else { return Ok(false) };
            tx.execute(
                "INSERT OR REPLACE INTO admission (account, by, audience, audience_key, recipient, wrapped) VALUES (?, ?, ?, ?, ?, ?)",
                params![whose.0, by.id.0, audience.as_str(), audience_key, recipient, wrapped],
            )?;
            let event = Event::KeyAdmitted { audience, name, recipient: recipient.to_owned() };
            self.append(tx, now, &by.actor(), &event)?;
            Ok(true)
        })
    }

    /// What the service has not been seen to have taken over.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn admissions(&self) -> Result<Vec<Admission>> {
        self.read(admissions)
    }

    /// The service has taken it over, or it never will.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn forget_admission(&self, id: i64) -> Result<()> {
        self.write(|tx| {
            tx.execute("DELETE FROM admission WHERE id = ?", [id])?;
            Ok(())
        })
    }
}

impl Deeds {
    /// As [`Desk::admissions`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn admissions(&self) -> Result<Vec<Admission>> {
        self.read(admissions)
    }
}

fn admissions(conn: &Connection) -> rusqlite::Result<Vec<Admission>> {
    // A key that was made anew since, or whose account is closed, is not the one that was confirmed.
    conn.prepare_cached(
        "SELECT admission.*, account.name AS name, admitter.name AS admitter FROM admission
         JOIN account ON account.id = admission.account JOIN account AS admitter ON admitter.id = admission.by
         WHERE account.recipient = admission.recipient AND account.confirmed_by IS NOT NULL AND account.closed_at IS NULL
         ORDER BY admission.id",
    )?
    .query_map([], admission)?
    .collect()
}

fn admission(row: &Row<'_>) -> rusqlite::Result<Admission> {
    Ok(Admission {
        id: row.get("id")?,
        whose: AccountId(row.get("account")?),
        name: row.get("name")?,
        by: row.get("admitter")?,
        audience: row.get::<_, String>("audience")?.parse().map_err(|()| unreadable("audience"))?,
        audience_key: row.get("audience_key")?,
        recipient: row.get("recipient")?,
        wrapped: row.get("wrapped")?,
    })
}
