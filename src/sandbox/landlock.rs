//! The second wall: a landlock domain in which nothing is granted.

use landlock::{ABI, Access, AccessFs, AccessNet, LandlockStatus, Ruleset, RulesetAttr, RulesetError, Scope};

use super::CageError;

/// Handles every right that kernel and program know and grants none: no path, no TCP port, no signal to and
/// no abstract socket of a process outside. Returns the ABI in force, `None` on a kernel without landlock.
///
/// # Errors
/// When the kernel has landlock and refuses the domain.
pub fn grant_nothing() -> Result<Option<u8>, CageError> {
    let status = (|| -> Result<_, RulesetError> {
        Ruleset::default()
            .handle_access(AccessFs::from_all(ABI::V9))?
            .handle_access(AccessNet::from_all(ABI::V9))?
            .scope(Scope::from_all(ABI::V9))?
            .create()?
            .restrict_self()
    })()
    .map_err(|e| CageError::Landlock(e.to_string()))?;
    Ok(match status.landlock {
        LandlockStatus::Available { effective_abi, .. } => Some(effective_abi as u8),
        LandlockStatus::NotEnabled | LandlockStatus::NotImplemented => None,
    })
}
