//! A file put in the place of another as a whole.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tempfile::NamedTempFile;

/// Whoever reads meanwhile has the one or the other. The old one's mode stays.
///
/// # Errors
/// When the directory cannot be written; the old file is as it was then.
pub fn replace(path: &Path, octets: &[u8]) -> io::Result<()> {
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = tempfile::Builder::new().prefix(".import-").tempfile_in(directory)?;
    let write = |draft: &mut NamedTempFile| {
        draft.write_all(octets)?;
        let mode = fs::metadata(path).map_or(0o640, |old| old.permissions().mode());
        draft.as_file().set_permissions(Permissions::from_mode(mode))?;
        draft.as_file().sync_all()
    };
    write(&mut draft)?;
    draft.persist(path)?;
    File::open(directory)?.sync_all()
}
