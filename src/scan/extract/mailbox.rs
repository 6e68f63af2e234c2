//! A whole mailbox as one file, in the mbox format (RFC 4155).

use memchr::memmem;

use super::members::{Member, Members};
use super::{Item, Reader};

const START: &[u8] = b"From ";

pub fn read(reader: &mut Reader<'_>, item: &Item<'_>) {
    let mut members = Members::of(reader, item);
    for message in messages(&item.octets) {
        if members.open().is_none() {
            break;
        }
        members.add(Member::file(None, message, None));
    }
    members.finish();
}

/// Each without the line that begins it. Such a line stands behind an empty one, or at the beginning.
fn messages(octets: &[u8]) -> impl Iterator<Item = &[u8]> {
    let starts = memmem::find_iter(octets, b"\nFrom ").map(|at| at + 1);
    let is_start = |at: &usize| octets[..*at].ends_with(b"\n\n") || octets[..*at].ends_with(b"\n\r\n");
    let mut ends = starts.filter(is_start).collect::<Vec<_>>();
    ends.push(octets.len());
    let mut from = 0;
    ends.into_iter().map(move |end| {
        let message = &octets[from..end];
        from = end;
        behind_start(message).unwrap_or(message)
    })
}

/// What stands behind the line that begins a mailbox; `None` where there is no such line.
pub fn behind_start(octets: &[u8]) -> Option<&[u8]> {
    let line = octets.starts_with(START).then(|| memchr::memchr(b'\n', octets)).flatten()?;
    Some(&octets[line + 1..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_message_stands_alone() {
        let mailbox = b"From a\nSubject: 1\n\nSo\nFrom here on\nFrom b\n\nFrom c\nSubject: 2\n\nx\n";
        let found: Vec<_> = messages(mailbox).collect();
        assert_eq!(found, [&b"Subject: 1\n\nSo\nFrom here on\nFrom b\n\n"[..], b"Subject: 2\n\nx\n"]);
    }
}
