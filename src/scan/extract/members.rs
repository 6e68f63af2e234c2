//! The members of one container as they come to light: what is plain is read at once, what unfolds further comes last, each
//! within a share, so that everything is read even if one of them is a bomb.

use std::borrow::Cow;
use std::time::Instant;

use super::stream::Allowance;
use super::{Item, Reader};
use crate::finding::{Defect, Reason};

pub struct Members<'r, 'f, 'i> {
    reader: &'r mut Reader<'f>,
    item: &'r Item<'i>,
    count: usize,
    unfolding: Vec<Item<'r>>,
    opened_by_password: bool,
}

/// A member before it is read.
pub struct Member<'m> {
    pub name: Option<String>,
    /// As much as could be had.
    pub octets: Cow<'m, [u8]>,
    /// Why it is not all.
    pub failure: Option<Reason>,
    /// The words of a message rather than a file.
    pub is_said: bool,
}

impl<'m> Member<'m> {
    /// A file, as much of it as could be had.
    pub fn file(name: Option<String>, octets: impl Into<Cow<'m, [u8]>>, failure: Option<Reason>) -> Self {
        Self { name, octets: octets.into(), failure, is_said: false }
    }

    /// The words of a message.
    pub fn said(octets: impl Into<Cow<'m, [u8]>>, failure: Option<Reason>) -> Self {
        Self { name: None, octets: octets.into(), failure, is_said: true }
    }
}

/// The members of a container whose octets are all there: those that fit are read.
pub fn held<'r>(reader: &'r mut Reader<'_>, item: &'r Item<'_>, all: impl Iterator<Item = Member<'r>>) {
    let mut members = Members::of(reader, item);
    let is_whole = all.fold(true, |is_whole, member| members.hold(member) & is_whole);
    if !is_whole {
        members.lacks(Reason::Budget);
    }
    members.finish();
}

impl<'r, 'f, 'i> Members<'r, 'f, 'i> {
    pub fn of(reader: &'r mut Reader<'f>, item: &'r Item<'i>) -> Self {
        Self { reader, item, count: 0, unfolding: Vec::new(), opened_by_password: false }
    }

    /// What the next member may have; `None`, and the container is incomplete, where there is no room for one.
    pub fn open(&mut self) -> Option<Allowance> {
        let allowance = self.reader.open();
        if allowance.is_none() {
            self.lacks(Reason::Budget);
        }
        allowance
    }

    /// What may be unpacked on trial, to see whether a key fits: nothing is taken for it.
    pub fn glance(&self) -> Allowance {
        self.reader.glance()
    }

    /// The next member, whose octets are there already; false where there is no room for it, and it is passed over.
    #[must_use]
    pub fn hold(&mut self, member: Member<'r>) -> bool {
        let has_room = self.reader.budget.take(member.octets.len());
        if has_room {
            self.place(member);
        } else {
            self.count += 1;
        }
        has_room
    }

    /// Pays for what it took to find the members.
    pub fn pay(&mut self, octets: u64) {
        self.reader.budget.pay(usize::try_from(octets).unwrap_or(usize::MAX));
    }

    /// The next member, for which room was made by [`Members::open`]. One that cannot be had at all counts and is named.
    pub fn add(&mut self, member: Member<'r>) {
        self.reader.budget.pay(member.octets.len());
        self.place(member);
    }

    fn place(&mut self, member: Member<'r>) {
        self.count += 1;
        let is_absent = member.failure.is_some() && member.octets.is_empty();
        let mut item = self.item.member(self.count, member.name.map(Cow::Owned), member.octets);
        item.is_body = member.is_said && item.sniffed.family.is_words();
        if let Some(reason) = member.failure {
            self.reader.extracts.incomplete(&item.part, reason);
        }
        if is_absent {
            self.reader.name(&item);
        } else if item.container_size() > 0 {
            self.unfolding.push(item);
        } else {
            self.reader.read(&item);
        }
    }

    /// The container as a whole was not wholly read.
    pub fn lacks(&mut self, reason: Reason) {
        self.reader.extracts.incomplete(&self.item.part, reason);
    }

    /// Whether the time is up: a key costs time before anything comes out.
    pub fn is_late(&self) -> bool {
        Instant::now() >= self.reader.until
    }

    /// What the message itself may have given as a password.
    pub fn passwords(&self) -> Vec<String> {
        self.reader.passwords.clone()
    }

    /// One of [`Members::passwords`] opened the container, or a member of it.
    pub fn opened_by_password(&mut self) {
        self.opened_by_password = true;
    }

    pub fn finish(self) {
        if self.opened_by_password {
            self.reader.extracts.defects.push(Defect::PasswordInMessage);
        }
        self.reader.unfold(self.unfolding);
    }
}
