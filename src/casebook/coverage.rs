//! What proves that a day was seen whole: how each mailbox was reached, what was judged in it, and what was not read.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use rusqlite::{OptionalExtension, Transaction, params};

use super::column::{self, Json, Moment};
use super::{Casebook, Judged, Result, mailbox};
use crate::finding::Reason;
use crate::mail::{Address, FolderName, Uid, UidValidity};

/// How a mailbox was reached, in a stretch of time or on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// Rounds that went through, and those that did not.
    pub polls: u64,
    pub failures: u64,
    /// The end of the last round that went through.
    pub last_poll: Option<Timestamp>,
    /// Without a round that went through, in seconds.
    pub longest_gap: u64,
    /// The earliest arrival, in seconds since 1970, that waited for its verdict.
    pub oldest_unscanned: Option<i64>,
}

/// The numbers of one folder that were judged, lowest first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenFolder {
    pub folder: FolderName,
    pub uidvalidity: UidValidity,
    ranges: Vec<(u32, u32)>,
}

impl SeenFolder {
    pub fn contains(&self, uid: Uid) -> bool {
        let after = self.ranges.partition_point(|(first, _)| *first <= uid.get());
        after.checked_sub(1).is_some_and(|at| uid.get() <= self.ranges[at].1)
    }
}

impl Casebook {
    /// Adds to what is known of today.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn reached(&self, now: Timestamp, stretch: &[(Address, Reach)]) -> Result<()> {
        let day = now.to_zoned(TimeZone::UTC).date().to_string();
        self.write(|tx| {
            let mut add = tx.prepare_cached(
                "INSERT INTO reach (mailbox, day, polls, failures, last_poll, longest_gap, oldest_unscanned) VALUES (?, ?, ?, ?, ?, ?, ?)
                 ON CONFLICT DO UPDATE SET polls = polls + excluded.polls, failures = failures + excluded.failures,
                     last_poll = coalesce(excluded.last_poll, last_poll), longest_gap = max(longest_gap, excluded.longest_gap),
                     oldest_unscanned = min(coalesce(oldest_unscanned, excluded.oldest_unscanned), coalesce(excluded.oldest_unscanned, oldest_unscanned))",
            )?;
            for (address, Reach { polls, failures, last_poll, longest_gap, oldest_unscanned }) in stretch {
                let mailbox = mailbox(tx, address, now)?;
                let [polls, failures, longest_gap] = [polls, failures, longest_gap].map(|count| count.cast_signed());
                add.execute(params![mailbox, day, polls, failures, last_poll.map(Moment), longest_gap, oldest_unscanned])?;
            }
            Ok(())
        })
    }

    /// How every mailbox was reached on a day, by its address.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn reach(&self, day: Date) -> Result<BTreeMap<Address, Reach>> {
        self.read(|conn| {
            conn.prepare_cached(
                "SELECT address, polls, failures, last_poll, longest_gap, oldest_unscanned
                 FROM reach JOIN mailbox ON mailbox.id = reach.mailbox WHERE day = ?",
            )?
            .query_map([day.to_string()], |row| {
                let count = |column: &str| row.get::<_, i64>(column).map(i64::cast_unsigned);
                let reach = Reach {
                    polls: count("polls")?,
                    failures: count("failures")?,
                    last_poll: column::moment_if_any(row, "last_poll")?,
                    longest_gap: count("longest_gap")?,
                    oldest_unscanned: row.get("oldest_unscanned")?,
                };
                Ok((column::parsed(row, "address")?, reach))
            })?
            .collect()
        })
    }

    /// When a round went through last in each mailbox that was reached since a day.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn last_polls(&self, since: Date) -> Result<HashMap<Address, Timestamp>> {
        self.read(|conn| {
            let rows = conn
                .prepare_cached(
                    "SELECT address, (SELECT max(last_poll) FROM reach WHERE reach.mailbox = mailbox.id AND day >= ?) AS last_poll FROM mailbox",
                )?
                .query_map([since.to_string()], |row| Ok((column::parsed(row, "address")?, column::moment_if_any(row, "last_poll")?)))?
                .collect::<rusqlite::Result<Vec<(Address, Option<Timestamp>)>>>()?;
            Ok(rows.into_iter().filter_map(|(address, last)| Some((address, last?))).collect())
        })
    }

    /// Why how many messages were not wholly read on a day, by mailbox.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn unread(&self, day: Date) -> Result<BTreeMap<Address, BTreeMap<Reason, u64>>> {
        let rows: Vec<(Address, Reason, u64)> = self.read(|conn| {
            conn.prepare_cached("SELECT address, reason, messages FROM unread JOIN mailbox ON mailbox.id = unread.mailbox WHERE day = ?")?
                .query_map([day.to_string()], |row| {
                    let Json(reason) = row.get("reason")?;
                    Ok((column::parsed(row, "address")?, reason, row.get::<_, i64>("messages")?.cast_unsigned()))
                })?
                .collect()
        })?;
        let mut unread: BTreeMap<Address, BTreeMap<Reason, u64>> = BTreeMap::new();
        for (address, reason, messages) in rows {
            unread.entry(address).or_default().insert(reason, messages);
        }
        Ok(unread)
    }

    /// What was judged in each folder of a mailbox.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn seen(&self, mailbox: &Address) -> Result<Vec<SeenFolder>> {
        let rows: Vec<(String, u32, u32, u32)> = self.read(|conn| {
            conn.prepare_cached(
                "SELECT folder, uidvalidity, first, last FROM seen JOIN mailbox ON mailbox.id = seen.mailbox
                 WHERE address = ? ORDER BY folder, uidvalidity, first",
            )?
            .query_map([mailbox.as_str()], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?)))?
            .collect()
        })?;
        let mut seen: Vec<SeenFolder> = Vec::new();
        for (folder, uidvalidity, first, last) in rows {
            let uidvalidity = UidValidity(uidvalidity);
            match seen.last_mut().filter(|known| known.folder.0 == folder && known.uidvalidity == uidvalidity) {
                // One that grew may have come to lie over the next.
                Some(known) => match known.ranges.last_mut() {
                    Some((_, end)) if first <= end.saturating_add(1) => *end = last.max(*end),
                    _ => known.ranges.push((first, last)),
                },
                None => seen.push(SeenFolder { folder: FolderName(folder), uidvalidity, ranges: vec![(first, last)] }),
            }
        }
        Ok(seen)
    }

    /// When something was found last, and how many messages were examined on the days since; `None` before the first look into a
    /// mailbox. Where nothing was ever found, the first look counts.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn last_finding(&self) -> Result<Option<(Timestamp, u64)>> {
        self.read(|conn| {
            let last: Option<i64> =
                conn.query_row("SELECT coalesce((SELECT max(opened_at) FROM cases), (SELECT min(met_at) FROM mailbox))", [], |row| {
                    row.get(0)
                })?;
            let Some(last) = last.and_then(|last| Timestamp::from_second(last).ok()) else { return Ok(None) };
            let day = last.to_zoned(TimeZone::UTC).date().to_string();
            let scanned = conn
                .query_row("SELECT sum(scanned) FROM tally WHERE day > ?", [day], |row| row.get::<_, Option<i64>>(0))
                .optional()?
                .flatten();
            Ok(Some((last, scanned.unwrap_or_default().cast_unsigned())))
        })
    }
}

/// Notes which numbers were judged, and why some could not be read: part of the transaction that moves the cursor.
pub(super) fn note(
    tx: &Transaction<'_>,
    mailbox: i64,
    day: &str,
    folder: &FolderName,
    uidvalidity: UidValidity,
    judged: &[Judged],
) -> rusqlite::Result<()> {
    let mut reasons: BTreeMap<Reason, i64> = BTreeMap::new();
    for reason in judged.iter().filter_map(|judged| judged.unread) {
        *reasons.entry(reason).or_default() += 1;
    }
    for (reason, messages) in reasons {
        tx.prepare_cached(
            "INSERT INTO unread (mailbox, day, reason, messages) VALUES (?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET messages = messages + excluded.messages",
        )?
        .execute(params![mailbox, day, Json(reason), messages])?;
    }
    // Under another validity the numbers mean other messages. Two deletions, so that neither looks at what stays.
    for sql in [
        "DELETE FROM seen WHERE mailbox = ? AND folder = ? AND uidvalidity < ?",
        "DELETE FROM seen WHERE mailbox = ? AND folder = ? AND uidvalidity > ?",
    ] {
        tx.prepare_cached(sql)?.execute(params![mailbox, folder.0, uidvalidity.0])?;
    }
    let mut grow = tx.prepare_cached(
        "UPDATE seen SET last = max(last, ?5) WHERE mailbox = ?1 AND folder = ?2 AND uidvalidity = ?3 AND last >= ?4 - 1 AND first =
            (SELECT max(first) FROM seen WHERE mailbox = ?1 AND folder = ?2 AND uidvalidity = ?3 AND first <= ?4)",
    )?;
    let mut begin = tx.prepare_cached("INSERT INTO seen (mailbox, folder, uidvalidity, first, last) VALUES (?, ?, ?, ?, ?)")?;
    for (first, last) in ranges(judged) {
        let range = params![mailbox, folder.0, uidvalidity.0, first, last];
        if grow.execute(range)? == 0 {
            begin.execute(range)?;
        }
    }
    Ok(())
}

/// Numbers in a row, each from first to last.
fn ranges(judged: &[Judged]) -> Vec<(u32, u32)> {
    let mut uids: Vec<u32> = judged.iter().map(|judged| judged.uid.get()).collect();
    uids.sort_unstable();
    let mut ranges: Vec<(u32, u32)> = Vec::new();
    for uid in uids {
        match ranges.last_mut() {
            Some((_, last)) if uid <= last.saturating_add(1) => *last = uid,
            _ => ranges.push((uid, uid)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, address, at};
    use super::super::{Learnt, Outcome, Progress};
    use super::*;
    use crate::mail::Cursor;

    fn judge(desk: &Desk, validity: u32, uids: &[u32]) {
        let judged = |uid: &u32| Judged {
            uid: Uid::new(*uid).unwrap(),
            message: None,
            outcome: Outcome::Incomplete,
            unread: Some(if uid.is_multiple_of(2) { Reason::Video } else { Reason::Damaged }),
        };
        let progress = Progress {
            mailbox: address("ann"),
            folder: FolderName("INBOX".to_owned()),
            cursor: Cursor { uidvalidity: UidValidity(validity), next: 1, history: 1 },
            judged: uids.iter().map(judged).collect(),
            learnt: Learnt::default(),
        };
        desk.book.progress(at(0), &[progress]).unwrap();
    }

    fn ranges_of(desk: &Desk) -> Vec<(u32, Vec<(u32, u32)>)> {
        desk.book.seen(&address("ann")).unwrap().into_iter().map(|seen| (seen.uidvalidity.0, seen.ranges)).collect()
    }

    #[test]
    fn judged_numbers_grow_together_and_gaps_stay_gaps() {
        let desk = Desk::new();
        judge(&desk, 7, &[1, 2, 3, 5]);
        judge(&desk, 7, &[6, 7, 10]);
        judge(&desk, 7, &[2, 11]);
        assert_eq!(ranges_of(&desk), [(7, vec![(1, 3), (5, 7), (10, 11)])]);
        let seen = desk.book.seen(&address("ann")).unwrap().remove(0);
        let found: Vec<u32> = (1..=12).filter(|uid| seen.contains(Uid::new(*uid).unwrap())).collect();
        assert_eq!(found, [1, 2, 3, 5, 6, 7, 10, 11]);
        judge(&desk, 7, &[4, 5, 6, 7, 8]);
        assert_eq!(ranges_of(&desk), [(7, vec![(1, 8), (10, 11)])], "one that was asked for in vain came after all");
        judge(&desk, 8, &[4]);
        assert_eq!(ranges_of(&desk), [(8, vec![(4, 4)])], "the old numbers mean nothing any more");
    }

    #[test]
    fn what_was_not_read_is_counted_by_its_reason() {
        let desk = Desk::new();
        judge(&desk, 7, &[1, 2, 3]);
        judge(&desk, 7, &[5]);
        let unread = desk.book.unread("1970-01-01".parse().unwrap()).unwrap();
        assert_eq!(unread[&address("ann")], BTreeMap::from([(Reason::Damaged, 3), (Reason::Video, 1)]));
        assert!(desk.book.unread("1970-01-02".parse().unwrap()).unwrap().is_empty());
    }

    #[test]
    fn the_last_round_of_each_mailbox_is_found_over_several_days() {
        let desk = Desk::new();
        let polled = |at| Reach { polls: 1, last_poll: Some(at), ..Reach::default() };
        let failed = Reach { failures: 1, ..Reach::default() };
        for (name, day, reach) in
            [("ann", 0, polled(at(60))), ("ann", 1, polled(at(86_460))), ("ann", 2, failed), ("ben", 0, polled(at(70))), ("cat", 2, failed)]
        {
            desk.book.reached(at(86_400 * day), &[(address(name), reach)]).unwrap();
        }
        let last = |day: &str| desk.book.last_polls(day.parse().unwrap()).unwrap();
        assert_eq!(last("1970-01-01"), HashMap::from([(address("ann"), at(86_460)), (address("ben"), at(70))]));
        assert_eq!(last("1970-01-02"), HashMap::from([(address("ann"), at(86_460))]), "what is older is as good as never");
    }

    #[test]
    fn the_reach_of_a_day_adds_up() {
        let desk = Desk::new();
        let ann = address("ann");
        let morning = Reach { polls: 3, failures: 0, last_poll: Some(at(60)), longest_gap: 60, oldest_unscanned: None };
        let noon = Reach { polls: 0, failures: 2, last_poll: None, longest_gap: 600, oldest_unscanned: Some(40) };
        let night = Reach { polls: 1, failures: 0, last_poll: Some(at(900)), longest_gap: 61, oldest_unscanned: Some(50) };
        for stretch in [morning, noon, night] {
            desk.book.reached(at(900), &[(ann.clone(), stretch)]).unwrap();
        }
        let day = desk.book.reach("1970-01-01".parse().unwrap()).unwrap();
        let whole = Reach { polls: 4, failures: 2, last_poll: Some(at(900)), longest_gap: 600, oldest_unscanned: Some(40) };
        assert_eq!(day, BTreeMap::from([(ann, whole)]));
    }
}
