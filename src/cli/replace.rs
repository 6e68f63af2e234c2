//! A file put in the place of another as a whole.

use std::fs::{self, File, Metadata, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::Path;

/// Whoever reads meanwhile has the one or the other. The old one's mode stays; `mode` is that of a file that was not there before.
///
/// # Errors
/// When the directory cannot be written; the old file is as it was then.
pub(super) fn replace(path: &Path, octets: &[u8], mode: u32) -> io::Result<()> {
    put(path, octets, |draft| {
        let mode = fs::metadata(path).map_or(mode, |old| old.permissions().mode());
        draft.set_permissions(Permissions::from_mode(mode))
    })
}

/// As [`replace`], with the mode, the owner and the group of another file: whoever may read that one may read this one.
///
/// # Errors
/// As [`replace`]; and when the file cannot be given to them.
pub(super) fn replace_like(path: &Path, octets: &[u8], like: &Metadata) -> io::Result<()> {
    put(path, octets, |draft| {
        let own = draft.metadata()?;
        if (own.uid(), own.gid()) != (like.uid(), like.gid()) {
            fchown(draft, Some(like.uid()), Some(like.gid()))?;
        }
        draft.set_permissions(Permissions::from_mode(like.permissions().mode()))
    })
}

fn put(path: &Path, octets: &[u8], hand_over: impl FnOnce(&File) -> io::Result<()>) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new().prefix(".").tempfile_in(directory)?;
    draft.write_all(octets)?;
    hand_over(draft.as_file())?;
    draft.as_file().sync_all()?;
    draft.persist(path)?;
    File::open(directory)?.sync_all()
}
