//! Lists that somebody keeps for herself: a part of the cases and its conditions, under a name of her own.

use rusqlite::params;

use super::{Account, Desk, Result};

/// So many one person keeps.
pub const MOST_KEPT: usize = 12;

/// What a list shows is asked anew each time: it holds conditions, and no case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptList {
    pub name: String,
    pub view: String,
    /// Empty: all.
    pub category: String,
    /// A part of a codename; empty: none.
    pub search: String,
}

impl Desk {
    /// Her own lists, by name.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn kept_lists(&self, whose: &Account) -> Result<Vec<KeptList>> {
        self.read(|conn| {
            conn.prepare_cached("SELECT * FROM kept_list WHERE account = ? ORDER BY name")?
                .query_map([whose.id.0], |row| {
                    Ok(KeptList {
                        name: row.get("name")?,
                        view: row.get("view")?,
                        category: row.get("category")?,
                        search: row.get("search")?,
                    })
                })?
                .collect()
        })
    }

    /// Keeps a list, in the place of one of the same name. Says whether there was room: she has [`MOST_KEPT`] at most.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn keep_list(&self, whose: &Account, list: &KeptList) -> Result<bool> {
        self.write(|tx| {
            tx.prepare_cached("DELETE FROM kept_list WHERE account = ? AND name = ?")?.execute(params![whose.id.0, list.name])?;
            let kept: i64 =
                tx.prepare_cached("SELECT count(*) FROM kept_list WHERE account = ?")?.query_row([whose.id.0], |row| row.get(0))?;
            if usize::try_from(kept).is_ok_and(|kept| kept >= MOST_KEPT) {
                return Ok(false);
            }
            tx.prepare_cached("INSERT INTO kept_list (account, name, view, category, search) VALUES (?, ?, ?, ?, ?)")?.execute(params![
                whose.id.0,
                list.name,
                list.view,
                list.category,
                list.search
            ])?;
            Ok(true)
        })
    }

    /// Keeps a list no more. Where there is none of that name, nothing changes.
    ///
    /// # Errors
    /// When the database refuses.
    pub fn drop_list(&self, whose: &Account, name: &str) -> Result<()> {
        self.write(|tx| {
            tx.prepare_cached("DELETE FROM kept_list WHERE account = ? AND name = ?")?.execute(params![whose.id.0, name])?;
            Ok(())
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::{NewAccount, Role};
    use super::*;
    use crate::journal::Actor;

    fn list(name: &str, category: &str) -> KeptList {
        KeptList { name: name.to_owned(), view: "new".to_owned(), category: category.to_owned(), search: String::new() }
    }

    #[test]
    fn a_list_is_its_owners_alone_and_a_name_stands_for_one() {
        let folder = tempfile::tempdir().unwrap();
        let desk = Desk::open(folder.path()).unwrap();
        for name in ["Robin Finch", "Kim Linnet"] {
            let new = NewAccount { name: name.to_owned(), role: Role::Dsl, addresses: Vec::new() };
            let _ = desk.invite(Timestamp::UNIX_EPOCH, &Actor::Program, &new).unwrap();
        }
        let [kim, robin] = <[Account; 2]>::try_from(desk.accounts().unwrap()).unwrap();
        assert!(desk.keep_list(&robin, &list("Mornings", "hate")).unwrap());
        assert!(desk.keep_list(&robin, &list("mornings", "threat")).unwrap());
        assert_eq!(desk.kept_lists(&robin).unwrap(), [list("mornings", "threat")]);
        assert_eq!(desk.kept_lists(&kim).unwrap(), []);
        desk.drop_list(&kim, "mornings").unwrap();
        assert_eq!(desk.kept_lists(&robin).unwrap().len(), 1, "it is not hers to drop");

        for number in 1..MOST_KEPT {
            assert!(desk.keep_list(&robin, &list(&number.to_string(), "")).unwrap());
        }
        assert!(!desk.keep_list(&robin, &list("one more", "")).unwrap());
        assert!(desk.keep_list(&robin, &list("Mornings", "hate")).unwrap(), "in the place of another there is room");
        desk.drop_list(&robin, "MORNINGS").unwrap();
        assert_eq!(desk.kept_lists(&robin).unwrap().len(), MOST_KEPT - 1);
    }
}
