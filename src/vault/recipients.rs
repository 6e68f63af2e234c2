//! The public key of every audience, read at once and held: a file that breaks later keeps nothing from being sealed.

use std::collections::BTreeMap;

use super::{Recipient, Ring, VaultError};
use crate::fault::Fault;
use crate::finding::Audience;

/// All that sealing needs, whatever becomes of the files.
#[derive(Clone, Debug)]
pub struct Recipients(BTreeMap<Audience, Recipient>);

/// Why not every audience has a key that can be used.
#[derive(Debug)]
pub enum Unusable {
    /// A person has to mend these files.
    Faults(Vec<Fault>),
    World(VaultError),
}

impl Recipients {
    /// # Errors
    /// With the faults of all files at once; `World` when one cannot be read at all.
    pub fn read(ring: &Ring<'_>) -> Result<Self, Unusable> {
        let (mut recipients, mut faults) = (BTreeMap::new(), Vec::new());
        for audience in Audience::ALL {
            match ring.recipient(audience) {
                Ok(recipient) => drop(recipients.insert(audience, recipient)),
                Err(error) => faults.push(error.into_fault().map_err(Unusable::World)?),
            }
        }
        if faults.is_empty() { Ok(Self(recipients)) } else { Err(Unusable::Faults(faults)) }
    }

    /// The keys of these audiences, in their order.
    pub fn of(&self, audiences: &[Audience]) -> Vec<Recipient> {
        audiences.iter().filter_map(|audience| self.0.get(audience).cloned()).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::fault::At;
    use crate::vault::{Member, MemberIdentity, Vault};

    #[test]
    fn the_faults_of_all_keys_are_told_at_once_with_their_lines() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let member = Member { name: "Ann".to_owned(), recipient: MemberIdentity::generate().recipient() };
        for audience in [Audience::Dsl, Audience::Evidence, Audience::Head] {
            vault.ring().create(audience, std::slice::from_ref(&member)).unwrap();
        }
        let at = |name: &str| folder.path().join("recipients").join(name);
        let whole = fs::read_to_string(at("dsl.txt")).unwrap();
        fs::write(at("dsl.txt"), whole.replace("age1", "age2").replace("=age2", "=age1")).unwrap();
        fs::write(at("evidence.txt"), [0xff, 0xfe]).unwrap();
        fs::write(at("head.txt"), format!("{}\n{}\n", member.recipient, member.recipient)).unwrap();
        let Err(Unusable::Faults(faults)) = Recipients::read(&vault.ring()) else { panic!("they are used") };
        let told: Vec<_> = faults.iter().map(|fault| (fault.at.clone().unwrap(), fault.why.as_str())).collect();
        assert_eq!(
            told,
            [
                (At::file(at("chair.txt")), "there is no such file"),
                (At::line(at("dsl.txt"), 3), "not a public key of age (`age1…`)"),
                (At::file(at("evidence.txt")), "it is not text"),
                (At::line(at("head.txt"), 2), "a second key, where one is expected"),
            ]
        );
        assert!(faults.iter().all(|fault| !fault.hint.is_empty()));
    }
}
