//! `mailwarden hashes compute`: what a list of known pictures would hold.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;
use tokio::task::JoinHandle;

use super::{explained, remedy};
use crate::cli::caged::{self, CageArgs, Caged, LARGEST};
use crate::cli::{Exit, Failure, Output, octets};
use crate::fault::{At, Fault};
use crate::finding::{Fingerprint, Reason};
use crate::wire::Bundle;
use crate::worker::{Permit, PoolError};

/// Print the digests of pictures: PDQ, its quality, SHA-256, SHA-1 and MD5, then the file.
///
/// A line a picture, its fields separated by tabs. The pictures are decoded in the same cage as those in messages. A
/// PDQ of a quality below 50 says too little to be put on a list.
#[derive(Debug, Args)]
pub(super) struct Compute {
    /// Print one JSON object a picture.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    cage: CageArgs,
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

#[derive(Serialize)]
struct Line {
    path: String,
    pdq: String,
    quality: u8,
    sha256: String,
    sha1: String,
    md5: String,
}

/// A picture's line, or why it has none; on its way.
type Hashing = JoinHandle<Result<Result<Line, Fault>, PoolError>>;

impl Compute {
    /// The lines come in the order of the files.
    pub fn run(&self, out: &mut Output) -> Result<(), Failure> {
        let mut faults = Vec::new();
        caged::block_on(async {
            let pool = Caged::bare(Bundle::default(), &self.cage).pool().await?;
            let mut hashing = VecDeque::<Hashing>::new();
            for path in &self.files {
                // Awaited here, so that no file is read before a worker is free for it.
                let permit = pool.permit().await;
                hashing.push_back(tokio::spawn(hash(path.clone(), permit)));
                while let Some(first) = hashing.pop_front_if(|first| first.is_finished()) {
                    faults.extend(self.tell(first, out).await?);
                }
            }
            for next in hashing {
                faults.extend(self.tell(next, out).await?);
            }
            Ok(())
        })?;
        if faults.is_empty() { Ok(()) } else { Err(Failure { exit: Exit::World, faults }) }
    }

    async fn tell(&self, hashing: Hashing, out: &mut Output) -> Result<Option<Fault>, Failure> {
        let hashed = hashing.await.unwrap_or_else(|failed| std::panic::resume_unwind(failed.into_panic()))?;
        let line = match hashed {
            Err(fault) => return Ok(Some(fault)),
            Ok(line) => line,
        };
        if self.json {
            out.json(&line)?;
        } else {
            let Line { path, pdq, quality, sha256, sha1, md5 } = line;
            out.line(&format!("{pdq}\t{quality}\t{sha256}\t{sha1}\t{md5}\t{path}"))?;
        }
        Ok(None)
    }
}

async fn hash(path: PathBuf, permit: Permit) -> Result<Result<Line, Fault>, PoolError> {
    let read = octets::open(&path).and_then(|file| octets::whole(file, LARGEST));
    let hashed = match read {
        Err(error) => return Ok(Err(unhashed(&path, error.to_string(), "correct the path, or run the command as a user who may read it"))),
        Ok(None) => Err(Reason::Budget),
        Ok(Some(file)) => permit.fingerprint(&file).await?,
    };
    Ok(hashed.and_then(|digests| line(&path, &digests)).map_err(|reason| undigested(&path, reason)))
}

/// # Errors
/// Why there is no PDQ.
fn line(path: &Path, digests: &Fingerprint) -> Result<Line, Reason> {
    let Fingerprint { pdq, quality, sha256, sha1, md5, incomplete } = *digests;
    Ok(Line {
        path: path.to_string_lossy().into_owned(),
        pdq: hex::encode(pdq.ok_or(incomplete.unwrap_or(Reason::Unsupported))?),
        quality,
        sha256: hex::encode(sha256),
        sha1: hex::encode(sha1),
        md5: hex::encode(md5),
    })
}

fn undigested(path: &Path, reason: Reason) -> Fault {
    unhashed(path, format!("{reason}: {}", explained(reason)), remedy(reason))
}

fn unhashed(path: &Path, why: String, hint: &str) -> Fault {
    Fault { what: "a picture cannot be hashed".to_owned(), at: Some(At::file(path)), why, hint: hint.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_told_why_a_picture_has_no_digest_is_told_what_to_do() {
        for reason in [Reason::Budget, Reason::Damaged, Reason::Deadline, Reason::Unsupported, Reason::WorkerDied] {
            let told = undigested(Path::new("crest.svg"), reason).to_string();
            assert!(told.lines().last().is_some_and(|last| last.starts_with(" hint: ") && last.contains("name that file")), "{told}");
        }
    }
}
