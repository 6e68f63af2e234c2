//! Bad weather between a client and its server: connections are refused, delayed, cut in half and reset, for as long as it lasts.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

const LONGEST_DELAY: u64 = 300;
/// A connection carries so many octets at most before its fate meets it.
const FURTHEST: u64 = 12_000;

/// What becomes of one connection.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Delayed,
    /// Half of what the server says is given on, and then the line is closed.
    Halved,
    Passes,
    Refused,
    Reset,
    /// Nothing more comes, and nobody hangs up.
    Silent,
}

pub struct Weather {
    pub port: u16,
    is_bad: Arc<AtomicBool>,
    pub harmed: Arc<AtomicUsize>,
    /// Lines that are silent are cut when the weather clears: a test cannot wait for them to be given up.
    silent: Arc<Mutex<Vec<TcpStream>>>,
}

impl Weather {
    /// In front of a port of this machine. The same `seed` brings the same weather.
    pub fn before(server: u16, seed: u64) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let weather = Self { port, is_bad: Arc::new(AtomicBool::new(true)), harmed: Arc::default(), silent: Arc::default() };
        let (is_bad, harmed, silent) = (Arc::clone(&weather.is_bad), Arc::clone(&weather.harmed), Arc::clone(&weather.silent));
        let dice = Arc::new(AtomicU64::new(seed));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let fate = if is_bad.load(Ordering::Relaxed) { fate(roll(&dice)) } else { Fate::Passes };
                harmed.fetch_add(usize::from(!matches!(fate, Fate::Passes)), Ordering::Relaxed);
                let (is_bad, silent, after) = (Arc::clone(&is_bad), Arc::clone(&silent), roll(&dice) % FURTHEST);
                thread::spawn(move || carry(client, server, fate, after, &is_bad, &silent));
            }
        });
        weather
    }

    pub fn clear_up(&self) {
        self.is_bad.store(false, Ordering::Relaxed);
        for line in self.silent.lock().expect("the lines").drain(..) {
            let _ = line.shutdown(Shutdown::Both);
        }
    }
}

fn fate(number: u64) -> Fate {
    const FATES: [Fate; 9] =
        [Fate::Delayed, Fate::Delayed, Fate::Halved, Fate::Halved, Fate::Refused, Fate::Refused, Fate::Reset, Fate::Reset, Fate::Silent];
    FATES[usize::try_from(number).unwrap_or_default() % FATES.len()]
}

/// xorshift64.
fn roll(dice: &AtomicU64) -> u64 {
    let mut number = dice.load(Ordering::Relaxed);
    number ^= number << 13;
    number ^= number >> 7;
    number ^= number << 17;
    dice.store(number, Ordering::Relaxed);
    number >> 16
}

fn carry(client: TcpStream, server: u16, fate: Fate, after: u64, is_bad: &AtomicBool, silent: &Mutex<Vec<TcpStream>>) -> io::Result<()> {
    if matches!(fate, Fate::Refused) {
        return client.shutdown(Shutdown::Both);
    }
    let server = TcpStream::connect((Ipv4Addr::LOCALHOST, server))?;
    let (mut up_from, mut up_to) = (client.try_clone()?, server.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut up_from, &mut up_to);
        let _ = up_to.shutdown(Shutdown::Both);
    });
    let (mut from, mut to) = (server, client);
    let (mut octets, mut carried) = ([0; 4096], 0);
    loop {
        let count = from.read(&mut octets)?;
        if count == 0 {
            return to.shutdown(Shutdown::Both);
        }
        carried += count as u64;
        let met = carried > after && is_bad.load(Ordering::Relaxed);
        match fate {
            Fate::Halved if met => {
                to.write_all(&octets[..count / 2])?;
                from.shutdown(Shutdown::Both)?;
                return to.shutdown(Shutdown::Both);
            }
            Fate::Reset if met => {
                // Closed with nothing to linger for, a line ends in a reset.
                rustix::net::sockopt::set_socket_linger(&to, Some(Duration::ZERO))?;
                from.shutdown(Shutdown::Both)?;
                // The thread that carries the other way lets go of it as well.
                return to.shutdown(Shutdown::Read);
            }
            Fate::Silent if met => {
                silent.lock().expect("the lines").push(to.try_clone()?);
                return Ok(());
            }
            Fate::Delayed if carried > 2 * after && met => return to.shutdown(Shutdown::Both),
            Fate::Delayed if met => thread::sleep(Duration::from_millis(after % LONGEST_DELAY)),
            _ => {}
        }
        to.write_all(&octets[..count])?;
    }
}
