//! The one task that speaks to a nursery: errands wait in a queue, so that none is cut off in the middle when
//! whoever sent it no longer waits.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use tokio::process::Child;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::line::Line;
use crate::wire::{Done, Order};

/// For one errand. A fork takes half a millisecond; a nursery that takes this long is given up.
const PATIENCE: Duration = Duration::from_secs(10);

pub enum Errand {
    End { worker: u32, ended: Option<oneshot::Sender<ExitStatus>> },
    Fork { socket: OwnedFd, forked: oneshot::Sender<io::Result<u32>> },
}

/// Why there is no worker.
#[derive(Debug, thiserror::Error)]
pub enum ForkError {
    #[error("the scan process cannot fork: {0}")]
    Kernel(#[from] io::Error),
    /// It is started anew by the pool.
    #[error("the process that starts scan processes is gone")]
    NurseryGone,
}

/// Runs errands until nobody can send any more, or the nursery fails; then ends the nursery.
pub async fn attend(mut nursery: Child, mut line: Line, mut errands: mpsc::UnboundedReceiver<Errand>) {
    while let Some(errand) = errands.recv().await {
        if !matches!(timeout(PATIENCE, run(&mut line, errand)).await, Ok(Some(()))) {
            break;
        }
    }
    // By now every worker was ended, or is about to end with the nursery.
    let _ = nursery.kill().await;
}

/// `None` when the nursery is not to be relied on any more.
async fn run(line: &mut Line, errand: Errand) -> Option<()> {
    match errand {
        Errand::Fork { socket, forked } => {
            let answer = match order(line, Order::Fork, Some(&socket)).await? {
                Done::Forked { worker } => Ok(worker),
                Done::Failed { errno } => Err(io::Error::from_raw_os_error(errno)),
                Done::Ended { .. } => return None,
            };
            if let Err(Ok(worker)) = forked.send(answer) {
                // Whoever wanted it is gone.
                order(line, Order::End { worker }, None).await?;
            }
        }
        Errand::End { worker, ended } => {
            let Done::Ended { status } = order(line, Order::End { worker }, None).await? else { return None };
            if let Some(ended) = ended {
                let _ = ended.send(ExitStatus::from_raw(status));
            }
        }
    }
    Some(())
}

async fn order(line: &mut Line, order: Order, beside: Option<&OwnedFd>) -> Option<Done> {
    line.say(&order, beside.map(AsFd::as_fd)).await.ok()?;
    line.hear().await.ok()
}
