//! The people who work at the desk: invited at the command line, signed in with a password and a second factor.

use std::fmt;
use std::str::FromStr;

use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::{Deeds, Desk, DeskError, Result};
use crate::journal::{Actor, Event};
use crate::mail::Address;

/// For how long a link of an invitation works.
const INVITED_FOR: SignedDuration = SignedDuration::from_hours(72);

/// What somebody is to the school's safeguarding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// The chair of governors.
    Chair,
    DataProtection,
    Deputy,
    Dsl,
    Head,
    Pastoral,
    Technician,
}

impl Role {
    pub const ALL: [Self; 7] = [Self::Chair, Self::DataProtection, Self::Deputy, Self::Dsl, Self::Head, Self::Pastoral, Self::Technician];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chair => "chair",
            Self::DataProtection => "data-protection",
            Self::Deputy => "deputy",
            Self::Dsl => "dsl",
            Self::Head => "head",
            Self::Pastoral => "pastoral",
            Self::Technician => "technician",
        }
    }

    pub fn title(self) -> &'static str {
        match self {
            Self::Chair => "chair of governors",
            Self::DataProtection => "data protection officer",
            Self::Deputy => "deputy safeguarding lead",
            Self::Dsl => "safeguarding lead",
            Self::Head => "headteacher",
            Self::Pastoral => "pastoral lead",
            Self::Technician => "technician",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::as_str).join(", ");
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or_else(|| format!("`{text}` is not a role; it is one of {}", known()))
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(pub i64);

/// Somebody with an open account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub id: AccountId,
    pub name: String,
    pub role: Role,
    /// Her own mail addresses: whoever is a party to a case cannot see that it exists.
    pub addresses: Vec<Address>,
    /// She has used her invitation.
    pub active: bool,
    pub keys: Option<Keys>,
}

/// A key that was made in somebody's browser.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keys {
    /// `age1…`
    pub recipient: String,
    /// An armoured age file that her passphrase opens.
    pub wrapped: String,
    /// Somebody else has compared the fingerprint with her.
    pub confirmed: bool,
}

/// Whom to invite.
#[derive(Clone, Debug)]
pub struct NewAccount {
    pub name: String,
    pub role: Role,
    pub addresses: Vec<Address>,
}

/// What a link holds: 256 random bits, kept here as a digest alone. It has no `Debug`.
pub struct Invitation(String);

impl Invitation {
    pub fn expose(&self) -> &str {
        &self.0
    }
}

/// Somebody whose invitation still works.
pub struct Invited {
    pub account: Account,
    pub totp: Vec<u8>,
}

/// What somebody is known by when she signs in. It has no `Debug`.
pub struct Credentials {
    /// As PHC string.
    pub password: String,
    pub totp: Vec<u8>,
    /// The last step of the second factor that was used: no code counts twice.
    pub totp_step: u64,
}

impl Account {
    pub fn actor(&self) -> Actor {
        Actor::Account(self.name.clone())
    }
}

impl Desk {
    /// Makes an account that nobody can use before its invitation was used, once, within 72 hours.
    ///
    /// # Errors
    /// `NameTaken`, or when the database refuses.
    pub fn invite(&self, now: Timestamp, who: &Actor, new: &NewAccount) -> Result<Invitation> {
        let invitation = hex::encode(random::<32>()?);
        let addresses = column(&new.addresses);
        let until = now.saturating_add(INVITED_FOR).unwrap_or(Timestamp::MAX);
        self.write(|tx| {
            if tx.prepare_cached("SELECT 1 FROM account WHERE name = ?")?.exists([&new.name])? {
                return Err(DeskError::NameTaken(new.name.clone()));
            }
            tx.execute(
                "INSERT INTO account (name, role, addresses, totp, invitation, invited_until) VALUES (?, ?, ?, ?, ?, ?)",
                params![new.name, new.role.as_str(), addresses, random::<20>()?, digest(&invitation), until.as_second()],
            )?;
            self.append(tx, now, who, &Event::Invited { name: new.name.clone(), role: new.role.to_string() })
        })?;
        Ok(Invitation(invitation))
    }

    /// A new link for somebody who lost her password or her second factor; the old ones work no more, and
    /// neither does any session. What she wrapped with her passphrase stays: that is another secret.
    ///
    /// # Errors
    /// `NoAccount`, or when the database refuses.
    pub fn invite_again(&self, now: Timestamp, who: &Actor, name: &str) -> Result<Invitation> {
        let invitation = hex::encode(random::<32>()?);
        let until = now.saturating_add(INVITED_FOR).unwrap_or(Timestamp::MAX);
        self.write(|tx| {
            let role: Option<String> = tx
                .query_row(
                    "UPDATE account SET password = NULL, totp = ?, totp_step = 0, invitation = ?, invited_until = ?
                     WHERE name = ? AND closed_at IS NULL RETURNING role",
                    params![random::<20>()?, digest(&invitation), until.as_second(), name],
                    |row| row.get(0),
                )
                .optional()?;
            let role = role.ok_or_else(|| DeskError::NoAccount(name.to_owned()))?;
            // A lost phone may hold one.
            tx.execute("DELETE FROM passkey WHERE account = (SELECT id FROM account WHERE name = ?)", [name])?;
            self.append(tx, now, who, &Event::Invited { name: name.to_owned(), role })
        })?;
        Ok(Invitation(invitation))
    }

    /// Whom a link was made for, as long as it works.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn invited(&self, now: Timestamp, link: &str) -> Result<Option<Invited>> {
        self.read(|conn| {
            conn.prepare_cached("SELECT * FROM account WHERE invitation = ? AND invited_until > ? AND closed_at IS NULL")?
                .query_row(params![digest(link), now.as_second()], |row| Ok(Invited { account: account(row)?, totp: row.get("totp")? }))
                .optional()
        })
    }

    /// As [`Desk::invited`], with a new secret for her second factor: who was shown an earlier one holds nothing by it.
    ///
    /// # Errors
    /// When the kernel gives no random octets, or the database refuses.
    pub fn open_invitation(&self, now: Timestamp, link: &str) -> Result<Option<Invited>> {
        let totp = random::<20>()?;
        self.write(|tx| {
            let opened = tx
                .query_row(
                    "UPDATE account SET totp = ? WHERE invitation = ? AND invited_until > ? AND closed_at IS NULL RETURNING *",
                    params![totp, digest(link), now.as_second()],
                    account,
                )
                .optional()?;
            let Some(account) = opened else { return Ok(None) };
            self.append(tx, now, &account.actor(), &Event::InvitationOpened { name: account.name.clone() })?;
            Ok(Some(Invited { account, totp: totp.into() }))
        })
    }

    /// Uses an invitation up: from now on she signs in with this password and the second factor that she has shown to have.
    /// Says whether it was there to be used; it is not, where it was opened once more and shows another secret by now.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn accept(&self, now: Timestamp, link: &str, proved: &Credentials) -> Result<bool> {
        self.write(|tx| {
            let name: Option<String> = tx
                .query_row(
                    "UPDATE account SET password = ?, totp_step = ?, invitation = NULL, invited_until = NULL
                     WHERE invitation = ? AND totp = ? AND invited_until > ? AND closed_at IS NULL RETURNING name",
                    params![proved.password, proved.totp_step.cast_signed(), digest(link), proved.totp, now.as_second()],
                    |row| row.get(0),
                )
                .optional()?;
            let Some(name) = name else { return Ok(false) };
            self.append(tx, now, &Actor::Account(name.clone()), &Event::InvitationUsed { name })?;
            Ok(true)
        })
    }

    /// Ends an account. Its name stays taken, because the journal knows it.
    ///
    /// # Errors
    /// `NoAccount`, or when the database refuses.
    pub fn close(&self, now: Timestamp, who: &Actor, name: &str) -> Result<()> {
        self.write(|tx| {
            let closed = tx.execute(
                "UPDATE account SET closed_at = ?, password = NULL, invitation = NULL WHERE name = ? AND closed_at IS NULL",
                params![now.as_second(), name],
            )?;
            if closed == 0 {
                return Err(DeskError::NoAccount(name.to_owned()));
            }
            tx.execute("DELETE FROM passkey WHERE account = (SELECT id FROM account WHERE name = ?)", [name])?;
            self.append(tx, now, who, &Event::AccountClosed { name: name.to_owned() })
        })
    }

    /// Every open account, by name.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        self.read(accounts)
    }

    /// An account as long as it is open.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn account(&self, id: AccountId) -> Result<Option<Account>> {
        self.read(|conn| {
            conn.prepare_cached("SELECT * FROM account WHERE id = ? AND closed_at IS NULL")?.query_row([id.0], account).optional()
        })
    }

    /// What somebody of this name has to know and to have; `None` where there is nobody who can sign in.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn credentials(&self, name: &str) -> Result<Option<(Account, Credentials)>> {
        self.read(|conn| {
            conn.prepare_cached("SELECT * FROM account WHERE name = ? AND password IS NOT NULL AND closed_at IS NULL")?
                .query_row([name], |row| {
                    let totp_step = row.get::<_, i64>("totp_step")?.cast_unsigned();
                    Ok((account(row)?, Credentials { password: row.get("password")?, totp: row.get("totp")?, totp_step }))
                })
                .optional()
        })
    }

    /// Keeps a key that somebody has made, in the place of an earlier one. Nobody has confirmed it yet.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keep_keys(&self, now: Timestamp, who: &Account, recipient: &str, wrapped: &str) -> Result<()> {
        self.write(|tx| {
            tx.execute(
                "UPDATE account SET recipient = ?, wrapped = ?, confirmed_by = NULL WHERE id = ? AND closed_at IS NULL",
                params![recipient, wrapped, who.id.0],
            )?;
            // They open a key that is no more.
            tx.execute("UPDATE passkey SET wrapped = NULL WHERE account = ?", [who.id.0])?;
            // She may bring the very key again: what was sealed to it rests on a confirmation that is no more.
            tx.execute("DELETE FROM admission WHERE account = ?", [who.id.0])?;
            self.append(tx, now, &who.actor(), &Event::KeyMade { recipient: recipient.to_owned() })
        })
    }

    /// Somebody else stands for it that this is the key of whose account it is. Says whether it was there to be confirmed.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn confirm_keys(&self, now: Timestamp, who: &Account, whose: AccountId, recipient: &str) -> Result<bool> {
        self.write(|tx| {
            let name: Option<String> = tx
                .query_row(
                    "UPDATE account SET confirmed_by = ?1 WHERE id = ?2 AND id <> ?1 AND recipient = ?3 AND closed_at IS NULL RETURNING name",
                    params![who.id.0, whose.0, recipient],
                    |row| row.get(0),
                )
                .optional()?;
            let Some(name) = name else { return Ok(false) };
            self.append(tx, now, &who.actor(), &Event::KeyConfirmed { name, recipient: recipient.to_owned() })?;
            Ok(true)
        })
    }
}

impl Deeds {
    /// As [`Desk::accounts`].
    ///
    /// # Errors
    /// When the database refuses.
    pub fn accounts(&self) -> Result<Vec<Account>> {
        self.read(accounts)
    }
}

fn accounts(conn: &rusqlite::Connection) -> rusqlite::Result<Vec<Account>> {
    conn.prepare_cached("SELECT * FROM account WHERE closed_at IS NULL ORDER BY name")?.query_map([], account)?.collect()
}

/// Addresses as they are stored.
pub(super) fn column(addresses: &[Address]) -> String {
    serde_json::to_string(addresses).unwrap_or_default()
}

pub(super) fn account(row: &Row<'_>) -> rusqlite::Result<Account> {
    let unreadable = |column: &str| rusqlite::Error::InvalidColumnType(0, column.to_owned(), rusqlite::types::Type::Text);
    let recipient: Option<String> = row.get("recipient")?;
    let wrapped: Option<String> = row.get("wrapped")?;
    let confirmed = row.get::<_, Option<i64>>("confirmed_by")?.is_some();
    Ok(Account {
        id: AccountId(row.get("id")?),
        name: row.get("name")?,
        role: row.get::<_, String>("role")?.parse().map_err(|_| unreadable("role"))?,
        addresses: serde_json::from_str(&row.get::<_, String>("addresses")?).map_err(|_| unreadable("addresses"))?,
        active: row.get::<_, Option<String>>("password")?.is_some(),
        keys: recipient.zip(wrapped).map(|(recipient, wrapped)| Keys { recipient, wrapped, confirmed }),
    })
}

fn digest(link: &str) -> [u8; 32] {
    Sha256::digest(link).into()
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut octets = [0; N];
    getrandom::fill(&mut octets)
        .map_err(|error| DeskError::Io { path: "/dev/urandom".into(), source: std::io::Error::other(error.to_string()) })?;
    Ok(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(hour: i64) -> Timestamp {
        Timestamp::from_second(hour * 3_600).unwrap()
    }

    fn robin() -> NewAccount {
        NewAccount { name: "Robin Finch".to_owned(), role: Role::Dsl, addresses: vec!["robin@school.example".parse().unwrap()] }
    }

    fn proved(invited: &Invited) -> Credentials {
        Credentials { password: "phc".to_owned(), totp: invited.totp.clone(), totp_step: 5 }
    }

    fn desk() -> (tempfile::TempDir, Desk) {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path()).unwrap();
        (folder, desk)
    }

    #[test]
    fn an_invitation_works_once_and_for_three_days() {
        let (_folder, desk) = desk();
        let link = desk.invite(at(0), &Actor::Program, &robin()).unwrap();
        assert!(desk.invited(at(72), link.expose()).unwrap().is_none(), "too late");
        assert!(desk.invited(at(71), "another").unwrap().is_none());
        let invited = desk.invited(at(71), link.expose()).unwrap().unwrap();
        assert_eq!((invited.account.name.as_str(), invited.totp.len()), ("Robin Finch", 20));
        assert!(desk.credentials("Robin Finch").unwrap().is_none(), "it was not used yet");
        let proved = proved(&invited);
        assert!(!desk.accept(at(72), link.expose(), &proved).unwrap());
        assert!(desk.accept(at(71), link.expose(), &proved).unwrap());
        let other = Credentials { password: "other".to_owned(), ..proved };
        assert!(!desk.accept(at(71), link.expose(), &other).unwrap(), "once");
        let (account, credentials) = desk.credentials("robin finch").unwrap().unwrap();
        assert_eq!((account.role, credentials.password.as_str(), credentials.totp_step), (Role::Dsl, "phc", 5));
    }

    #[test]
    fn who_was_shown_an_earlier_secret_holds_nothing_by_it_and_each_showing_is_written_down() {
        let (_folder, desk) = desk();
        let link = desk.invite(at(0), &Actor::Program, &robin()).unwrap();
        assert!(desk.open_invitation(at(72), link.expose()).unwrap().is_none(), "too late");
        assert!(desk.open_invitation(at(1), "another").unwrap().is_none());
        let [first, second] = [1, 2].map(|hour| desk.open_invitation(at(hour), link.expose()).unwrap().unwrap());
        assert_ne!(first.totp, second.totp);
        assert!(!desk.accept(at(3), link.expose(), &proved(&first)).unwrap(), "what she has proved is not what would be kept");
        assert!(desk.invited(at(3), link.expose()).unwrap().is_some(), "and the invitation is there still");
        assert!(desk.accept(at(3), link.expose(), &proved(&second)).unwrap());
        assert_eq!(desk.credentials("Robin Finch").unwrap().unwrap().1.totp, second.totp);
        assert!(desk.open_invitation(at(4), link.expose()).unwrap().is_none(), "nor does it open what was used");
        let robin = Actor::Account("Robin Finch".to_owned());
        let opened = Event::InvitationOpened { name: "Robin Finch".to_owned() };
        let lines: Vec<_> = desk.journal_end(9).unwrap().into_iter().filter(|line| line.event == opened && line.who == robin).collect();
        assert_eq!(lines.iter().map(|line| line.at).collect::<Vec<_>>(), [at(1), at(2)]);
    }

    #[test]
    fn a_new_link_ends_the_old_password_and_the_old_second_factor() {
        let (_folder, desk) = desk();
        let first = desk.invite(at(0), &Actor::Program, &robin()).unwrap();
        let before = desk.invited(at(1), first.expose()).unwrap().unwrap();
        assert!(desk.accept(at(1), first.expose(), &proved(&before)).unwrap());
        let second = desk.invite_again(at(2), &Actor::Program, "Robin Finch").unwrap();
        assert!(desk.credentials("Robin Finch").unwrap().is_none());
        assert_ne!(desk.invited(at(3), second.expose()).unwrap().unwrap().totp, before.totp);
        assert!(matches!(desk.invite_again(at(2), &Actor::Program, "Nobody"), Err(DeskError::NoAccount(_))));
    }

    #[test]
    fn a_closed_account_is_gone_and_its_name_is_never_given_again() {
        let (_folder, desk) = desk();
        let link = desk.invite(at(0), &Actor::Program, &robin()).unwrap();
        let invited = desk.invited(at(1), link.expose()).unwrap().unwrap();
        assert!(desk.accept(at(1), link.expose(), &proved(&invited)).unwrap());
        let account = desk.accounts().unwrap().remove(0);
        desk.close(at(2), &Actor::Program, "Robin Finch").unwrap();
        assert!(desk.accounts().unwrap().is_empty() && desk.account(account.id).unwrap().is_none());
        assert!(desk.credentials("Robin Finch").unwrap().is_none());
        assert!(matches!(desk.invite(at(3), &Actor::Program, &robin()), Err(DeskError::NameTaken(name)) if name == "Robin Finch"));
    }
}
