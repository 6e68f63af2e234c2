//! What people do with cases, one line a deed.

use std::collections::HashMap;
use std::str::FromStr;

use jiff::Timestamp;
use rusqlite::{Row, params};

use super::standing::{stand, stand_of};
use super::{Account, AccountId, Deeds, Desk, DeskError, Result, Stand};
use crate::case::{CaseId, Codename};
use crate::journal::Event;
use crate::vault::ObjectId;

/// One thing that can be done with a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deed {
    Acknowledge,
    /// What is sealed is to be destroyed, if somebody else agrees.
    AskDestroy,
    Assign,
    Close,
    Concern,
    /// What is sealed is destroyed, and the facts stay.
    Destroy,
    /// The rule was wrong: it should not have matched.
    FalseMatch,
    /// What is sealed left the house, as a package for the police.
    HandOver,
    /// What somebody asked to have destroyed stays sealed.
    Keep,
    MoreInformation,
    /// The rule was right, and there is nothing to be done.
    NoConcern,
    Note,
    /// What was held goes back where it lay.
    Release,
    Reopen,
    /// It is out of the way until a moment before it is due.
    Snooze,
    /// It is on the list again before that moment.
    Wake,
}

/// A deed that is to be written down.
#[derive(Clone, Copy)]
pub struct Done<'a> {
    pub case: CaseId,
    pub codename: &'a Codename,
    pub deed: Deed,
    /// Her own words: a note, a reason; empty where there are none.
    pub words: &'a str,
    /// For `Assign`: to whom. For `Destroy`: who asked for it, as the case stands.
    pub to: Option<AccountId>,
    /// For `Snooze`: how long.
    pub until: Option<Timestamp>,
    /// For `Release`: the keys of the messages that go back.
    pub keys: &'a [ReleasedKey],
}

/// The key of one sealed message. It has no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ReleasedKey {
    pub object: ObjectId,
    pub key: [u8; 16],
}

/// A line of a case's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeedRow {
    pub id: i64,
    pub case: CaseId,
    pub codename: Codename,
    pub at: Timestamp,
    pub by: String,
    pub deed: Deed,
    pub words: String,
    /// For `Assign`: to whom. For `Destroy`: who had asked for it.
    pub to: Option<String>,
    /// For `Snooze`: how long.
    pub until: Option<Timestamp>,
}

impl Deed {
    pub const ALL: [Self; 16] = [
        Self::Acknowledge,
        Self::AskDestroy,
        Self::Assign,
        Self::Close,
        Self::Concern,
        Self::Destroy,
        Self::FalseMatch,
        Self::HandOver,
        Self::Keep,
        Self::MoreInformation,
        Self::NoConcern,
        Self::Note,
        Self::Release,
        Self::Reopen,
        Self::Snooze,
        Self::Wake,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::AskDestroy => "ask-destroy",
            Self::Assign => "assign",
            Self::Close => "close",
            Self::Concern => "concern",
            Self::Destroy => "destroy",
            Self::FalseMatch => "false-match",
            Self::HandOver => "hand-over",
            Self::Keep => "keep",
            Self::MoreInformation => "more-information",
            Self::NoConcern => "no-concern",
            Self::Note => "note",
            Self::Release => "release",
            Self::Reopen => "reopen",
            Self::Snooze => "snooze",
            Self::Wake => "wake",
        }
    }

    /// As it stands in a history.
    pub fn told(self) -> &'static str {
        match self {
            Self::Acknowledge => "took it in hand",
            Self::AskDestroy => "asked a colleague to agree that what is sealed be destroyed",
            Self::Assign => "gave it to",
            Self::Close => "closed it",
            Self::Concern => "decided: a concern",
            Self::Destroy => "had what is sealed destroyed",
            Self::FalseMatch => "decided: the rule was wrong",
            Self::HandOver => "made a package for the police",
            Self::Keep => "decided: what is sealed is kept",
            Self::MoreInformation => "decided: more information is needed",
            Self::NoConcern => "decided: no concern",
            Self::Note => "noted",
            Self::Release => "released the message",
            Self::Reopen => "opened it again",
            Self::Snooze => "put it off until",
            Self::Wake => "put it back on the list",
        }
    }

    /// Whether it has to say why.
    pub fn needs_words(self) -> bool {
        matches!(
            self,
            Self::AskDestroy
                | Self::Close
                | Self::Destroy
                | Self::FalseMatch
                | Self::HandOver
                | Self::Keep
                | Self::NoConcern
                | Self::Note
                | Self::Release
                | Self::Reopen
        )
    }

    /// Whether it is about what is sealed: for those alone whose key opens it, and with rules of its own.
    pub fn is_of_the_sealed(self) -> bool {
        matches!(self, Self::AskDestroy | Self::Destroy | Self::HandOver | Self::Keep | Self::Release)
    }
}

impl FromStr for Deed {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|deed| deed.as_str() == text).ok_or(())
    }
}

impl Desk {
    /// Writes down a deed, where the case stands after it, and a line of the journal: all or nothing.
    ///
    /// # Errors
    /// `Changed` for a `Destroy` that agrees with somebody who does not ask for it any more; else when the database refuses.
    pub fn done(&self, now: Timestamp, by: &Account, done: &Done<'_>) -> Result<()> {
        let Done { case, codename, deed, words, to, until, keys } = *done;
        self.write(|tx| {
            let before = stand_of(tx, case)?;
            if deed == Deed::Destroy && before.destroy_asked_by != to {
                return Err(DeskError::Changed);
            }
            let id: i64 = tx
                .prepare_cached(
                    "INSERT INTO deed (of_case, codename, at, by, kind, words, owner, until) VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING id",
                )?
                .query_row(
                    params![
                        case.0,
                        codename.as_str(),
                        now.as_second(),
                        by.id.0,
                        deed.as_str(),
                        words,
                        to.map(|to| to.0),
                        until.map(Timestamp::as_second)
                    ],
                    |row| row.get(0),
                )?;
            let mut keep = tx.prepare_cached("INSERT INTO released_key (deed, object, key) VALUES (?, ?, ?)")?;
            for released in keys {
                keep.execute(params![id, released.object.to_string(), released.key])?;
            }
            let closed_by = if deed.closes() { id } else { before.closed_by };
            let stand = Stand { closed_by, ..deed.after(before, done, by.id) };
            tx.prepare_cached(
                "INSERT OR REPLACE INTO standing (of_case, status, outcome, owner, snoozed_until, destroy_asked_by, closed_by) VALUES (?, ?, ?, ?, ?, ?, ?)",
            )?
            .execute(params![
                case.0,
                stand.status.as_str(),
                stand.outcome.map(Deed::as_str),
                stand.owner.map(|owner| owner.0),
                stand.snoozed_until.map(Timestamp::as_second),
                stand.destroy_asked_by.map(|asker| asker.0),
                stand.closed_by
            ])?;
            let event = Event::Deed { case, codename: codename.clone(), deed: deed.as_str().to_owned(), words: words.to_owned(), until };
            self.append(tx, now, &by.actor(), &event)
        })
    }

    /// Where those of these cases stand with which anything was done. Nothing of any other is read.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn stands(&self, of: impl Iterator<Item = CaseId>) -> Result<HashMap<CaseId, Stand>> {
        let of = of.map(|case| case.0).collect::<serde_json::Value>().to_string();
        self.read(|conn| {
            conn.prepare_cached("SELECT * FROM standing WHERE of_case IN (SELECT value FROM json_each(?))")?
                .query_map([of], |row| Ok((CaseId(row.get("of_case")?), stand(row)?)))?
                .collect()
        })
    }

    /// # Errors
    /// When the database refuses.
    pub fn stand(&self, case: CaseId) -> Result<Stand> {
        self.read(|conn| stand_of(conn, case))
    }

    /// What was done with a case, oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn history(&self, case: CaseId) -> Result<Vec<DeedRow>> {
        self.read(|conn| {
            conn.prepare_cached(&format!("{ROW} WHERE of_case = ? ORDER BY deed.id"))?.query_map([case.0], deed_row)?.collect()
        })
    }

    /// Forgets the keys of messages that are back by now.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn forget_keys(&self, up_to: i64) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached("DELETE FROM released_key WHERE deed <= ?")?.execute([up_to])?;
            Ok(())
        })
    }
}

impl Deeds {
    /// What was done after the deed of this number, oldest first.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn since(&self, deed: i64) -> Result<Vec<DeedRow>> {
        self.read(|conn| conn.prepare_cached(&format!("{ROW} WHERE deed.id > ? ORDER BY deed.id"))?.query_map([deed], deed_row)?.collect())
    }

    /// The keys that came with a release.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keys(&self, deed: i64) -> Result<Vec<ReleasedKey>> {
        self.read(|conn| {
            conn.prepare_cached("SELECT object, key FROM released_key WHERE deed = ?")?
                .query_map([deed], |row| {
                    let object = row.get::<_, String>("object")?.parse().map_err(|_| unreadable("object"))?;
                    Ok(ReleasedKey { object, key: row.get("key")? })
                })?
                .collect()
        })
    }
}

const ROW: &str = "SELECT deed.*, doer.name AS doer, taker.name AS taker FROM deed
     JOIN account AS doer ON doer.id = deed.by LEFT JOIN account AS taker ON taker.id = deed.owner";

fn deed_row(row: &Row<'_>) -> rusqlite::Result<DeedRow> {
    Ok(DeedRow {
        id: row.get("id")?,
        case: CaseId(row.get("of_case")?),
        codename: row.get::<_, String>("codename")?.parse().map_err(|_| unreadable("codename"))?,
        at: Timestamp::from_second(row.get("at")?).map_err(|_| unreadable("at"))?,
        by: row.get("doer")?,
        deed: row.get::<_, String>("kind")?.parse().map_err(|()| unreadable("kind"))?,
        words: row.get("words")?,
        to: row.get("taker")?,
        until: moment_if_any(row, "until")?,
    })
}

pub(super) fn moment_if_any(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<Timestamp>> {
    let second: Option<i64> = row.get(column)?;
    second.map(|second| Timestamp::from_second(second).map_err(|_| unreadable(column))).transpose()
}

pub(super) fn unreadable(column: &str) -> rusqlite::Error {
    rusqlite::Error::InvalidColumnType(0, column.to_owned(), rusqlite::types::Type::Text)
}

#[cfg(test)]
mod tests {
    use super::super::{NewAccount, Role, Status};
    use super::*;
    use crate::journal::Actor;

    struct People {
        folder: tempfile::TempDir,
        desk: Desk,
        robin: Account,
        kim: Account,
    }

    impl People {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let desk = Desk::open(folder.path()).unwrap();
            for (name, role) in [("Robin Finch", Role::Dsl), ("Kim Linnet", Role::Deputy)] {
                let new = NewAccount { name: name.to_owned(), role, addresses: Vec::new() };
                let _ = desk.invite(Timestamp::UNIX_EPOCH, &Actor::Program, &new).unwrap();
            }
            let mut accounts = desk.accounts().unwrap();
            let robin = accounts.remove(1);
            Self { folder, desk, robin, kim: accounts.remove(0) }
        }

        fn does(&self, who: &Account, deed: Deed, to: Option<AccountId>, words: &str) -> Stand {
            let codename = "amber-heron-7".parse().unwrap();
            let until = (deed == Deed::Snooze).then(noon);
            let done = Done { case: CaseId(7), codename: &codename, deed, words, to, until, keys: &[] };
            self.desk.done(Timestamp::UNIX_EPOCH, who, &done).unwrap();
            self.desk.stand(CaseId(7)).unwrap()
        }
    }

    fn noon() -> Timestamp {
        Timestamp::from_second(12 * 3_600).unwrap()
    }

    #[test]
    fn a_case_goes_from_hand_to_hand_and_can_always_be_opened_again() {
        let People { desk, robin, kim, .. } = &People::new();
        assert_eq!(desk.stand(CaseId(7)).unwrap(), Stand::default());
        let people = People::new();
        let (first, second) = (Some(robin.id), Some(kim.id));
        for (deed, to, stand) in [
            (Deed::Acknowledge, None, Stand { status: Status::Acknowledged, outcome: None, owner: first, ..Stand::default() }),
            (Deed::Concern, None, Stand { status: Status::InHand, outcome: Some(Deed::Concern), owner: first, ..Stand::default() }),
            (Deed::Acknowledge, None, Stand { status: Status::InHand, outcome: Some(Deed::Concern), owner: first, ..Stand::default() }),
            (Deed::Assign, second, Stand { status: Status::InHand, outcome: Some(Deed::Concern), owner: second, ..Stand::default() }),
            (
                Deed::FalseMatch,
                None,
                Stand { status: Status::Closed, outcome: Some(Deed::FalseMatch), owner: second, closed_by: 5, ..Stand::default() },
            ),
            (
                Deed::Note,
                None,
                Stand { status: Status::Closed, outcome: Some(Deed::FalseMatch), owner: second, closed_by: 5, ..Stand::default() },
            ),
            (
                Deed::Reopen,
                None,
                Stand { status: Status::InHand, outcome: Some(Deed::FalseMatch), owner: second, closed_by: 5, ..Stand::default() },
            ),
        ] {
            assert_eq!(people.does(&people.robin, deed, to, "because"), stand, "{deed:?}");
        }
        assert_eq!(people.desk.stands([CaseId(7)].into_iter()).unwrap()[&CaseId(7)], people.desk.stand(CaseId(7)).unwrap());
        assert!(people.desk.stands([CaseId(6)].into_iter()).unwrap().is_empty(), "of another case nothing is read");
    }

    #[test]
    fn a_case_is_put_off_until_somebody_does_something_with_it() {
        let people = People::new();
        for deed in Deed::ALL.into_iter().filter(|deed| *deed != Deed::Snooze) {
            let put_off = people.does(&people.robin, Deed::Snooze, None, "");
            assert_eq!(put_off.snoozed_until, Some(noon()));
            let to = if deed == Deed::Destroy { put_off.destroy_asked_by } else { Some(people.kim.id) };
            let stand = people.does(&people.kim, deed, to, "because");
            assert_eq!(stand.snoozed_until, (deed == Deed::Note).then(noon), "{deed:?}");
        }
        let history = people.desk.history(CaseId(7)).unwrap();
        assert_eq!((history[0].deed, history[0].until), (Deed::Snooze, Some(noon())));
        let first = people.desk.journal_end(1_000).unwrap().into_iter().find(|line| matches!(line.event, Event::Deed { .. })).unwrap();
        assert!(matches!(first.event, Event::Deed { until, .. } if until == Some(noon())));
    }

    #[test]
    fn what_was_asked_stands_until_somebody_answers_or_the_case_moves_on() {
        let people = People::new();
        let (robin, kim) = (&people.robin, &people.kim);
        for (deed, to, asked) in [
            (Deed::Note, None, Some(robin.id)),
            (Deed::Assign, Some(kim.id), Some(robin.id)),
            (Deed::Keep, None, None),
            (Deed::Reopen, None, None),
            (Deed::Release, None, None),
            (Deed::Destroy, Some(robin.id), None),
        ] {
            assert_eq!(people.does(robin, Deed::AskDestroy, None, "no agency needs it").destroy_asked_by, Some(robin.id));
            assert_eq!(people.does(kim, deed, to, "because").destroy_asked_by, asked, "{deed:?}");
        }
        let last = people.desk.history(CaseId(7)).unwrap().pop().unwrap();
        assert_eq!((last.by.as_str(), last.to.as_deref()), ("Kim Linnet", Some("Robin Finch")), "both are named");
    }

    #[test]
    fn nobody_agrees_with_what_is_asked_no_more() {
        let people = People::new();
        people.does(&people.robin, Deed::AskDestroy, None, "no agency needs it");
        people.does(&people.robin, Deed::Keep, None, "the police have called");
        let codename = "amber-heron-7".parse().unwrap();
        let agrees = |to| {
            let done = Done { case: CaseId(7), codename: &codename, deed: Deed::Destroy, words: "as asked", to, until: None, keys: &[] };
            people.desk.done(Timestamp::UNIX_EPOCH, &people.kim, &done)
        };
        assert!(matches!(agrees(Some(people.robin.id)), Err(DeskError::Changed)));
        assert_eq!(people.desk.history(CaseId(7)).unwrap().len(), 2, "and nothing is written down");
        agrees(None).unwrap();
    }

    #[test]
    fn putting_a_case_off_and_back_changes_nothing_else() {
        let people = People::new();
        let before = people.does(&people.kim, Deed::Concern, None, "");
        people.does(&people.robin, Deed::Snooze, None, "");
        assert_eq!(people.does(&people.robin, Deed::Wake, None, ""), before);
    }

    #[test]
    fn every_deed_stands_in_the_history_and_in_the_journal_and_the_service_reads_it() {
        let people = People::new();
        people.does(&people.robin, Deed::Acknowledge, None, "");
        people.does(&people.kim, Deed::Note, None, "spoke to her tutor");
        let told: Vec<_> = people.desk.history(CaseId(7)).unwrap().into_iter().map(|row| (row.by, row.deed, row.words)).collect();
        let expected = [("Robin Finch", Deed::Acknowledge, ""), ("Kim Linnet", Deed::Note, "spoke to her tutor")];
        assert_eq!(told, expected.map(|(by, deed, words)| (by.to_owned(), deed, words.to_owned())));
        let last = people.desk.journal_end(1).unwrap().remove(0);
        assert_eq!(last.who, Actor::Account("Kim Linnet".to_owned()));
        assert!(matches!(&last.event, Event::Deed { deed, words, .. } if deed == "note" && words == "spoke to her tutor"));
        let deeds = Deeds::open(people.folder.path()).unwrap().unwrap();
        assert_eq!(deeds.since(1).unwrap(), people.desk.history(CaseId(7)).unwrap()[1..]);
        let refused = people.desk.conn.execute("DELETE FROM deed", []).unwrap_err().to_string();
        assert_eq!(refused, "a deed is never deleted");
    }

    #[test]
    fn the_key_of_a_released_message_is_there_until_it_is_forgotten() {
        let people = People::new();
        let codename = "amber-heron-7".parse().unwrap();
        let keys = [ReleasedKey { object: "ab".repeat(16).parse().unwrap(), key: [7; 16] }];
        let done =
            Done { case: CaseId(7), codename: &codename, deed: Deed::Release, words: "a lesson", to: None, until: None, keys: &keys };
        people.desk.done(Timestamp::UNIX_EPOCH, &people.robin, &done).unwrap();
        let deeds = Deeds::open(people.folder.path()).unwrap().unwrap();
        assert!(deeds.keys(1).unwrap() == keys);
        people.desk.forget_keys(1).unwrap();
        assert!(deeds.keys(1).unwrap().is_empty());
        let octets = std::fs::read(people.folder.path().join("desk.db")).unwrap();
        assert!(!octets.windows(16).any(|window| window == [7; 16]), "what is deleted is overwritten");
    }
}
