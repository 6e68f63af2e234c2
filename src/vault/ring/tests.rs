//! Whose keys open an audience, whoever was enrolled, admitted, replaced or lost.

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

/// The ring as somebody who opens it would seal it in her browser to one more member.
fn wrapped(vault: &Vault, audience: Audience, opener: &MemberIdentity, to: &Member) -> Vec<u8> {
    let Unwrapped { identity, mut members, .. } = vault.ring().unwrap(audience, opener).unwrap();
    members.push(to.clone());
    vault.ring().sealed(audience, &identity, &members, &[to]).unwrap()
}

fn names(vault: &Vault, opener: &MemberIdentity) -> Vec<String> {
    vault.ring().members(Audience::Dsl, opener).unwrap().into_iter().map(|member| member.name).collect()
}

#[test]
fn losing_a_key_loses_nothing_while_another_lives_and_who_was_admitted_admits_others() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let ((ann, ann_key), (ben, ben_key), (cat, cat_key)) = (member("Ann"), member("Ben"), member("Cat"));
    vault.ring().create(Audience::Dsl, std::slice::from_ref(&ann)).unwrap();
    let receipt = vault.seal(|| &b"before"[..], &[Audience::Dsl]).unwrap();
    let main = vault.ring().ciphertext(Audience::Dsl).unwrap();
    vault.ring().admit(Audience::Dsl, ben.clone(), &wrapped(&vault, Audience::Dsl, &ann_key, &ben)).unwrap();
    assert!(vault.ring().ciphertext(Audience::Dsl).unwrap() == main, "the ring of the others is as it was");
    assert!(vault.ring().listed(Audience::Dsl).unwrap() == [ann, ben.clone()]);
    // Ann's key is lost from here on: what was sealed before Ben came is his to open, and to hand on.
    drop(ann_key);
    vault.ring().add_member(Audience::Dsl, cat, &ben_key).unwrap();
    for key in [&ben_key, &cat_key] {
        let mut plain = String::new();
        let dsl = vault.ring().open(Audience::Dsl, key).unwrap();
        vault.unseal(receipt.object(), &dsl).unwrap().read_to_string(&mut plain).unwrap();
        assert_eq!(plain, "before");
        assert_eq!(names(&vault, key), ["Ann", "Ben", "Cat"]);
    }
    assert!(vault.ring().ciphertext(Audience::Dsl).unwrap() == main, "nobody is put out by somebody who does not know of her");
}

#[test]
fn who_is_admitted_anew_opens_with_her_new_key_and_with_her_old_one_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let ((ann, ann_key), (ben, lost), (new_ben, found), (last_ben, last)) = (member("Ann"), member("Ben"), member("Ben"), member("Ben"));
    vault.ring().create(Audience::Dsl, &[ann]).unwrap();
    for ben in [&ben, &new_ben] {
        vault.ring().admit(Audience::Dsl, ben.clone(), &wrapped(&vault, Audience::Dsl, &ann_key, ben)).unwrap();
    }
    assert!(matches!(vault.ring().open(Audience::Dsl, &lost), Err(VaultError::WrongIdentity { .. })));
    assert!(vault.ring().open(Audience::Dsl, &found).is_ok());
    vault.ring().add_member(Audience::Dsl, last_ben, &ann_key).unwrap();
    assert!(matches!(vault.ring().open(Audience::Dsl, &found), Err(VaultError::WrongIdentity { .. })), "at the command line too");
    assert!(vault.ring().open(Audience::Dsl, &last).is_ok() && names(&vault, &ann_key) == ["Ann", "Ben"]);
}

#[test]
fn a_ring_is_put_aside_when_the_next_one_is_there_and_not_before() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let ((ann, ann_key), (ben, ben_key), (new_ben, new_key)) = (member("Ann"), member("Ben"), member("Ben"));
    vault.ring().create(Audience::Dsl, &[ann]).unwrap();
    let own = wrapped(&vault, Audience::Dsl, &ann_key, &ben);
    vault.ring().admit(Audience::Dsl, ben.clone(), &own).unwrap();
    // No draft can be written.
    fs::remove_dir(folder.path().join("tmp")).unwrap();
    let failed = vault.ring().add_member(Audience::Dsl, new_ben.clone(), &ann_key);
    assert!(matches!(failed, Err(VaultError::Io { .. })), "{failed:?}");
    assert!(vault.ring().open(Audience::Dsl, &ben_key).is_ok(), "nothing has taken the place of his ring");

    fs::create_dir(folder.path().join("tmp")).unwrap();
    vault.ring().add_member(Audience::Dsl, new_ben, &ann_key).unwrap();
    assert!(vault.ring().open(Audience::Dsl, &new_key).is_ok());
    assert!(matches!(vault.ring().open(Audience::Dsl, &ben_key), Err(VaultError::WrongIdentity { .. })));
    let aside = folder.path().join("ring/dsl").join(format!("{}.age.old", ben.recipient));
    assert!(fs::read(aside).unwrap() == own && names(&vault, &ann_key) == ["Ann", "Ben"]);
}

#[test]
fn what_was_wrongly_wrapped_opens_to_nobody_and_harms_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let ((ann, ann_key), (ben, ben_key)) = (member("Ann"), member("Ben"));
    vault.ring().create(Audience::Dsl, &[ann]).unwrap();
    vault.ring().create(Audience::Head, std::slice::from_ref(&ben)).unwrap();
    let other = wrapped(&vault, Audience::Head, &ben_key, &ben);
    for (junk, refused) in [(&b"junk"[..], "BrokenRing"), (&other, "RingMismatch")] {
        vault.ring().admit(Audience::Dsl, ben.clone(), junk).unwrap();
        let error = vault.ring().open(Audience::Dsl, &ben_key).err().unwrap();
        assert!(format!("{error:?}").starts_with(refused), "{error:?}");
        assert!(vault.ring().open(Audience::Dsl, &ann_key).is_ok());
    }
}

#[test]
fn a_key_that_was_made_elsewhere_is_here_as_its_public_half_alone() {
    let folder = tempfile::tempdir().unwrap();
    let vault = Vault::open(folder.path()).unwrap();
    let ((envelope, key), (other, other_key), (ann, _)) = (member("Sealed envelope"), member("New envelope"), member("Ann"));
    vault.ring().take(Audience::Evidence, envelope.clone()).unwrap();
    assert!(vault.ring().is_kept_elsewhere(Audience::Evidence) && !folder.path().join("ring/evidence.age").exists());
    let sealed = vault.seal(|| &b"withheld"[..], &[Audience::Evidence]).unwrap();
    assert!(matches!(vault.ring().open(Audience::Evidence, &other_key), Err(VaultError::WrongIdentity { .. })));
    assert!(matches!(vault.ring().add_member(Audience::Evidence, ann.clone(), &key), Err(VaultError::KeptElsewhere(_))));
    assert!(matches!(vault.ring().create(Audience::Evidence, &[ann]), Err(VaultError::RingExists { .. })));
    // The envelope is lost: another key from now on, and the earlier one opens what was sealed to it.
    vault.ring().take(Audience::Evidence, other).unwrap();
    vault.ring().take(Audience::Evidence, envelope).unwrap();
    let new = vault.seal(|| &b"later"[..], &[Audience::Evidence]).unwrap();
    for (object, opener) in [(&sealed, &key), (&new, &key)] {
        let identity = vault.ring().open(Audience::Evidence, opener).unwrap();
        assert!(vault.unseal(object.object(), &identity).is_ok());
    }
    let identity = vault.ring().open(Audience::Evidence, &other_key).unwrap();
    assert!(matches!(vault.unseal(sealed.object(), &identity).err(), Some(VaultError::WrongIdentity { .. })));
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
