//! Where a case stands, and what each deed makes of that.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, Row};

use super::deed::{moment_if_any, unreadable};
use super::{AccountId, Deed, Done};
use crate::case::CaseId;

/// How far people have come with a case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    #[default]
    New,
    Acknowledged,
    InHand,
    Closed,
}

/// Where a case stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stand {
    pub status: Status,
    /// What was decided last: `Concern`, `NoConcern`, `FalseMatch` or `MoreInformation`.
    pub outcome: Option<Deed>,
    pub owner: Option<AccountId>,
    pub snoozed_until: Option<Timestamp>,
    /// Who asked that what is sealed be destroyed, as long as nobody has answered.
    pub destroy_asked_by: Option<AccountId>,
    /// The number of the deed that closed it last; 0 where none did.
    pub closed_by: i64,
}

impl Status {
    const ALL: [Self; 4] = [Self::New, Self::Acknowledged, Self::InHand, Self::Closed];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Acknowledged => "acknowledged",
            Self::InHand => "in hand",
            Self::Closed => "closed",
        }
    }
}

impl Deed {
    /// Whether a case is closed by it.
    pub(super) fn closes(self) -> bool {
        matches!(self, Self::Close | Self::FalseMatch | Self::NoConcern | Self::Release)
    }

    /// Where a case stands after it. Whoever does anything with a case has looked at it: it is put off no longer.
    pub(super) fn after(self, before: Stand, done: &Done<'_>, by: AccountId) -> Stand {
        let owner = before.owner.or(Some(by));
        // What somebody asked of a case that has moved on is to be asked anew.
        let awake = Stand { snoozed_until: None, destroy_asked_by: None, ..before };
        match self {
            Self::Acknowledge => Stand { status: before.status.max(Status::Acknowledged), owner: Some(by), ..awake },
            Self::Assign => Stand {
                status: before.status.max(Status::Acknowledged),
                owner: done.to.or(before.owner),
                destroy_asked_by: before.destroy_asked_by,
                ..awake
            },
            Self::Close => Stand { status: Status::Closed, owner, ..awake },
            Self::Concern | Self::MoreInformation => Stand { status: Status::InHand, outcome: Some(self), owner, ..awake },
            Self::FalseMatch | Self::NoConcern => Stand { status: Status::Closed, outcome: Some(self), owner, ..awake },
            Self::AskDestroy => Stand { destroy_asked_by: Some(by), ..awake },
            Self::HandOver => Stand { status: before.status.max(Status::InHand), owner, ..awake },
            Self::Note => before,
            Self::Release => Stand { status: Status::Closed, outcome: before.outcome.or(Some(Self::NoConcern)), owner, ..awake },
            Self::Reopen => Stand { status: Status::InHand, owner, ..awake },
            Self::Snooze => Stand { snoozed_until: done.until, ..before },
            Self::Destroy | Self::Keep | Self::Wake => awake,
        }
    }
}

pub(super) fn stand_of(tx: &rusqlite::Connection, case: CaseId) -> rusqlite::Result<Stand> {
    let known = tx.prepare_cached("SELECT * FROM standing WHERE of_case = ?")?.query_row([case.0], stand).optional()?;
    Ok(known.unwrap_or_default())
}

pub(super) fn stand(row: &Row<'_>) -> rusqlite::Result<Stand> {
    let status: String = row.get("status")?;
    let outcome: Option<String> = row.get("outcome")?;
    Ok(Stand {
        status: Status::ALL.into_iter().find(|known| known.as_str() == status).ok_or_else(|| unreadable("status"))?,
        outcome: outcome.map(|word| word.parse().map_err(|()| unreadable("outcome"))).transpose()?,
        owner: row.get::<_, Option<i64>>("owner")?.map(AccountId),
        snoozed_until: moment_if_any(row, "snoozed_until")?,
        destroy_asked_by: row.get::<_, Option<i64>>("destroy_asked_by")?.map(AccountId),
        closed_by: row.get("closed_by")?,
    })
}
