//! The peer that matches: Vectorscan, in a program of `vectorscan.c` that is compiled here, unpacked beside the system's own libraries.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::{Result, folder, present, stop};

pub const NAME: &str = "vectorscan-5.4.9";
/// Of `hs_compile.h`.
pub const CASELESS: u32 = 1;
pub const DOT_ALL: u32 = 2;
const SINGLE_MATCH: u32 = 8;

/// The program and the library that it wants.
pub struct Vectorscan {
    folder: TempDir,
}

impl Vectorscan {
    /// `None` when the packages cannot be had. They are not installed: they would take the place of the Hyperscan that rspamd runs on.
    pub fn get() -> Result<Option<Self>> {
        let folder = folder()?;
        let at = folder.path();
        let mut download = Command::new("apt-get");
        download.args(["-qq", "download", "libvectorscan-dev", "libvectorscan5"]).current_dir(at).stderr(Stdio::null());
        if !present("/usr/bin/cc", &["gcc", "libc6-dev"]) || !download.status().is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        for file in fs::read_dir(at)?.collect::<std::io::Result<Vec<_>>>()? {
            run(Command::new("dpkg-deb").arg("-x").arg(file.path()).arg(at))?;
        }
        let library = Self::library(at)?;
        fs::write(at.join("vectorscan.c"), include_str!("vectorscan.c"))?;
        run(Command::new("cc")
            .arg("-O2")
            .arg("-I")
            .arg(at.join("usr/include"))
            .arg(at.join("vectorscan.c"))
            .arg(library.join("libhs.so.5"))
            .arg("-o")
            .arg(at.join("vectorscan")))?;
        Ok(Some(Self { folder }))
    }

    /// Compiles patterns (`hs_compile` flags and expression), one match of each a text.
    pub fn start(&self, patterns: &[(u32, String)], texts: &[String]) -> Result<Scanner> {
        let at = folder()?;
        let lines: Vec<_> = patterns.iter().map(|(flags, expression)| format!("{}\t{expression}\n", flags | SINGLE_MATCH)).collect();
        fs::write(at.path().join("patterns"), lines.concat())?;
        let mut octets = Vec::new();
        for text in texts {
            octets.extend(u32::try_from(text.len())?.to_le_bytes());
            octets.extend(text.as_bytes());
        }
        fs::write(at.path().join("texts"), octets)?;
        let mut command = Command::new(self.folder.path().join("vectorscan"));
        command.arg(at.path().join("patterns")).arg(at.path().join("texts"));
        command.env("LD_LIBRARY_PATH", Self::library(self.folder.path())?).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn()?;
        let (input, output) = process.stdin.take().zip(process.stdout.take()).ok_or("no pipes to vectorscan")?;
        let mut scanner = Scanner { process, input, output: BufReader::new(output), compiled: Vec::new(), _folder: at };
        scanner.compiled = scanner.answer()?;
        Ok(scanner)
    }

    fn library(folder: &Path) -> Result<PathBuf> {
        let within = fs::read_dir(folder.join("usr/lib"))?.next().ok_or("the package has no library")??;
        Ok(within.path())
    }
}

/// Patterns, compiled, and texts to scan.
pub struct Scanner {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    /// Milliseconds of processor time, octets of the compiled patterns, and how many it could not compile.
    pub compiled: Vec<f64>,
    _folder: TempDir,
}

impl Scanner {
    /// Scans all texts so many times over: processor time, and pairs of a text and a pattern that is in it.
    pub fn scan(&mut self, times: usize) -> Result<(Duration, f64)> {
        writeln!(self.input, "{times}")?;
        let told = self.answer()?;
        let [nanoseconds, matches] = told[..] else { return Err("vectorscan did not tell two numbers".into()) };
        Ok((Duration::from_secs_f64(nanoseconds / 1e9), matches / f64::from(u32::try_from(times)?)))
    }

    fn answer(&mut self) -> Result<Vec<f64>> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        let numbers = line.split_whitespace().filter(|word| *word != "compiled");
        Ok(numbers.map(str::parse).collect::<std::result::Result<_, _>>()?)
    }
}

impl Drop for Scanner {
    fn drop(&mut self) {
        stop(&mut self.process);
    }
}

fn run(command: &mut Command) -> Result<()> {
    let output = command.output()?;
    if output.status.success() { Ok(()) } else { Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr)).into()) }
}
