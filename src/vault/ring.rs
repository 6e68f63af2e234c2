//! Who can open what: the key of each audience, its private half wrapped to its members.
//!
//! `ring/<audience>.age` is an age identity file sealed to the members, so that the stock `age` opens it; the
//! members are comments in it. `recipients/<audience>.txt` holds the public half and, for people to read, the
//! members again; nothing believes that second list.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use age::secrecy::{ExposeSecret, SecretString};
use age::x25519;

use super::VaultError;
use super::file;
use super::key::{AudienceIdentity, Member, MemberIdentity, Recipient, identity_in};
use crate::finding::Audience;

/// The folders `ring` and `recipients` of a vault.
pub struct Ring<'a> {
    pub(super) vault: &'a Path,
}

impl Ring<'_> {
    /// Makes the key of an audience and wraps it to its members.
    ///
    /// # Errors
    /// `NoMembers`, `RingExists`, and when the files cannot be written.
    pub fn create(&self, audience: Audience, members: &[Member]) -> Result<(), VaultError> {
        let path = self.ring_path(audience);
        if path.exists() {
            return Err(VaultError::RingExists { audience, path });
        }
        self.wrap(audience, &x25519::Identity::generate(), members)
    }

    /// Wraps the ring to one more member. Nothing that was ever sealed is touched, and all of it opens to her.
    /// A member of the same name is replaced: that is how a lost key becomes a new one.
    ///
    /// # Errors
    /// `WrongIdentity` when the opener is no member; else as [`Ring::open`].
    pub fn add_member(&self, audience: Audience, member: Member, opener: &MemberIdentity) -> Result<(), VaultError> {
        let (identity, mut members) = self.unwrap(audience, opener)?;
        members.retain(|known| known.name != member.name);
        members.push(member);
        self.wrap(audience, &identity, &members)
    }

    /// The private key of an audience, for one of its members.
    ///
    /// # Errors
    /// `NoRing`; `WrongIdentity` when she is no member; `RingMismatch` when the public half is another's.
    pub fn open(&self, audience: Audience, member: &MemberIdentity) -> Result<AudienceIdentity, VaultError> {
        self.unwrap(audience, member).map(|(identity, _)| AudienceIdentity(identity))
    }

    /// To whom the ring is wrapped, as the ring itself says.
    ///
    /// # Errors
    /// As [`Ring::open`].
    pub fn members(&self, audience: Audience, member: &MemberIdentity) -> Result<Vec<Member>, VaultError> {
        self.unwrap(audience, member).map(|(_, members)| members)
    }

    /// The public half: all that sealing needs.
    ///
    /// # Errors
    /// `NoRing`; `NotAKey` where there is not exactly one recipient in the file.
    pub fn recipient(&self, audience: Audience) -> Result<Recipient, VaultError> {
        let path = self.recipient_path(audience);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(VaultError::NoRing { audience, path }),
            read => read.map_err(VaultError::io(&path))?,
        };
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        match (lines.next().map(str::parse), lines.next()) {
            (Some(Ok(recipient)), None) => Ok(recipient),
            _ => Err(VaultError::NotAKey { path, why: "not one age recipient".to_owned() }),
        }
    }

    fn unwrap(&self, audience: Audience, member: &MemberIdentity) -> Result<(x25519::Identity, Vec<Member>), VaultError> {
        let path = self.ring_path(audience);
        let wrapped = match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(VaultError::NoRing { audience, path }),
            read => read.map_err(VaultError::io(&path))?,
        };
        let mut text = String::new();
        age::Decryptor::new_buffered(&wrapped[..])
            .and_then(|ring| ring.decrypt(std::iter::once(&member.0 as &dyn age::Identity)))
            .map_err(VaultError::opening(&path))?
            .read_to_string(&mut text)
            .map_err(VaultError::reading(&path))?;
        let text = SecretString::from(text);
        let damaged = |why| VaultError::NotAKey { path: path.clone(), why };
        let identity = identity_in(text.expose_secret()).map_err(damaged)?;
        if self.recipient(audience)?.0 != identity.to_public() {
            return Err(VaultError::RingMismatch { path: self.recipient_path(audience) });
        }
        let members = text.expose_secret().lines().filter_map(|line| line.strip_prefix(MEMBER)).map(str::parse);
        let members = members.collect::<Result<_, _>>().map_err(damaged)?;
        Ok((identity, members))
    }

    /// Ring first: a public half without a private one would seal what nobody opens.
    fn wrap(&self, audience: Audience, identity: &x25519::Identity, members: &[Member]) -> Result<(), VaultError> {
        let mut text = format!("# mailwarden audience: {audience}\n");
        for member in members {
            text.push_str(&format!("{MEMBER}{member}\n"));
        }
        let public = format!("{text}{}\n", identity.to_public());
        let private = SecretString::from(format!("{text}{}\n", identity.to_string().expose_secret()));
        let path = self.ring_path(audience);
        let recipients = members.iter().map(|member| &member.recipient.0 as &dyn age::Recipient);
        let sealing = age::Encryptor::with_recipients(recipients).map_err(|_| VaultError::NoMembers(audience))?;
        let mut wrapped = Vec::new();
        let seal = || {
            let mut out = sealing.wrap_output(&mut wrapped)?;
            out.write_all(private.expose_secret().as_bytes())?;
            out.finish().map(drop)
        };
        seal().map_err(VaultError::io(&path))?;
        self.replace(&path, &wrapped)?;
        self.replace(&self.recipient_path(audience), public.as_bytes())
    }

    fn replace(&self, path: &Path, octets: &[u8]) -> Result<(), VaultError> {
        file::replace(path, octets, &self.vault.join("tmp")).map_err(VaultError::io(path))
    }

    fn ring_path(&self, audience: Audience) -> PathBuf {
        self.vault.join("ring").join(format!("{audience}.age"))
    }

    fn recipient_path(&self, audience: Audience) -> PathBuf {
        self.vault.join("recipients").join(format!("{audience}.txt"))
    }
}

const MEMBER: &str = "# member: ";
