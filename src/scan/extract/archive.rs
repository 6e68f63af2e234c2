//! Zip archives: every member is read within the budget, whatever the archive says of its size.

use std::borrow::Cow;
use std::io::{Cursor, Read};

use zip::ZipReadOptions;
use zip::read::{Config, ZipFileEntry};
use zip::result::ZipError;
use zip::unstable::read::ZipIterable;

use super::ooxml::Package;
use super::{Item, Reader};
use crate::finding::Reason;

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    let octets: &[u8] = &item.octets;
    let mut archive = match ZipIterable::try_new(Cursor::new(octets), Config::default()) {
        Ok(archive) => archive,
        Err(error) => return reader.extracts.incomplete(&item.part, reason(&error)),
    };
    let Ok(entries) = archive.files() else { return reader.extracts.incomplete(&item.part, Reason::Damaged) };
    let mut office = Package::of(item.sniffed.media_type);
    let mut containers = Vec::new();
    for (index, entry) in entries.enumerate() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(error) => {
                reader.extracts.incomplete(&item.part, reason(&error));
                break;
            }
        };
        if entry.is_dir() && entry.size() == 0 {
            continue;
        }
        let Some(most) = reader.budget.open() else {
            reader.extracts.incomplete(&item.part, Reason::Budget);
            break;
        };
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let (octets, failure) = inflate(entry, octets, most);
        reader.budget.pay(octets.len());
        let mut member = item.member(index + 1, Some(Cow::Owned(name)), Cow::Owned(octets));
        if let Some(reason) = failure {
            reader.extracts.incomplete(&member.part, reason);
        }
        if failure.is_some() && member.octets.is_empty() {
            reader.name(&member);
            continue;
        }
        if let Some(package) = &mut office {
            let Some(file) = package.keep(member) else { continue };
            member = file;
        }
        // Those that unfold come last: what is plain is read even if one of them is a bomb.
        if member.container_size() > 0 { containers.push(member) } else { reader.read(&member) }
    }
    if let Some(package) = office {
        package.read(reader, item);
    }
    for container in containers {
        reader.read(&container);
    }
}

/// As much of a member as could be had, `most` octets at most, and why it is not all.
fn inflate(entry: ZipFileEntry<'_>, archive: &[u8], most: u64) -> (Vec<u8>, Option<Reason>) {
    if entry.encrypted() {
        return (Vec::new(), Some(Reason::EncryptedArchive));
    }
    let mut octets = Vec::new();
    let mut source = Cursor::new(archive);
    let file = match entry.with_reader(&mut source, ZipReadOptions::new()) {
        Ok(file) => file,
        Err(error) => return (octets, Some(reason(&error))),
    };
    let damaged = file.take(most + 1).read_to_end(&mut octets).is_err();
    if octets.len() as u64 > most {
        octets.truncate(usize::try_from(most).unwrap_or(usize::MAX));
        return (octets, Some(Reason::Budget));
    }
    (octets, damaged.then_some(Reason::Damaged))
}

fn reason(error: &ZipError) -> Reason {
    match error {
        ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED) | ZipError::InvalidPassword => Reason::EncryptedArchive,
        ZipError::UnsupportedArchive(_) | ZipError::CompressionMethodNotSupported(_) => Reason::Unsupported,
        _ => Reason::Damaged,
    }
}
