//! RAR archives of every age. What goes on in another volume is not read.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::time::Instant;

use rars::{Archive, ArchiveMember, ArchiveReadOptions, ArchiveReader, Error, ErrorKind, ExtractionDecision, ExtractionErrorAction};

use crate::finding::Reason;
use crate::scan::budget;
use crate::scan::extract::members::{Member, Members};
use crate::scan::extract::stream::{Allowance, WINDOW};

pub fn read(octets: &[u8], members: &mut Members<'_, '_, '_>) {
    let words = members.passwords();
    let mut refusal = Reason::Damaged;
    for key in [None].into_iter().chain(words.iter().map(|word| Some(word.as_bytes()))) {
        match ArchiveReader::read_with_options(octets, options(key)) {
            Ok(archive) => {
                let key = key.or_else(|| {
                    let mut words = words.iter().take_while(|_| !members.is_late()).map(String::as_bytes);
                    words.find(|word| opens(&archive, word, members))
                });
                if key.is_some() {
                    members.opened_by_password();
                }
                return extract(&archive, key, members);
            }
            Err(error) => refusal = reason(&error),
        }
        if refusal != Reason::EncryptedArchive || members.is_late() {
            break;
        }
    }
    members.lacks(refusal);
}

fn options(key: Option<&[u8]>) -> ArchiveReadOptions<'_> {
    ArchiveReadOptions::with_optional_password(key)
        .with_max_header_count(u64::from(budget::PARTS) * 2)
        .with_max_header_bytes(1 << 20)
        .with_max_reader_workspace_bytes(2 * WINDOW as u64)
        .with_rar50_dictionary_size_limit(WINDOW as u64)
        .with_rar50_buffered_decode_limit(1 << 20)
}

/// Whether the first locked member comes out whole.
fn opens(archive: &Archive, word: &[u8], members: &Members<'_, '_, '_>) -> bool {
    let allowance = members.glance();
    let locked = archive.members().position(|member| member.meta.is_encrypted && !member.meta.is_directory);
    let options = options(Some(word)).with_max_member_output_bytes(allowance.most);
    locked.is_some_and(|index| archive.read_member_at_with_options(index, options).is_ok_and(|octets| octets.is_some()))
}

/// A member on its way: it is whole once the next one begins.
struct Pending {
    name: String,
    sink: Rc<RefCell<Sink>>,
    failure: Option<Reason>,
}

struct Sink {
    octets: Vec<u8>,
    allowance: Allowance,
    is_full: bool,
}

/// A sink that others look into.
struct Shared(Rc<RefCell<Sink>>);

impl Write for Shared {
    fn write(&mut self, octets: &[u8]) -> io::Result<usize> {
        let mut sink = self.0.borrow_mut();
        if sink.octets.len() as u64 + octets.len() as u64 > sink.allowance.most || Instant::now() >= sink.allowance.until {
            sink.is_full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        sink.octets.extend_from_slice(octets);
        Ok(octets.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What is under way: the members that are done, and the one that is not.
struct Extraction<'x, 'r, 'f, 'i> {
    members: &'x mut Members<'r, 'f, 'i>,
    pending: Option<Pending>,
    has_key: bool,
}

fn extract(archive: &Archive, key: Option<&[u8]>, members: &mut Members<'_, '_, '_>) {
    // Without a mark at its end, as the old ones are, an archive that breaks off behind its header looks whole.
    if archive.members().next().is_none() {
        return members.lacks(Reason::Damaged);
    }
    let under_way = RefCell::new(Extraction { members, pending: None, has_key: key.is_some() });
    let extracted = archive.extract_with_control_and_errors(
        options(key),
        |member| Ok(under_way.borrow_mut().begin(member)),
        |_, error| {
            under_way.borrow_mut().fail(reason(error));
            Ok(ExtractionErrorAction::Continue)
        },
    );
    let mut under_way = under_way.into_inner();
    if let Err(error) = extracted {
        under_way.fail(reason(&error));
        under_way.settle();
        under_way.members.lacks(reason(&error));
    }
    under_way.settle();
}

impl Extraction<'_, '_, '_, '_> {
    fn begin(&mut self, member: &ArchiveMember) -> ExtractionDecision {
        self.settle();
        let meta = &member.meta;
        if meta.is_directory || meta.is_redirection {
            return ExtractionDecision::Skip;
        }
        let allowance = self.members.open();
        let Some(allowance) = allowance else { return ExtractionDecision::Stop };
        let sink = Rc::new(RefCell::new(Sink { octets: Vec::new(), allowance, is_full: false }));
        let failure = match () {
            () if meta.is_encrypted && !self.has_key => Some(Reason::EncryptedArchive),
            // The rest of it lies in another file.
            () if meta.is_split_before || meta.is_split_after => Some(Reason::Unsupported),
            () => None,
        };
        let decision =
            if failure.is_some() { ExtractionDecision::Skip } else { ExtractionDecision::Extract(Box::new(Shared(sink.clone()))) };
        self.pending = Some(Pending { name: meta.name_lossy(), sink, failure });
        decision
    }

    fn fail(&mut self, reason: Reason) {
        if let Some(pending) = &mut self.pending {
            pending.failure.get_or_insert(reason);
        }
    }

    fn settle(&mut self) {
        let Some(Pending { name, sink, failure }) = self.pending.take() else { return };
        let (octets, is_full) = {
            let mut sink = sink.borrow_mut();
            (std::mem::take(&mut sink.octets), sink.is_full)
        };
        let failure = if is_full { Some(Reason::Budget) } else { failure };
        self.members.add(Member::file(Some(name), octets, failure));
    }
}

fn reason(error: &Error) -> Reason {
    match error.kind() {
        ErrorKind::PasswordRequired | ErrorKind::BadPassword => Reason::EncryptedArchive,
        ErrorKind::ResourceLimit => Reason::Budget,
        ErrorKind::UnsupportedFeature | ErrorKind::UnsupportedFormat => Reason::Unsupported,
        _ => Reason::Damaged,
    }
}
