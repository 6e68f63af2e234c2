//! Which messages a command is about.

use std::fmt;

use crate::mail::Uid;

/// A set of UIDs in ascending ranges.
///
/// Source: RFC 3501, 9, `sequence-set`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UidSet(Vec<Range>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: u32,
    /// None: whatever comes.
    last: Option<u32>,
}

impl UidSet {
    /// Every message from here on. A server also answers with the last message below, when there is none.
    pub fn from(first: u32) -> Self {
        Self(vec![Range { first: first.max(1), last: None }])
    }

    /// `first` and `last` and all between them.
    pub fn between(first: u32, last: u32) -> Self {
        Self(vec![Range { first: first.max(1), last: Some(last.max(first.max(1))) }])
    }

    /// Just these.
    pub fn of(uids: impl IntoIterator<Item = Uid>) -> Self {
        let mut uids: Vec<u32> = uids.into_iter().map(Uid::get).collect();
        uids.sort_unstable();
        uids.dedup();
        let mut ranges: Vec<Range> = Vec::new();
        for uid in uids {
            match ranges.last_mut() {
                Some(Range { last: Some(last), .. }) if last.checked_add(1) == Some(uid) => *last = uid,
                _ => ranges.push(Range { first: uid, last: Some(uid) }),
            }
        }
        Self(ranges)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn contains(&self, uid: Uid) -> bool {
        self.0.iter().any(|range| range.first <= uid.get() && range.last.is_none_or(|last| uid.get() <= last))
    }
}

impl fmt::Display for UidSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, range) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(",")?;
            }
            match range.last {
                None => write!(f, "{}:*", range.first)?,
                Some(last) if last == range.first => write!(f, "{last}")?,
                Some(last) => write!(f, "{}:{last}", range.first)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uid(number: u32) -> Uid {
        Uid::new(number).unwrap()
    }

    #[test]
    fn neighbours_become_a_range() {
        let set = UidSet::of([9, 3, 1, 2, 2, 7].map(uid));
        assert_eq!(set.to_string(), "1:3,7,9");
        assert!(set.contains(uid(2)) && !set.contains(uid(8)));
        assert_eq!(UidSet::of([uid(u32::MAX)]).to_string(), "4294967295");
    }

    #[test]
    fn an_open_range_holds_what_is_to_come_and_nothing_below() {
        let set = UidSet::from(5);
        assert_eq!(set.to_string(), "5:*");
        assert!(set.contains(uid(u32::MAX)) && !set.contains(uid(4)));
        assert_eq!(UidSet::from(0).to_string(), "1:*");
    }
}
