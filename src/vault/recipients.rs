//! The public key of every audience, read at once and held: a file that breaks later keeps nothing from being sealed.

use std::collections::BTreeMap;
use std::{fs, io};

use super::{Recipient, Ring, VaultError};
use crate::fault::{At, Fault};
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
                Err(error) => faults.push(fault(audience, error).map_err(Unusable::World)?),
            }
        }
        if faults.is_empty() { Ok(Self(recipients)) } else { Err(Unusable::Faults(faults)) }
    }

    /// The keys of these audiences, in their order.
    pub fn of(&self, audiences: &[Audience]) -> Vec<Recipient> {
        audiences.iter().filter_map(|audience| self.0.get(audience).cloned()).collect()
    }
}

/// # Errors
/// With the error itself, where it is none of the file's.
fn fault(audience: Audience, error: VaultError) -> Result<Fault, VaultError> {
    let (at, why, hint) = match &error {
        VaultError::NoRing { path, .. } => {
            (At::file(path), "there is no such file", "enrol its members with `mailwarden init`, or restore the file from the backup")
        }
        VaultError::NotAKey { path, .. } => {
            let text = fs::read_to_string(path).unwrap_or_default();
            (line_at_fault(&text).map_or_else(|| At::file(path), |line| At::line(path, line)), "not one age recipient (`age1…`)", RESTORE)
        }
        VaultError::Io { path, source } if source.kind() == io::ErrorKind::InvalidData => (At::file(path), "it is not UTF-8", RESTORE),
        _ => return Err(error),
    };
    Ok(Fault {
        what: format!("the key of the audience `{audience}` cannot be used"),
        at: Some(at),
        why: why.to_owned(),
        hint: hint.to_owned(),
    })
}

const RESTORE: &str = "restore the file from the backup: it belongs to the ring of the same name";

/// The first line that is neither a comment nor the one recipient.
fn line_at_fault(text: &str) -> Option<usize> {
    let lines = text.lines().zip(1..).filter(|(line, _)| !line.trim().is_empty() && !line.trim_start().starts_with('#'));
    let mut found = 0;
    let mut wrong = lines.filter(|(line, _)| {
        found += 1;
        found > 1 || line.parse::<Recipient>().is_err()
    });
    wrong.next().map(|(_, line)| line)
}

#[cfg(test)]
mod tests {
    use super::*;
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
                (At::line(at("dsl.txt"), 3), "not one age recipient (`age1…`)"),
                (At::file(at("evidence.txt")), "it is not UTF-8"),
                (At::line(at("head.txt"), 2), "not one age recipient (`age1…`)"),
            ]
        );
        assert!(faults.iter().all(|fault| !fault.hint.is_empty()));
    }
}
