//! A file that lies in memory alone and can be sealed.

use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, memfd_create};
use rustix::io::Errno;

/// # Errors
/// When memory or descriptors are short.
pub fn memory_file(name: &CStr) -> io::Result<OwnedFd> {
    create(name, MemfdFlags::NOEXEC_SEAL)
}

/// `wanted` beside what every kernel knows: `NOEXEC_SEAL` came with Linux 6.3, and Debian 12 has 6.1. There as here nobody who
/// gets the descriptor can run a program.
fn create(name: &CStr, wanted: MemfdFlags) -> io::Result<OwnedFd> {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    match memfd_create(name, flags | wanted) {
        Err(Errno::INVAL) => Ok(memfd_create(name, flags)?),
        created => Ok(created?),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{SealFlags, fcntl_add_seals};

    #[test]
    fn a_kernel_that_does_not_know_a_flag_gives_a_file_all_the_same() {
        let unknown = MemfdFlags::from_bits_retain(1 << 15);
        assert_eq!(memfd_create(c"test", unknown).unwrap_err(), Errno::INVAL);
        fcntl_add_seals(create(c"test", unknown).unwrap(), SealFlags::WRITE).unwrap();
    }
}
