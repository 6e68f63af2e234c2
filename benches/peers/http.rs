//! One HTTP request, as small as rspamd needs it.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};

use super::Result;

/// Posts octets and gives back the body of the answer.
///
/// The connection is not kept: rspamd's worker says `Connection: close` and closes it, whatever it is asked for.
pub fn post(port: u16, path: &str, octets: &[u8]) -> Result<Vec<u8>> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_nodelay(true)?;
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n", octets.len()).into_bytes();
    request.extend_from_slice(octets);
    stream.write_all(&request)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|four| four == b"\r\n\r\n").ok_or("the answer has no header")?;
    if !answer.starts_with(b"HTTP/1.1 200") {
        return Err(format!("refused: {}", String::from_utf8_lossy(&answer[..head])).into());
    }
    Ok(answer.split_off(head + 4))
}
