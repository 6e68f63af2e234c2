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
    /// One message, octet by octet: `Message::digest`.
    pub fn key_message(&self, whole: &[u8; 32]) -> Keyed {
        self.keyed("message", &[whole])
    }

    /// What makes messages copies of each other: the octets of the body, and who sent what and when.
    pub fn key_content(&self, body: &[u8; 32], origin: &[u8; 32]) -> Keyed {
        self.keyed("content", &[body, origin])
    }

    /// A letter of ours, by the octets of its body: what mail servers write into its header changes nothing.
    pub fn key_letter(&self, body: &[u8; 32]) -> Keyed {
        self.keyed("letter", &[body])
    }

    /// A message id, by its SHA-256.
    pub fn key_message_id(&self, id: &[u8; 32]) -> Keyed {
        self.keyed("message-id", &[id])
    }

    pub fn key_address(&self, address: &Address) -> Keyed {
        self.keyed("address", &[address.as_str().as_bytes()])
    }

    /// Who wrote to which mailbox.
    pub fn key_contact(&self, sender: &Address, mailbox: &Address) -> Keyed {
        self.keyed("contact", &[sender.as_str().as_bytes(), mailbox.as_str().as_bytes()])
    }

    fn keyed(&self, label: &str, pieces: &[&[u8]]) -> Keyed {
        let mac = self.key.mac(label, pieces);
        let mut first = [0; 16];
        first.copy_from_slice(&mac[..16]);
        Keyed(first)
    }
}

#[cfg(test)]
mod tests {
    use super::super::desk::{Desk, address};

    #[test]
    fn the_same_is_keyed_the_same_and_another_instance_keys_it_otherwise() {
        let (desk, other) = (Desk::new(), Desk::new());
        let ann = address("ann");
        assert_eq!(desk.book.key_address(&ann), desk.again().key_address(&ann));
        assert_ne!(desk.book.key_address(&ann), other.book.key_address(&ann));
        assert_ne!(desk.book.key_content(&[1; 32], &[2; 32]), desk.book.key_content(&[1; 32], &[3; 32]));
    }
}
