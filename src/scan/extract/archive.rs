//! Zip archives: every member is read within the budget, whatever the archive says of its size.

mod inflate;
mod listed;

use std::borrow::Cow;
use std::io::Cursor;

use zip::read::{Config, OwnedZipFileEntry};
use zip::unstable::read::ZipIterable;

use self::inflate::{Unlocked, inflate, reason, unlock};
use self::listed::Listed;
use super::ooxml::Package;
use super::stream::Unpacked;
use super::{Item, Reader};
use crate::finding::{Defect, Reason};
use crate::scan::parse::charset_text;

/// What a packer may make of nothing, in octets.
const NOTHING: u64 = 2;

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    let octets: &[u8] = &item.octets;
    let mut archive = match ZipIterable::try_new(Cursor::new(octets), Config::default()) {
        Ok(archive) => archive,
        Err(error) => return reader.extracts.incomplete(&item.part, reason(&error)),
    };
    let Ok(entries) = archive.files() else { return reader.extracts.incomplete(&item.part, Reason::Damaged) };
    let mut office = Package::of(item.sniffed.media_type);
    let (mut containers, mut listed, mut is_cut_short) = (Vec::new(), Listed::default(), false);
    for (index, entry) in entries.enumerate() {
        let entry = match entry {
            Ok(entry) => OwnedZipFileEntry::from(entry),
            Err(error) => {
                reader.extracts.incomplete(&item.part, reason(&error));
                is_cut_short = true;
                break;
            }
        };
        listed.add(&entry, octets);
        if entry.is_dir() && entry.size() == 0 && entry.compressed_size() <= NOTHING {
            continue;
        }
        let Some(allowance) = reader.open() else {
            reader.extracts.incomplete(&item.part, Reason::Budget);
            is_cut_short = true;
            break;
        };
        let Unpacked { octets, failure } = if entry.encrypted() {
            match unlock(&entry, octets, allowance, &reader.passwords) {
                Unlocked::By(key, unpacked) => {
                    // What opened one member opens the next.
                    reader.passwords[..=key].rotate_right(1);
                    if !reader.extracts.defects.contains(&Defect::PasswordInMessage) {
                        reader.extracts.defects.push(Defect::PasswordInMessage);
                    }
                    unpacked
                }
                Unlocked::No(unpacked) => unpacked,
            }
        } else {
            inflate(&entry, octets, allowance)
        };
        reader.budget.pay(octets.len());
        let mut member = item.member(index + 1, Some(Cow::Owned(name(&entry))), Cow::Owned(octets));
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
    if !is_cut_short && !listed.accounts_for(octets) {
        reader.extracts.incomplete(&item.part, Reason::Damaged);
    }
    if let Some(package) = office {
        package.read(reader, item);
    }
    reader.unfold(containers);
}

/// UTF-8, whatever is said of it; else the page of DOS that the format knows, or the Shift JIS that it is used with.
fn name(entry: &OwnedZipFileEntry) -> String {
    let raw = entry.name_raw();
    if let Ok(name) = std::str::from_utf8(raw) {
        return name.to_owned();
    }
    let (japanese, is_damaged) = charset_text(raw, Some("shift_jis"));
    if !is_damaged && japanese.chars().any(|c| matches!(c, '\u{3041}'..='\u{30fa}')) {
        return japanese.into_owned();
    }
    entry.name().map_or_else(|_| String::from_utf8_lossy(raw).into_owned(), Cow::into_owned)
}
