//! Digests that say nothing to somebody without the instance key.

use rusqlite::ToSql;
use rusqlite::types::{FromSql, FromSqlResult, ToSqlOutput, ValueRef};

use super::Casebook;
use crate::mail::Address;

/// The first 16 octets of an HMAC-SHA-256 under the instance key. Nobody with a list of digests can ask the
/// casebook whether one of them is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Keyed([u8; 16]);

impl ToSql for Keyed {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.0.to_vec().into())
    }
}

impl FromSql for Keyed {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        FromSql::column_result(value).map(Self)
    }
}

impl Casebook {
    /// One message, octet by octet: `Digests::whole`.
    pub fn key_message(&self, whole: &[u8; 32]) -> Keyed {
        self.keyed("message", &[whole])
    }

    /// What makes messages copies of each other: the octets of the body, and who sent what and when.
    pub fn key_content(&self, body: &[u8; 32], origin: &[u8; 32]) -> Keyed {
        self.keyed("content", &[body, origin])
    }

    pub fn key_address(&self, address: &Address) -> Keyed {
        self.keyed("address", &[address.as_str().as_bytes()])
    }

    fn keyed(&self, label: &str, pieces: &[&[u8]]) -> Keyed {
        let mac = self.key.mac(label, pieces);
        let mut first = [0; 16];
        first.copy_from_slice(&mac[..16]);
        Keyed(first)
    }
}
