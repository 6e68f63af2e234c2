//! PDQ against the hashes of the reference implementation, and against hostile files.

use std::path::PathBuf;

use mailwarden::scan::detect::{MIN_QUALITY, fingerprint};

/// Rules of conformance of the PDQ reference: within so many bits.
const CONFORMANT: u32 = 10;

#[test]
fn every_picture_of_the_reference_has_the_hash_of_the_reference() {
    let folder = corpus().join("pictures");
    let Ok(vectors) = std::fs::read_to_string(folder.join("vectors.tsv")) else {
        eprintln!("NOT TESTED: no {}; set MAILWARDEN_CORPUS to the folder of test data", folder.join("vectors.tsv").display());
        return;
    };
    let mut distances = Vec::new();
    for line in vectors.lines().filter(|line| !line.starts_with('#')) {
        let [file, full_size, _, quality] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("a line of four columns: {line}") };
        let found = fingerprint(&std::fs::read(folder.join(file)).unwrap());
        let pdq = found.pdq.unwrap_or_else(|| panic!("{file} is not decoded"));
        let distance = distance(pdq, hex::decode(full_size).unwrap().try_into().unwrap());
        eprintln!("{distance:3} bits, quality {:3} and {quality:>3}: {file}", found.quality);
        assert!(distance <= CONFORMANT || quality.parse::<u8>().unwrap() < MIN_QUALITY, "{file} is {distance} bits off");
        distances.push(distance);
    }
    assert!(distances.len() >= 20, "only {} pictures", distances.len());
}

fn distance(one: [u8; 32], other: [u8; 32]) -> u32 {
    one.iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum()
}

fn corpus() -> PathBuf {
    std::env::var_os("MAILWARDEN_CORPUS").map_or_else(|| PathBuf::from("../shared"), PathBuf::from)
}
