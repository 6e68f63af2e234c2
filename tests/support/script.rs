//! A server that plays its part of a dialogue, and notes when the client does not say its own.

use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

/// One line of a dialogue.
pub enum Step {
    /// `C: line` is what the client must say now.
    Client(String),
    /// `hang up`
    HangUp,
    /// `S: line`, or `S- octets` without a line end. `\xNN` is an octet.
    Server(Vec<u8>),
    /// `S*COUNT line`, as often as that, `S~COUNT line` with 20 ms between.
    Repeat { times: usize, pause: Duration, octets: Vec<u8> },
    /// `stall`: says nothing more, and does not hang up either.
    Stall,
}

impl Step {
    /// # Errors
    /// With the line, when it is none of a dialogue.
    pub fn parse(line: &str) -> Result<Self, String> {
        if let Some(said) = line.strip_prefix("C: ") {
            return Ok(Self::Client(said.to_owned()));
        }
        match line {
            "hang up" => return Ok(Self::HangUp),
            "stall" => return Ok(Self::Stall),
            _ => {}
        }
        if let Some(said) = line.strip_prefix("S: ").or_else(|| (line == "S:").then_some("")) {
            return Ok(Self::Server([octets(said), b"\r\n".to_vec()].concat()));
        }
        if let Some(said) = line.strip_prefix("S- ") {
            return Ok(Self::Server(octets(said)));
        }
        for (sign, pause) in [("S*", Duration::ZERO), ("S~", Duration::from_millis(20))] {
            let Some((times, said)) = line.strip_prefix(sign).and_then(|rest| rest.split_once(' ')) else { continue };
            let times = times.parse().map_err(|_| line.to_owned())?;
            return Ok(Self::Repeat { times, pause, octets: octets(said) });
        }
        Err(line.to_owned())
    }
}

/// Plays the steps to a client, and then waits for it to hang up.
///
/// # Errors
/// When the client says something else, or something more.
pub async fn play(client: TcpStream, steps: Vec<Step>) -> Result<(), String> {
    let (hears, mut says) = client.into_split();
    let mut hears = BufReader::new(hears).lines();
    for step in steps {
        // A client that has heard enough may hang up on us: that is for the test to judge.
        match step {
            Step::Client(expected) => match hears.next_line().await {
                Ok(Some(said)) if said == expected => {}
                Ok(Some(said)) => return Err(format!("the client said `{said}` in place of `{expected}`")),
                _ => return Err(format!("the client hung up in place of `{expected}`")),
            },
            Step::HangUp => return Ok(()),
            Step::Repeat { times, pause, octets } => {
                for _ in 0..times {
                    tokio::time::sleep(pause).await;
                    if says.write_all(&octets).await.is_err() {
                        break;
                    }
                }
            }
            Step::Server(octets) => drop(says.write_all(&octets).await),
            Step::Stall => break,
        }
    }
    match hears.next_line().await {
        Ok(Some(more)) => Err(format!("the client said `{more}` beyond its part")),
        _ => Ok(()),
    }
}

/// The octets of a line, `\xNN` and `\r\n` made what they stand for.
fn octets(text: &str) -> Vec<u8> {
    let mut octets = Vec::new();
    let mut rest = text;
    while let Some((plain, escape)) = rest.split_once('\\') {
        octets.extend_from_slice(plain.as_bytes());
        let hex = escape.strip_prefix('x').and_then(|hex| u8::from_str_radix(hex.get(..2)?, 16).ok());
        let (octet, length) = match (hex, escape.as_bytes().first()) {
            (Some(octet), _) => (octet, 3),
            (None, Some(b'r')) => (b'\r', 1),
            (None, Some(b'n')) => (b'\n', 1),
            // IMAP is full of `\Seen`.
            _ => (b'\\', 0),
        };
        octets.push(octet);
        rest = &escape[length..];
    }
    octets.extend_from_slice(rest.as_bytes());
    octets
}
