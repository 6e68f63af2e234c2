//! A disk that can lose its power: ext4 in a file behind a loop device. What was never synced is not in the file.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{copy, require};

/// Files that hold nothing take no room. The vault refuses to work with less than 500 MiB free.
const SIZE: u64 = 1 << 30;

/// An image, mounted.
pub struct Disk {
    image: PathBuf,
    mount: PathBuf,
    mounted: bool,
}

impl Disk {
    /// Makes an image in `folder` that holds a copy of `state`, and returns its path.
    ///
    /// # Errors
    /// Where this machine has no loop devices for us.
    pub fn format(folder: &Path, state: &Path) -> Result<PathBuf, String> {
        require("mkfs.ext4", "e2fsprogs");
        let image = folder.join("base.img");
        File::create(&image).and_then(|file| file.set_len(SIZE)).map_err(|error| error.to_string())?;
        run("mkfs.ext4", &["-q", "-N", "4096", "-J", "size=4", "-E", "lazy_itable_init=1,nodiscard"], &[&image])?;
        let disk = Self::insert(&image, folder)?;
        copy(state, &disk.state());
        drop(disk);
        Ok(image)
    }

    /// Mounts an image below `folder`.
    ///
    /// # Errors
    /// Where this machine has no loop devices for us.
    pub fn insert(image: &Path, folder: &Path) -> Result<Self, String> {
        let mount = folder.join(format!("{}.mount", image.file_stem().unwrap_or_default().to_string_lossy()));
        fs::create_dir_all(&mount).map_err(|error| error.to_string())?;
        run("mount", &["-o", "loop,noinit_itable"], &[image, &mount])?;
        Ok(Self { image: image.to_owned(), mount, mounted: true })
    }

    /// Cuts the power: what the disk holds now, as an image that is mounted with its journal replayed.
    ///
    /// # Errors
    /// When what is left cannot be mounted.
    pub fn cut(mut self) -> Result<Self, String> {
        let left = self.image.with_file_name("cut.img");
        copy(&self.image, &left);
        self.unmount()?;
        Self::insert(&left, self.mount.parent().unwrap_or(&self.mount))
    }

    pub fn state(&self) -> PathBuf {
        self.mount.join("state")
    }

    fn unmount(&mut self) -> Result<(), String> {
        self.mounted = false;
        // Lazily: a process that the other lane is just starting may hold a file of it for a moment.
        run("umount", &["--lazy"], &[&self.mount])
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if self.mounted
            && let Err(error) = self.unmount()
        {
            eprintln!("{error}");
        }
    }
}

fn run(program: &str, options: &[&str], paths: &[&Path]) -> Result<(), String> {
    let done = Command::new(program).args(options).args(paths).output().map_err(|error| format!("{program}: {error}"))?;
    if done.status.success() { Ok(()) } else { Err(format!("{program}: {}", String::from_utf8_lossy(&done.stderr).trim())) }
}
