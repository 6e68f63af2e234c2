//! Destroys what is sealed of a case when people have decided so, at the desk or at the command line, and finishes what a
//! crash has left of that.

use std::sync::Arc;

use jiff::Timestamp;

use super::quarantine::blocking;
use super::{Daemon, Trouble};
use crate::casebook::{CasebookError, Destruction};
use crate::desk::DeedRow;
use crate::journal::Actor;

/// Records a decision of the desk, and carries it out. What no waiting mends is told of, and keeps no later deed.
///
/// # Errors
/// As long as a copy is on its way out of its mailbox or back into it, and when the shelf refuses: it is to be tried again.
pub async fn decide(daemon: &Arc<Daemon>, who: &Actor, row: &DeedRow) -> Result<(), Trouble> {
    let decided = Destruction { case: row.case, who, second: row.to.as_deref(), reason: &row.words };
    match daemon.shelf.book(|book| book.destroy(Timestamp::now(), &decided)) {
        Err(refused @ (CasebookError::NothingSealed(_) | CasebookError::SecondPerson(_))) => {
            tracing::error!(case = %row.codename, %refused, "what was decided at the desk is not carried out");
            Ok(())
        }
        decided => {
            decided?;
            finish(daemon).await
        }
    }
}

/// Takes everything out of the vault that was decided to be destroyed.
///
/// # Errors
/// When the disk or the casebook refuses: it is to be tried again.
pub async fn finish(daemon: &Arc<Daemon>) -> Result<(), Trouble> {
    let doomed = daemon.shelf.book(|book| book.doomed())?;
    if doomed.is_empty() {
        return Ok(());
    }
    let shelf = daemon.shelf.clone();
    blocking(move || {
        for doomed in doomed {
            shelf.vault().destroy(&doomed.objects)?;
            shelf.book(|book| book.emptied(Timestamp::now(), doomed.case))?;
            tracing::info!(case = %doomed.codename, objects = doomed.objects.len(), "destroyed, as was decided");
        }
        Ok(())
    })
    .await
}
