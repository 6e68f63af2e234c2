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
use super::key::{AudienceIdentity, Member, MemberIdentity, Misfit, NOT_TEXT, Recipient, identity_in, recipient_in};
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

    /// The ring as it lies on the disk: what only a member can open.
    ///
    /// # Errors
    /// `NoRing`.
    pub fn ciphertext(&self, audience: Audience) -> Result<Vec<u8>, VaultError> {
        let path = self.ring_path(audience);
        match fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Err(VaultError::NoRing { audience, path }),
            read => read.map_err(VaultError::io(&path)),
        }
    }

    /// The public half: all that sealing needs.
    ///
    /// # Errors
    /// `NoRing`; `BrokenRing` where there is not exactly one recipient in the file.
    pub fn recipient(&self, audience: Audience) -> Result<Recipient, VaultError> {
        let path = self.recipient_path(audience);
        let text = match fs::read_to_string(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(VaultError::NoRing { audience, path }),
            Err(error) if error.kind() == std::io::ErrorKind::InvalidData => return Err(broken(&path)(NOT_TEXT)),
            read => read.map_err(VaultError::io(&path))?,
        };
        recipient_in(&text).map_err(broken(&path))
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
            .map_err(|error| of_ring(VaultError::opening(&path)(error)))?
            .read_to_string(&mut text)
            .map_err(|error| of_ring(VaultError::reading(&path)(error)))?;
        let text = SecretString::from(text);
        // Inside of it no line has a number that anybody could look up.
        let damaged = |why| broken(&path)(Misfit { line: None, why });
        let identity = identity_in(text.expose_secret()).map_err(|misfit| damaged(misfit.why))?;
        if self.recipient(audience)?.0 != identity.to_public() {
            return Err(VaultError::RingMismatch { path: self.recipient_path(audience) });
        }
        let members = text.expose_secret().lines().filter_map(|line| line.strip_prefix(MEMBER)).map(str::parse);
        let members = members.collect::<Result<_, _>>().map_err(|_: String| damaged("a member in it is not `Name=age1…`"))?;
        Ok((identity, members))
    }

    /// Ring first: a public half without a private one would seal what nobody opens.
    fn wrap(&self, audience: Audience, identity: &x25519::Identity, members: &[Member]) -> Result<(), VaultError> {
        let names: Vec<_> = members.iter().map(|member| format!("{MEMBER}{member}")).collect();
        let text = format!("# mailwarden audience: {audience}\n{}\n", names.join("\n"));
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
mod tests {
    use std::process::Command;

    use super::*;
    use crate::vault::Vault;

    fn member(name: &str) -> (Member, MemberIdentity) {
        let identity = MemberIdentity::generate();
        (Member { name: name.to_owned(), recipient: identity.recipient() }, identity)
    }

    #[test]
    fn a_new_member_opens_what_was_sealed_before_she_came_and_no_sealed_file_is_touched() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let (ann, ann_key) = member("Ann Example");
        let (ben, ben_key) = member("Ben Example");
        vault.ring().create(Audience::Dsl, std::slice::from_ref(&ann)).unwrap();
        let receipt = vault.seal(|| &b"before"[..], &[Audience::Dsl]).unwrap();
        assert!(matches!(vault.ring().open(Audience::Dsl, &ben_key), Err(VaultError::WrongIdentity { .. })));

        vault.ring().add_member(Audience::Dsl, ben.clone(), &ann_key).unwrap();
        assert_eq!(vault.ring().members(Audience::Dsl, &ben_key).unwrap(), [ann, ben]);
        let _ = vault.confirm(receipt.object(), receipt.ciphertext_sha256()).unwrap();
        let mut plain = String::new();
        let dsl = vault.ring().open(Audience::Dsl, &ben_key).unwrap();
        vault.unseal(receipt.object(), &dsl).unwrap().read_to_string(&mut plain).unwrap();
        assert_eq!(plain, "before");
    }

    #[test]
    fn a_lost_key_is_replaced_by_a_new_one_under_the_same_name() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let ((ann, ann_key), (ben, lost), (new_ben, found)) = (member("Ann"), member("Ben"), member("Ben"));
        vault.ring().create(Audience::Head, &[ann, ben]).unwrap();
        vault.ring().add_member(Audience::Head, new_ben, &ann_key).unwrap();
        assert!(matches!(vault.ring().open(Audience::Head, &lost), Err(VaultError::WrongIdentity { .. })));
        assert!(vault.ring().open(Audience::Head, &found).is_ok());
    }

    #[test]
    fn an_audience_has_members_and_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        assert!(matches!(vault.ring().create(Audience::Dsl, &[]), Err(VaultError::NoMembers(Audience::Dsl))));
        assert!(matches!(vault.ring().recipient(Audience::Dsl), Err(VaultError::NoRing { audience: Audience::Dsl, .. })));
        let (ann, ann_key) = member("Ann");
        assert!(matches!(vault.ring().open(Audience::Dsl, &ann_key), Err(VaultError::NoRing { audience: Audience::Dsl, .. })));
        vault.ring().create(Audience::Dsl, std::slice::from_ref(&ann)).unwrap();
        assert!(matches!(vault.ring().create(Audience::Dsl, &[ann]), Err(VaultError::RingExists { audience: Audience::Dsl, .. })));
    }

    #[test]
    fn nobody_becomes_a_member_by_writing_his_name_into_the_public_file() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let ((ann, ann_key), (ben, _), (eve, eve_key)) = (member("Ann"), member("Ben"), member("Eve"));
        vault.ring().create(Audience::Dsl, &[ann]).unwrap();
        let path = folder.path().join("recipients/dsl.txt");
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{MEMBER}{eve}\n{text}")).unwrap();
        vault.ring().add_member(Audience::Dsl, ben, &ann_key).unwrap();
        assert!(matches!(vault.ring().open(Audience::Dsl, &eve_key), Err(VaultError::WrongIdentity { .. })));
    }

    #[test]
    fn a_public_half_that_was_exchanged_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(folder.path()).unwrap();
        let ((ann, ann_key), (eve, _)) = (member("Ann"), member("Eve"));
        vault.ring().create(Audience::Dsl, &[ann]).unwrap();
        let path = folder.path().join("recipients/dsl.txt");
        fs::write(&path, eve.recipient.to_string()).unwrap();
        assert!(matches!(vault.ring().open(Audience::Dsl, &ann_key), Err(VaultError::RingMismatch { path: named }) if named == path));
    }

    #[test]
    fn the_stock_age_opens_the_ring_and_then_the_object() {
        let folder = tempfile::tempdir().unwrap();
        let vault = Vault::open(&folder.path().join("vault")).unwrap();
        let ((ann, ann_key), (ben, ben_key)) = (member("Ann"), member("Ben"));
        vault.ring().create(Audience::Dsl, &[ann]).unwrap();
        vault.ring().add_member(Audience::Dsl, ben, &ann_key).unwrap();
        let message = vec![b'm'; 200_000];
        let receipt = vault.seal(|| &message[..], &[Audience::Dsl]).unwrap();

        let member_key = folder.path().join("member.key");
        ben_key.write(&member_key).unwrap();
        let dsl_key = folder.path().join("dsl.key");
        fs::write(&dsl_key, age(&member_key, &folder.path().join("vault/ring/dsl.age"))).unwrap();
        assert!(age(&dsl_key, &folder.path().join("vault").join(receipt.object().path())) == message);
    }

    /// `age -d -i IDENTITY FILE`
    fn age(identity: &Path, file: &Path) -> Vec<u8> {
        let run = Command::new("age").arg("-d").arg("-i").arg(identity).arg(file).output().expect("this test needs age: apt install age");
        assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
        run.stdout
    }
}
