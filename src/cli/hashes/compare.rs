//! `mailwarden hashes compare`: how far two PDQ hashes are apart.

use clap::Args;

use crate::cli::{Exit, Failure, Output};
use crate::fault::Fault;
use crate::scan::detect::{MAX_DISTANCE, distance};

/// Say in how many of 256 bits two PDQ hashes differ.
#[derive(Debug, Args)]
pub(super) struct Compare {
    one: String,
    other: String,
}

impl Compare {
    pub fn run(self, out: &mut Output) -> Result<(), Failure> {
        let [one, other] = [&self.one, &self.other].map(|text| hex::decode(text).ok().and_then(|octets| octets.try_into().ok()));
        let (Some(one), Some(other)) = (one, other) else {
            let what = "one of the two is no PDQ hash".to_owned();
            let why = "a PDQ hash has 64 hex digits".to_owned();
            let hint = "`mailwarden hashes compute FILE` prints that of a picture".to_owned();
            return Err(Failure { exit: Exit::Usage, faults: vec![Fault { what, at: None, why, hint }] });
        };
        let distance = distance(one, other);
        let says = if distance <= MAX_DISTANCE { "the same picture" } else { "different pictures" };
        out.line(&format!("{distance} bits apart: {says}"))?;
        Ok(())
    }
}
