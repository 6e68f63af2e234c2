//! By which mail addresses somebody is known as a party to cases: one may have been left out, and people change their names.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, params};

use super::account::{account, column};
use super::{Desk, DeskError, Result};
use crate::journal::{Actor, Event};
use crate::mail::Address;

impl Desk {
    /// Makes `joined` hers and those in `left` not; answers with all that are. What she is a party to by a new one is kept from her from
    /// the next page on that she asks for: until the service has keyed it she sees nothing.
    ///
    /// # Errors
    /// `NoAccount`; `NotHers`, where there is nothing to leave; `NoAddress`, where nothing would be left; or when the database refuses.
    pub fn change_addresses(&self, now: Timestamp, who: &Actor, name: &str, joined: &[Address], left: &[Address]) -> Result<Vec<Address>> {
        self.write(|tx| {
            let before = tx.query_row("SELECT * FROM account WHERE name = ? AND closed_at IS NULL", [name], account).optional()?;
            let before = before.ok_or_else(|| DeskError::NoAccount(name.to_owned()))?;
            if let Some(stranger) = left.iter().find(|address| !before.addresses.contains(address)) {
                return Err(DeskError::NotHers { name: before.name, address: stranger.clone() });
            }
            let mut addresses: Vec<_> = before.addresses.iter().filter(|address| !left.contains(address)).cloned().collect();
            for address in joined {
                if !addresses.contains(address) {
                    addresses.push(address.clone());
                }
            }
            if addresses.is_empty() {
                return Err(DeskError::NoAddress(before.name));
            }
            let not_in = |list: &[Address], other: &[Address]| list.iter().filter(|address| !other.contains(address)).cloned().collect();
            let (joined, left): (Vec<_>, Vec<_>) = (not_in(&addresses, &before.addresses), not_in(&before.addresses, &addresses));
            if !joined.is_empty() || !left.is_empty() {
                tx.execute("UPDATE account SET addresses = ? WHERE id = ?", params![column(&addresses), before.id.0])?;
                self.append(tx, now, who, &Event::AddressesChanged { name: before.name, joined, left })?;
            }
            Ok(addresses)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::{NewAccount, Role};

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn address(who: &str) -> Address {
        format!("{who}@school.example").parse().unwrap()
    }

    #[test]
    fn addresses_join_and_leave_each_change_is_in_the_journal_and_nobody_is_left_without_one() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path()).unwrap();
        let [finch, wren, linnet] = ["finch", "wren", "linnet"].map(address);
        let new = NewAccount { name: "Robin Finch".to_owned(), role: Role::Dsl, addresses: vec![finch.clone()] };
        let _ = desk.invite(NOW, &Actor::Program, &new).unwrap();
        let who = Actor::Operator("root".to_owned());
        let change = |joined: &[Address], left: &[Address]| desk.change_addresses(NOW, &who, "robin finch", joined, left);
        let one = std::slice::from_ref::<Address>;
        let hers = || desk.accounts().unwrap().remove(0).addresses;
        let both = vec![finch.clone(), wren.clone()];
        assert_eq!((change(&[wren.clone(), finch.clone()], &[]).unwrap(), hers()), (both.clone(), both.clone()));
        assert!(matches!(change(&[], one(&linnet)), Err(DeskError::NotHers { address, .. }) if address == linnet));
        assert!(matches!(change(&[], &both), Err(DeskError::NoAddress(name)) if name == "Robin Finch"));
        assert!(matches!(desk.change_addresses(NOW, &who, "Nobody", &both, &[]), Err(DeskError::NoAccount(_))));
        assert_eq!(hers(), both, "what is refused changes nothing");
        assert_eq!(change(one(&linnet), one(&finch)).unwrap(), [wren.clone(), linnet.clone()]);
        assert_eq!(change(one(&linnet), &[]).unwrap(), [wren.clone(), linnet.clone()], "it is hers already");
        let changed = |joined: &Address, left: &[&Address]| Event::AddressesChanged {
            name: "Robin Finch".to_owned(),
            joined: vec![joined.clone()],
            left: left.iter().map(|address| (*address).clone()).collect(),
        };
        let lines: Vec<_> = desk.journal_end(9).unwrap().into_iter().filter(|line| line.who == who).map(|line| line.event).collect();
        assert_eq!(lines, [changed(&wren, &[]), changed(&linnet, &[&finch])]);
    }
}
