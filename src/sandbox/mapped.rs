//! A sealed memory file as a slice: no copy of the message is made in the process that parses it.

use std::io;
use std::ops::Deref;
use std::os::fd::AsFd;
use std::ptr::{self, NonNull};

use rustix::fs::{SealFlags, SeekFrom};
use rustix::mm::{MapFlags, ProtFlags};

/// The octets of a file that nobody can write or shorten any more.
#[derive(Debug)]
pub struct Mapped {
    start: NonNull<u8>,
    length: usize,
}

impl Mapped {
    /// # Errors
    /// When the file is not sealed against writing and shrinking, or does not fit into memory.
    pub fn new(file: impl AsFd) -> io::Result<Self> {
        let seals = rustix::fs::fcntl_get_seals(&file)?;
        if !seals.contains(SealFlags::WRITE | SealFlags::SHRINK) {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "the memory file is not sealed"));
        }
        let length = usize::try_from(rustix::fs::seek(&file, SeekFrom::End(0))?).map_err(|_| io::ErrorKind::OutOfMemory)?;
        if length == 0 {
            return Ok(Self { start: NonNull::dangling(), length });
        }
        // SAFETY: a new mapping at an address of the kernel's choice overlaps nothing of ours. It is private,
        // because kernels before 6.7 refuse a shared one of a file that is sealed against writing.
        let start = unsafe { rustix::mm::mmap(ptr::null_mut(), length, ProtFlags::READ, MapFlags::PRIVATE, file, 0)? };
        let start = NonNull::new(start.cast()).ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(Self { start, length })
    }
}

// SAFETY: nobody writes to the octets, so any number of threads may read them.
unsafe impl Send for Mapped {}
// SAFETY: as above.
unsafe impl Sync for Mapped {}

impl Deref for Mapped {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: `start` is a mapping of `length` octets that lives as long as `self`, or dangles at length 0.
        // The seals keep the file from being written (so the slice never changes) and from being shortened
        // (so no access behind its end can fault).
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.length) }
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        if self.length > 0 {
            // SAFETY: unmaps what `new` mapped, and no borrow of it outlives `self`. It fails only for a range
            // that is none, and then there is nothing to undo.
            let _ = unsafe { rustix::mm::munmap(self.start.as_ptr().cast(), self.length) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{MemfdFlags, fcntl_add_seals, memfd_create};

    fn file(octets: &[u8], seals: SealFlags) -> rustix::fd::OwnedFd {
        let file = memfd_create(c"test", MemfdFlags::ALLOW_SEALING).unwrap();
        rustix::io::write(&file, octets).unwrap();
        fcntl_add_seals(&file, seals).unwrap();
        file
    }

    #[test]
    fn a_sealed_file_is_mapped_as_it_was_written() {
        let seals = SealFlags::WRITE | SealFlags::SHRINK;
        assert_eq!(&*Mapped::new(file(b"Subject: x\r\n\r\n", seals)).unwrap(), b"Subject: x\r\n\r\n");
        assert_eq!(&*Mapped::new(file(b"", seals)).unwrap(), b"");
    }

    #[test]
    fn a_file_that_could_still_change_is_not_mapped() {
        for seals in [SealFlags::empty(), SealFlags::WRITE, SealFlags::SHRINK] {
            assert_eq!(Mapped::new(file(b"x", seals)).unwrap_err().to_string(), "the memory file is not sealed");
        }
    }
}
