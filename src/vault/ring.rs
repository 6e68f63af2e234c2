//! Who can open what: the key of each audience, its private half wrapped to its members.
//!
//! `ring/<audience>.age` is an age identity file sealed to the members, so that the stock `age` opens it; the
//! members are comments in it. `ring/<audience>/<member>.age` is the same, sealed in the browser of a member to one
//! who was admitted later: nothing that opens today is touched by it; with `.old` behind its name it
//! is that of an earlier key, and out of use. `recipients/<audience>.txt` holds the public half and, for people to read, the members again; nothing believes that second list. An audience whose key was made elsewhere
//! has no ring, and its public half alone.

use std::fmt::{Display, Write as _};
use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use age::secrecy::{ExposeSecret, SecretString};
use age::x25519;

use super::VaultError;
use super::file;
use super::key::{AudienceIdentity, Member, MemberIdentity, Misfit, NOT_TEXT, Recipient, identity_in, recipient_in};
use crate::finding::Audience;

/// The folders `ring` and `recipients` of a vault.
pub struct Ring<'a> {
    pub(super) vault: &'a Path,
}

/// What somebody's key has opened.
struct Unwrapped {
    identity: x25519::Identity,
    /// As the ring itself says.
    members: Vec<Member>,
    from: Source,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Source {
    /// The ring of all who were enrolled at the command line.
    Whole,
    /// The ring of her own.
    Own,
    /// Her key is that of the audience.
    Elsewhere,
}

impl Ring<'_> {
    /// Makes the key of an audience and wraps it to its members.
    ///
    /// # Errors
    /// `NoMembers`, `RingExists`, and when the files cannot be written.
    pub fn create(&self, audience: Audience, members: &[Member]) -> Result<(), VaultError> {
        let path = self.ring_path(audience);
        if path.exists() || self.recipient_path(audience).exists() {
            return Err(VaultError::RingExists { audience, path });
        }
        let identity = x25519::Identity::generate();
        // Ring first: a public half without a private one would seal what nobody opens.
        self.wrap(audience, &identity, members)?;
        self.publish(audience, &Recipient(identity.to_public()), members, &[])
    }

    /// Seals to a key that was made elsewhere from now on: its private half is never here. What was sealed before opens with the
    /// earlier key alone.
    ///
    /// # Errors
    /// `RingExists` where members are wrapped to; and when the file cannot be written.
    pub fn take(&self, audience: Audience, holder: Member) -> Result<(), VaultError> {
        let path = self.ring_path(audience);
        if path.exists() {
            return Err(VaultError::RingExists { audience, path });
        }
        let recipient = holder.recipient.clone();
        let mut before = self.before(audience)?;
        match self.recipient(audience) {
            Ok(earlier) if earlier != recipient && !before.contains(&earlier) => before.push(earlier),
            Ok(_) | Err(VaultError::NoRing { .. }) => {}
            Err(error) => return Err(error),
        }
        before.retain(|earlier| *earlier != recipient);
        self.publish(audience, &recipient, &[holder], &before)
    }

    /// Wraps the ring to one more member. Nothing that was ever sealed is touched, and all of it opens to her.
    /// A member of the same name is replaced: that is how a lost key becomes a new one.
    ///
    /// # Errors
    /// `WrongIdentity` when the opener is no member; `KeptElsewhere` where there is nothing to wrap; else as [`Ring::open`].
    pub fn add_member(&self, audience: Audience, member: Member, opener: &MemberIdentity) -> Result<(), VaultError> {
        let Unwrapped { identity, mut members, from } = self.unwrap(audience, opener)?;
        members.retain(|known| known.name != member.name);
        members.push(member.clone());
        match from {
            Source::Elsewhere => Err(VaultError::KeptElsewhere(audience)),
            Source::Own => {
                let wrapped = self.sealed(audience, &identity, &members, &[&member])?;
                self.admit(audience, member, &wrapped)
            }
            Source::Whole => {
                // That of her new key comes first: whatever fails after it, and before it, she opens with one of them.
                self.wrap(audience, &identity, &members)?;
                self.put_aside_others_of(audience, &member)?;
                members.extend(self.admitted(audience)?);
                self.publish(audience, &Recipient(identity.to_public()), &members, &[])
            }
        }
    }

    /// Keeps a ring that was sealed to one more member by somebody who could open it. Whether it opens, she alone can tell; no
    /// other ring is touched but those of an earlier key of hers.
    ///
    /// # Errors
    /// `NoRing`, and when the files cannot be written.
    pub fn admit(&self, audience: Audience, member: Member, wrapped: &[u8]) -> Result<(), VaultError> {
        let recipient = self.recipient(audience)?;
        let folder = self.own_folder(audience);
        let make = || file::create_folder(&folder).and_then(|()| file::sync_folder(&self.vault.join("ring")));
        make().map_err(VaultError::io(&folder))?;
        self.replace(&self.own_path(audience, &member.recipient), wrapped)?;
        self.put_aside_others_of(audience, &member)?;
        let mut members = self.listed(audience)?;
        members.retain(|known| known.name != member.name);
        members.push(member);
        self.publish(audience, &recipient, &members, &self.before(audience)?)
    }

    /// The private key of an audience, for one of its members.
    ///
    /// # Errors
    /// `NoRing`; `WrongIdentity` when she is no member; `RingMismatch` when the public half is another's.
    pub fn open(&self, audience: Audience, member: &MemberIdentity) -> Result<AudienceIdentity, VaultError> {
        self.unwrap(audience, member).map(|Unwrapped { identity, .. }| AudienceIdentity(identity))
    }

    /// To whom the ring is wrapped: as the ring itself says, and then those who have one of their own.
    ///
    /// # Errors
    /// As [`Ring::open`].
    pub fn members(&self, audience: Audience, member: &MemberIdentity) -> Result<Vec<Member>, VaultError> {
        let mut members = self.unwrap(audience, member)?.members;
        for own in self.admitted(audience)? {
            if !members.iter().any(|known| known.recipient == own.recipient) {
                members.push(own);
            }
        }
        Ok(members)
    }

    /// The members as they stand in the file that people read: to be shown, and never to be believed.
    ///
    /// # Errors
    /// `NoRing`.
    pub fn listed(&self, audience: Audience) -> Result<Vec<Member>, VaultError> {
        self.comments(audience, MEMBER)
    }

    /// The ring as it lies on the disk: what only a member can open.
    ///
    /// # Errors
    /// `NoRing`.
    pub fn ciphertext(&self, audience: Audience) -> Result<Vec<u8>, VaultError> {
        let path = self.ring_path(audience);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(VaultError::NoRing { audience, path }),
            read => read.map_err(VaultError::io(&path)),
        }
    }

    /// The ring that was sealed to this member alone, if there is one.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn ciphertext_of(&self, audience: Audience, member: &Recipient) -> Result<Option<Vec<u8>>, VaultError> {
        let path = self.own_path(audience, member);
        match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(VaultError::io(&path)),
        }
    }

    /// The public half: all that sealing needs.
    ///
    /// # Errors
    /// `NoRing`; `BrokenRing` where there is not exactly one recipient in the file.
    pub fn recipient(&self, audience: Audience) -> Result<Recipient, VaultError> {
        let (path, text) = self.public(audience)?;
        recipient_in(&text).map_err(broken(&path))
    }

    /// Whether its private half was made elsewhere, and is not here in any form. A ring that is missing of any other audience is
    /// damage.
    pub fn is_kept_elsewhere(&self, audience: Audience) -> bool {
        audience == Audience::Evidence && !self.ring_path(audience).exists() && self.recipient_path(audience).exists()
    }

    fn unwrap(&self, audience: Audience, member: &MemberIdentity) -> Result<Unwrapped, VaultError> {
        let recipient = self.recipient(audience)?;
        let path = self.ring_path(audience);
        if self.is_kept_elsewhere(audience) {
            let own = member.recipient();
            return if own == recipient || self.before(audience)?.contains(&own) {
                Ok(Unwrapped { identity: member.0.clone(), members: self.listed(audience)?, from: Source::Elsewhere })
            } else {
                Err(VaultError::WrongIdentity { path: self.recipient_path(audience) })
            };
        }
        let (path, text, from) = match opened(&path, &self.ciphertext(audience)?, member) {
            Err(VaultError::WrongIdentity { path }) => match self.ciphertext_of(audience, &member.recipient())? {
                None => return Err(VaultError::WrongIdentity { path }),
                Some(own) => {
                    let path = self.own_path(audience, &member.recipient());
                    let text = opened(&path, &own, member)?;
                    (path, text, Source::Own)
                }
            },
            text => (path, text?, Source::Whole),
        };
        // Inside of it no line has a number that anybody could look up.
        let damaged = |why| broken(&path)(Misfit { line: None, why });
        let identity = identity_in(text.expose_secret()).map_err(|misfit| damaged(misfit.why))?;
        if recipient.0 != identity.to_public() {
            return Err(VaultError::RingMismatch { path: self.recipient_path(audience) });
        }
        let members = text.expose_secret().lines().filter_map(|line| line.strip_prefix(MEMBER)).map(str::parse);
        let members = members.collect::<Result<_, _>>().map_err(|_: String| damaged("a member in it is not `Name=age1…`"))?;
        Ok(Unwrapped { identity, members, from })
    }

    fn wrap(&self, audience: Audience, identity: &x25519::Identity, members: &[Member]) -> Result<(), VaultError> {
        let to: Vec<_> = members.iter().collect();
        let wrapped = self.sealed(audience, identity, members, &to)?;
        self.replace(&self.ring_path(audience), &wrapped)
    }

    fn sealed(&self, audience: Audience, identity: &x25519::Identity, members: &[Member], to: &[&Member]) -> Result<Vec<u8>, VaultError> {
        let names = lines(MEMBER, members);
        let private = SecretString::from(format!("{HEAD}{audience}\n{names}{}\n", identity.to_string().expose_secret()));
        let recipients = to.iter().map(|member| &member.recipient.0 as &dyn age::Recipient);
        let sealing = age::Encryptor::with_recipients(recipients).map_err(|_| VaultError::NoMembers(audience))?;
        let mut wrapped = Vec::new();
        let seal = || {
            let mut out = sealing.wrap_output(&mut wrapped)?;
            out.write_all(private.expose_secret().as_bytes())?;
            out.finish().map(drop)
        };
        seal().map_err(VaultError::io(&self.ring_path(audience)))?;
        Ok(wrapped)
    }

    fn publish(&self, audience: Audience, recipient: &Recipient, members: &[Member], before: &[Recipient]) -> Result<(), VaultError> {
        let (members, before) = (lines(MEMBER, members), lines(BEFORE, before));
        self.replace(&self.recipient_path(audience), format!("{HEAD}{audience}\n{members}{before}{recipient}\n").as_bytes())
    }

    /// Those with a ring of their own, as far as people may read who they are.
    fn admitted(&self, audience: Audience) -> Result<Vec<Member>, VaultError> {
        let listed = self.listed(audience)?;
        let path = self.own_folder(audience);
        let names = match fs::read_dir(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            read => read.and_then(Iterator::collect::<io::Result<Vec<_>>>).map_err(VaultError::io(&path))?,
        };
        let own = names.iter().filter_map(|entry| entry.path().file_stem()?.to_str()?.parse::<Recipient>().ok());
        let named = |recipient: Recipient| {
            let known = listed.iter().find(|member| member.recipient == recipient).cloned();
            known.unwrap_or_else(|| Member { name: UNNAMED.to_owned(), recipient })
        };
        Ok(own.map(named).collect())
    }

    /// Takes the rings of earlier keys of somebody out of use, under names that nothing reads: people may be wrong about who is the same.
    fn put_aside_others_of(&self, audience: Audience, member: &Member) -> Result<(), VaultError> {
        let others = self.admitted(audience)?.into_iter().filter(|known| known.name == member.name && known.recipient != member.recipient);
        for other in others {
            let path = self.own_path(audience, &other.recipient);
            fs::rename(&path, path.with_added_extension(ASIDE)).map_err(VaultError::io(&path))?;
        }
        Ok(())
    }

    /// Earlier keys of an audience whose key is made elsewhere.
    fn before(&self, audience: Audience) -> Result<Vec<Recipient>, VaultError> {
        match self.comments(audience, BEFORE) {
            Err(VaultError::NoRing { .. }) => Ok(Vec::new()),
            read => read,
        }
    }

    /// What stands behind this mark in the public file; lines that cannot be understood are left out.
    fn comments<T: std::str::FromStr>(&self, audience: Audience, mark: &str) -> Result<Vec<T>, VaultError> {
        let (_, text) = self.public(audience)?;
        Ok(text.lines().filter_map(|line| line.strip_prefix(mark)?.parse().ok()).collect())
    }

    fn public(&self, audience: Audience) -> Result<(PathBuf, String), VaultError> {
        let path = self.recipient_path(audience);
        match fs::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(VaultError::NoRing { audience, path }),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => Err(broken(&path)(NOT_TEXT)),
            read => read.map_err(VaultError::io(&path)).map(|text| (path, text)),
        }
    }

    fn replace(&self, path: &Path, octets: &[u8]) -> Result<(), VaultError> {
        file::replace(path, octets, &self.vault.join("tmp")).map_err(VaultError::io(path))
    }

    fn ring_path(&self, audience: Audience) -> PathBuf {
        self.vault.join("ring").join(format!("{audience}.age"))
    }

    fn own_folder(&self, audience: Audience) -> PathBuf {
        self.vault.join("ring").join(audience.as_str())
    }

    fn own_path(&self, audience: Audience, member: &Recipient) -> PathBuf {
        self.own_folder(audience).join(format!("{member}.age"))
    }

    fn recipient_path(&self, audience: Audience) -> PathBuf {
        self.vault.join("recipients").join(format!("{audience}.txt"))
    }
}

fn opened(path: &Path, wrapped: &[u8], member: &MemberIdentity) -> Result<SecretString, VaultError> {
    let mut text = String::new();
    age::Decryptor::new_buffered(wrapped)
        .and_then(|ring| ring.decrypt(std::iter::once(&member.0 as &dyn age::Identity)))
        .map_err(|error| of_ring(VaultError::opening(path)(error)))?
        .read_to_string(&mut text)
        .map_err(|error| of_ring(VaultError::reading(path)(error)))?;
    Ok(SecretString::from(text))
}

/// Comments, one a line.
fn lines(mark: &str, all: &[impl Display]) -> String {
    all.iter().fold(String::new(), |mut text, one| {
        let _ = writeln!(text, "{mark}{one}");
        text
    })
}

/// Behind the name of a ring that is out of use.
const ASIDE: &str = "old";
const HEAD: &str = "# mailwarden audience: ";
const MEMBER: &str = "# member: ";
const BEFORE: &str = "# before: ";
/// Of whom the public file does not tell.
const UNNAMED: &str = "(admitted, not listed)";

fn broken(path: &Path) -> impl FnOnce(Misfit) -> VaultError {
    let path = path.to_owned();
    move |Misfit { line, why }| VaultError::BrokenRing { path, line, why }
}

/// What is not whole here is a key, and not something that was sealed.
fn of_ring(error: VaultError) -> VaultError {
    match error {
        VaultError::Damaged { path, why } => VaultError::BrokenRing { path, line: None, why },
        other => other,
    }
}

#[cfg(test)]
mod tests;
