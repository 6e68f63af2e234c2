//! Memory in which one process lays octets and another reads them, time and again: a memory file for each would cost both of
//! them more than most messages do to examine.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::ptr::{self, NonNull};

use rustix::fs::{FallocateFlags, SealFlags, SeekFrom, fallocate, fcntl_add_seals, ftruncate};
use rustix::mm::{Advice, MapFlags, ProtFlags};

use crate::wire::memory_file;

/// The end that writes. Whoever gets the descriptor can only read: the seal leaves this mapping as the last that may write.
#[derive(Debug)]
pub struct Tray {
    file: OwnedFd,
    start: NonNull<u8>,
    room: usize,
    /// So much of it is memory that was given.
    given: usize,
}

/// The end that reads. It keeps no descriptor.
#[derive(Debug)]
pub struct TrayView {
    start: NonNull<u8>,
    room: usize,
}

/// The octets of a page are a divisor of this, whatever the processor.
const LARGEST_PAGE: usize = 64 << 10;

const SEALS: SealFlags = SealFlags::FUTURE_WRITE.union(SealFlags::SHRINK);

impl Tray {
    /// For so many octets; memory is asked for once they are laid.
    ///
    /// # Errors
    /// When memory is short, or the kernel refuses the seals.
    pub fn new(room: usize) -> io::Result<Self> {
        let file = memory_file(c"tray")?;
        ftruncate(&file, room as u64)?;
        let start = map(&file, room, ProtFlags::READ | ProtFlags::WRITE)?;
        let tray = Self { file, start, room, given: 0 };
        fcntl_add_seals(&tray.file, SEALS | SealFlags::GROW | SealFlags::SEAL)?;
        Ok(tray)
    }

    /// Lays these octets one behind the other, from the beginning. What lay there before is gone: whoever reads must have
    /// finished.
    ///
    /// # Errors
    /// When there is no room for all of them, or no memory; nothing was laid then.
    pub fn lay(&mut self, pieces: &[&[u8]]) -> io::Result<()> {
        let octets = pieces.iter().map(|piece| piece.len()).sum();
        if octets > self.room {
            return Err(io::ErrorKind::WriteZero.into());
        }
        if octets > self.given {
            // Asked for now: to write to memory that is not to be had would be the end of this process.
            fallocate(&self.file, FallocateFlags::empty(), 0, octets as u64)?;
            self.populate(octets);
            self.given = octets;
        }
        let mut at = 0;
        for piece in pieces {
            // SAFETY: the sum of all pieces fits into the mapping, which lives as long as `self`. No reference into it exists in
            // this process, so no piece lies in it.
            unsafe { ptr::copy_nonoverlapping(piece.as_ptr(), self.start.as_ptr().add(at), piece.len()) };
            at += piece.len();
        }
        Ok(())
    }
}

impl Tray {
    /// Maps what is new of the first `octets` at once, where the kernel can (5.14): else the first write to each page does.
    fn populate(&self, octets: usize) {
        let new = self.given / LARGEST_PAGE * LARGEST_PAGE..octets;
        // SAFETY: the range lies in the mapping, which lives as long as `self`; what is in it stays as it is.
        let _ = unsafe { rustix::mm::madvise(self.start.as_ptr().add(new.start).cast(), new.len(), Advice::LinuxPopulateWrite) };
    }
}

impl TrayView {
    /// # Errors
    /// When the file is not sealed as [`Tray`] seals it, or does not fit into memory.
    pub fn of(file: impl AsFd) -> io::Result<Self> {
        if !rustix::fs::fcntl_get_seals(&file)?.contains(SEALS) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the tray is not sealed"));
        }
        let room = usize::try_from(rustix::fs::seek(&file, SeekFrom::End(0))?).map_err(|_| io::ErrorKind::OutOfMemory)?;
        let start = map(&file, room, ProtFlags::READ)?;
        Ok(Self { start, room })
    }

    /// The first octets of what was laid; `None` when the tray is smaller. The borrow has to end before the other process is told
    /// that it may lay the next.
    pub fn laid(&self, octets: usize) -> Option<&[u8]> {
        // SAFETY: the mapping holds `room` octets, lives as long as `self` and cannot be shortened (a seal). The one process
        // that can write to it does so only while it owes this one a request, and then this slice is gone.
        (octets <= self.room).then(|| unsafe { std::slice::from_raw_parts(self.start.as_ptr(), octets) })
    }
}

fn map(file: impl AsFd, room: usize, protection: ProtFlags) -> io::Result<NonNull<u8>> {
    // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing of ours.
    let start = unsafe { rustix::mm::mmap(ptr::null_mut(), room, protection, MapFlags::SHARED, file, 0)? };
    Ok(NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?)
}

fn unmap(start: NonNull<u8>, room: usize) {
    // SAFETY: unmaps what `map` mapped, and no borrow of it outlives its owner. It fails only for a range that is none, and then
    // there is nothing to undo.
    let _ = unsafe { rustix::mm::munmap(start.as_ptr().cast(), room) };
}

// SAFETY: the mapping belongs to no thread, and only `&mut self` writes to it.
unsafe impl Send for Tray {}
// SAFETY: `&self` gives the descriptor and nothing else.
unsafe impl Sync for Tray {}

impl Drop for Tray {
    fn drop(&mut self) {
        unmap(self.start, self.room);
    }
}

impl Drop for TrayView {
    fn drop(&mut self) {
        unmap(self.start, self.room);
    }
}

impl AsFd for Tray {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_laid_is_read_and_what_comes_next_takes_its_place() {
        let mut tray = Tray::new(4096).unwrap();
        let view = TrayView::of(&tray).unwrap();
        for pieces in [[&b"one "[..], b"message"], [b"two", b""]] {
            tray.lay(&pieces).unwrap();
            let all = pieces.concat();
            assert_eq!(view.laid(all.len()), Some(&*all));
        }
        assert_eq!(view.laid(4097), None);
        assert!(tray.lay(&[&[0; 4000], &[0; 97]]).is_err());
    }

    #[test]
    fn whoever_gets_the_descriptor_cannot_write() {
        let tray = Tray::new(4096).unwrap();
        assert_eq!(rustix::io::write(&tray, b"x"), Err(rustix::io::Errno::PERM));
        assert_eq!(map(&tray, 4096, ProtFlags::READ | ProtFlags::WRITE).unwrap_err().kind(), io::ErrorKind::PermissionDenied);
        let view = TrayView::of(&tray).unwrap();
        // SAFETY: the range is the view's own mapping; the kernel is to refuse.
        let raised = unsafe { rustix::mm::mprotect(view.start.as_ptr().cast(), 4096, rustix::mm::MprotectFlags::WRITE) };
        assert_eq!(raised, Err(rustix::io::Errno::ACCESS));
    }

    #[test]
    fn a_file_that_others_can_write_is_no_tray() {
        let file = memory_file(c"test").unwrap();
        ftruncate(&file, 4096).unwrap();
        fcntl_add_seals(&file, SealFlags::SHRINK).unwrap();
        assert_eq!(TrayView::of(&file).unwrap_err().to_string(), "the tray is not sealed");
    }
}
