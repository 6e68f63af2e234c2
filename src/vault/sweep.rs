//! What a crash leaves in the vault, and who takes it away.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{ObjectId, Vault, VaultError};

/// What was swept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub drafts: usize,
    pub objects: usize,
}

/// More unknown objects than this were not left by a crash, whatever was in flight.
pub const MOST_STRANGERS: usize = 64;

impl Vault {
    /// Removes drafts, and objects that no row knows: they were sealed when the process died before it could
    /// record them, and their originals are still in the mailbox. Only at the start of the one process that seals.
    ///
    /// # Errors
    /// `Strangers` when there are so many that the casebook must be older than the vault; no object is removed.
    pub fn sweep(&self, known: impl Fn(&ObjectId) -> bool) -> Result<Swept, VaultError> {
        let drafts = files_in(&self.folder.join("tmp"))?;
        let mut strangers = Vec::new();
        let objects = self.folder.join("objects");
        for folder in fs::read_dir(&objects).map_err(VaultError::io(&objects))? {
            let folder = folder.map_err(VaultError::io(&objects))?.path();
            strangers.extend(files_in(&folder)?.into_iter().filter(|path| !object_at(path).is_some_and(|object| known(&object))));
        }
        if strangers.len() > MOST_STRANGERS {
            return Err(VaultError::Strangers { path: objects, count: strangers.len() });
        }
        for path in drafts.iter().chain(&strangers) {
            fs::remove_file(path).map_err(VaultError::io(path))?;
        }
        Ok(Swept { drafts: drafts.len(), objects: strangers.len() })
    }
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, VaultError> {
    let list = || fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>();
    list().map_err(VaultError::io(folder))
}

fn object_at(path: &Path) -> Option<ObjectId> {
    path.file_name()?.to_str()?.strip_suffix(".age")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::Audience;
    use crate::vault::tests::{Furnished, furnished, plain};

    #[test]
    fn the_sweep_takes_drafts_and_strangers_and_leaves_what_is_known() {
        let Furnished { folder, vault, dsl, .. } = furnished();
        let known = vault.seal(|| &b"known"[..], &[Audience::Dsl]).unwrap();
        let stranger = vault.seal(|| &b"stranger"[..], &[Audience::Dsl]).unwrap();
        fs::write(folder.path().join("tmp/draft"), "half").unwrap();
        assert_eq!(vault.sweep(|object| object == known.object()).unwrap(), Swept { drafts: 1, objects: 1 });
        assert_eq!(plain(vault.unseal(known.object(), &dsl).unwrap()).unwrap(), b"known");
        assert!(matches!(vault.unseal(stranger.object(), &dsl), Err(VaultError::Missing { .. })));
        assert_eq!(files_in(&folder.path().join("tmp")).unwrap().len(), 0);
    }

    #[test]
    fn a_casebook_that_is_older_than_the_vault_sweeps_nothing_away() {
        let Furnished { folder, vault, .. } = furnished();
        let shard = folder.path().join("objects/00");
        for number in 0..=MOST_STRANGERS {
            fs::write(shard.join(format!("00{number:030x}.age")), "evidence").unwrap();
        }
        assert!(matches!(vault.sweep(|_| false), Err(VaultError::Strangers { count: 65, .. })));
        assert_eq!(files_in(&shard).unwrap().len(), 65);
    }

    /// Runs the test below in a process of its own, which is to die before `step`.
    #[cfg(feature = "faults")]
    fn seal_in_a_process_that_dies_before(step: &str, vault: &Path) -> Option<i32> {
        use std::os::unix::process::ExitStatusExt;

        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "--ignored", "vault::sweep::tests::seals_what_it_is_told_to"]);
        child.env("MAILWARDEN_STOP_BEFORE", step).env("VAULT", vault).output().unwrap().status.signal()
    }

    #[cfg(feature = "faults")]
    #[test]
    #[ignore = "the other half of the next test"]
    fn seals_what_it_is_told_to() {
        if let Some(folder) = std::env::var_os("VAULT") {
            let _ = Vault::open(Path::new(&folder)).unwrap().seal(|| &b"sealed"[..], &[Audience::Dsl]).unwrap();
        }
    }

    #[cfg(feature = "faults")]
    #[test]
    fn whatever_step_a_crash_comes_before_the_sweep_leaves_nothing_of_it() {
        const KILL: i32 = 9;
        for step in crate::steps::STEPS.into_iter().filter(|step| step.starts_with("seal.")) {
            let Furnished { folder, vault, .. } = furnished();
            assert_eq!(seal_in_a_process_that_dies_before(step, folder.path()), Some(KILL), "{step}");
            let Swept { drafts, objects } = vault.sweep(|_| false).unwrap();
            let expected = match step {
                "seal.write" => (0, 0),
                "seal.fsync-folder" => (0, 1),
                _ => (1, 0),
            };
            assert_eq!((drafts, objects), expected, "{step}");
            assert_eq!(vault.sweep(|_| false).unwrap(), Swept::default());
        }
        let Furnished { folder, vault, .. } = furnished();
        assert_eq!(seal_in_a_process_that_dies_before("no such step", folder.path()), None);
        assert_eq!(vault.sweep(|_| true).unwrap(), Swept::default());
    }
}
