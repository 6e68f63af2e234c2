//! The connections of a command beside a daemon that holds most of what a server bears.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::sleep;

use super::board::Board;
use super::imap::Crowded;
use crate::config::Server;

/// Where no more are let in, it is tried again so often,
const TRIES: u32 = 20;
/// and so long apart: a server goes on counting for a moment who has left.
const APART: Duration = Duration::from_millis(500);

/// So many mailboxes of each server at once as the configuration allows; where the daemon has learnt that the server bears no more, one by
/// one, on the connection that it leaves for that.
#[derive(Default)]
pub struct Turns {
    /// What the daemon has learnt, by server.
    bears: BTreeMap<String, usize>,
    turns: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Turns {
    /// Beside the daemon of this state, if there is one.
    pub fn beside(state: &Path) -> Self {
        let servers = Board::read(state).map(|board| board.servers).unwrap_or_default();
        let bears = servers.into_iter().filter_map(|(name, server)| Some((name, server.bears?))).collect();
        Self { bears, ..Self::default() }
    }

    /// Waits for a turn. It lasts until it is dropped.
    pub async fn turn(&self, server: &Server) -> Option<OwnedSemaphorePermit> {
        let turns = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            let most = if self.bears.contains_key(&server.name) { 1 } else { server.connections.get() };
            Arc::clone(turns.entry(server.name.clone()).or_insert_with(|| Arc::new(Semaphore::new(most))))
        };
        // The semaphore is never closed.
        turns.acquire_owned().await.ok()
    }
}

/// Of a command that is refused for the number of connections.
#[derive(Default)]
pub struct Patience {
    tries: u32,
}

impl Patience {
    /// After a try: whether another is worth while. Waits for it.
    pub async fn tries_again(&mut self, refused: Option<Crowded>) -> bool {
        self.tries += 1;
        let again = refused.is_some() && self.tries < TRIES;
        if again {
            sleep(APART).await;
        }
        again
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;

    use super::*;
    use crate::config::Security;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_is_full_is_asked_again_for_a_while_and_one_that_refuses_otherwise_is_not() {
        let mut patience = Patience::default();
        assert!(!patience.tries_again(None).await);
        let mut tries = 1;
        while patience.tries_again(Some(Crowded::ItSays)).await {
            tries += 1;
        }
        assert_eq!(tries, TRIES - 1);
    }

    #[tokio::test(start_paused = true)]
    async fn where_it_is_known_how_many_a_server_bears_commands_go_one_by_one() {
        let server = |name: &str| Server {
            name: name.to_owned(),
            host: "localhost".to_owned(),
            port: 993,
            security: Security::Tls,
            ca_file: None,
            connections: const { NonZeroUsize::new(3).unwrap() },
        };
        let turns = Turns { bears: BTreeMap::from([("full".to_owned(), 40)]), ..Turns::default() };
        for (name, expected) in [("full", 1), ("wide", 3)] {
            let mut taken = Vec::new();
            while let Ok(turn) = tokio::time::timeout(APART, turns.turn(&server(name))).await {
                taken.push(turn);
            }
            assert_eq!(taken.len(), expected, "{name}");
        }
    }
}
