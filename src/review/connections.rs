//! How many connections there are at once, and that no address has all of them: whoever opens as many as he can shuts nobody out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::attempts::Network;
use crate::config::Tls;

const MOST: usize = 1_000;
/// A browser opens six, and a whole staff room may come from one address.
const MOST_OF_ONE: usize = 250;

/// Of each address that has any.
type Counts = Arc<Mutex<HashMap<Network, usize>>>;

pub struct Connections {
    any: Arc<Semaphore>,
    /// `None` behind a proxy: every connection comes from its address, and it counts for itself.
    of_one: Option<Counts>,
}

/// One connection, for as long as it lives.
pub struct Place {
    _permit: OwnedSemaphorePermit,
    counted: Option<(Network, Counts)>,
}

impl Connections {
    pub fn new(tls: &Tls) -> Self {
        Self { any: Arc::new(Semaphore::new(MOST)), of_one: (*tls != Tls::Proxy).then(Arc::default) }
    }

    /// Waits until there is room for one more, whoever it may be.
    pub async fn any(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.any).acquire_owned().await.ok()
    }

    /// `None` where this address, or the /64 of it, has as many as it may.
    pub fn place(&self, permit: Option<OwnedSemaphorePermit>, from: IpAddr) -> Option<Place> {
        let permit = permit?;
        let Some(of_one) = &self.of_one else { return Some(Place { _permit: permit, counted: None }) };
        let network = Network::from(from);
        let mut counts = of_one.lock().unwrap_or_else(PoisonError::into_inner);
        let count = counts.entry(network).or_default();
        if *count >= MOST_OF_ONE {
            return None;
        }
        *count += 1;
        Some(Place { _permit: permit, counted: Some((network, Arc::clone(of_one))) })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some((network, of_one)) = &self.counted else { return };
        let mut counts = of_one.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counts.get_mut(network) {
            *count -= 1;
            if *count == 0 {
                counts.remove(network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn placed(room: &Connections, from: &str) -> Option<Place> {
        let permit = room.any().await;
        room.place(permit, from.parse().unwrap())
    }

    #[tokio::test]
    async fn no_address_has_all_connections_and_one_that_ends_makes_room() {
        let room = Connections::new(&Tls::Own);
        let mut held = Vec::new();
        for _ in 1..MOST {
            held.extend(placed(&room, "198.51.100.7").await);
        }
        assert_eq!(held.len(), MOST_OF_ONE);
        assert!(placed(&room, "198.51.100.8").await.is_some(), "another has room");
        held.pop();
        assert!(placed(&room, "198.51.100.7").await.is_some(), "and so has he, when one of his has ended");
        held.clear();
        assert!(
            room.of_one.as_ref().unwrap().lock().unwrap().is_empty() && room.any.available_permits() == MOST,
            "nothing is left of them"
        );
    }

    #[tokio::test]
    async fn whoever_has_a_network_of_the_new_internet_is_one_address() {
        let room = Connections::new(&Tls::Own);
        let mut held = Vec::new();
        for number in 0..=MOST_OF_ONE {
            held.extend(placed(&room, &format!("2001:db8::{number:x}")).await);
        }
        assert_eq!(held.len(), MOST_OF_ONE);
        assert!(placed(&room, "2001:db8:0:1::1").await.is_some());
    }

    #[tokio::test]
    async fn a_proxy_on_this_machine_brings_everybody() {
        let room = Connections::new(&Tls::Proxy);
        let mut held = Vec::new();
        for _ in 0..MOST {
            held.extend(placed(&room, "127.0.0.1").await);
        }
        assert_eq!(held.len(), MOST);
    }
}
