//! `[review]`: the desk in the browser.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use super::kind::{self, wrong};
use super::sections::path;
use super::table::Table;
use super::{Review, Tls};

const PORT: u16 = 8443;

pub(super) fn review(table: &Table<'_>) -> Option<Review> {
    let host = table.required("host", "\"safeguarding.school.example\"", |value| {
        let host = kind::text(value)?.to_lowercase();
        let plain = host.bytes().all(|octet| octet.is_ascii_alphanumeric() || matches!(octet, b'.' | b'-'));
        let hint = "write the bare name that people type: \"safeguarding.school.example\"";
        if plain { Ok(host) } else { Err(wrong(format!("`{host}` is not the name of a machine"), hint)) }
    });
    let listen = table.optional("listen", |value| {
        let written = kind::text(value)?;
        let hint = "write an address of this machine and a port: \"127.0.0.1:8443\", \"[::1]:8443\", \"0.0.0.0:443\"";
        written.parse().map_err(|_| wrong(format!("`{written}` is not an address with a port"), hint))
    });
    let listen: SocketAddr = listen.unwrap_or_else(|| (Ipv4Addr::LOCALHOST, PORT).into());
    let proxied = table.placed("behind_proxy", kind::flag);
    let (certificate, key) = (path(table, "certificate"), path(table, "key"));
    let tls = match (certificate, key, proxied) {
        (None, None, Some(proxied)) if proxied.value => {
            if !listen.ip().is_loopback() {
                let why = format!("`{listen}` is within reach of other machines: passwords would cross the network in plain text");
                table.tell("`behind_proxy` of [review] cannot be used".to_owned(), proxied.at, wrong(why, "listen on \"127.0.0.1:8443\""));
            }
            Tls::Proxy
        }
        (None, None, _) => Tls::Own,
        (Some(certificate), Some(key), None) => Tls::Given { certificate, key },
        (Some(_), Some(_), Some(proxied)) => {
            let hint = "remove `behind_proxy`, or `certificate` and `key`";
            table.tell(
                "two encrypt the connections to the desk".to_owned(),
                proxied.at,
                wrong("the proxy has a certificate already", hint),
            );
            return None;
        }
        _ => {
            let why = "a certificate and its private key belong together";
            let hint = "name both files, `certificate` and `key`, or neither";
            table.tell("half a certificate is named in [review]".to_owned(), table.at(), wrong(why, hint));
            return None;
        }
    };
    let directory = path(table, "directory").unwrap_or_else(|| PathBuf::from("/var/lib/mailwarden-review"));
    Some(Review { host: host?, listen, tls, directory })
}
