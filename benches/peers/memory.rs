//! Memory as the kernel counts it, apart by whether it belongs to one process.

use std::fs;

use super::Result;

/// Octets that a process holds by itself, and of files in equal parts with whoever has them mapped as well.
pub fn own(process: u32) -> Result<u64> {
    let rollup = fs::read_to_string(format!("/proc/{process}/smaps_rollup"))?;
    Ok(kilobytes(&rollup, "Pss_Anon:")? + kilobytes(&rollup, "Pss_File:")?)
}

/// Octets of memory that is shared by descriptor, mapped or not, on all of this machine: messages travel in it.
pub fn shared() -> Result<u64> {
    kilobytes(&fs::read_to_string("/proc/meminfo")?, "Shmem:")
}

fn kilobytes(text: &str, what: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(what)).ok_or(what)?;
    Ok(line.trim().trim_end_matches("kB").trim_end().parse::<u64>()? * 1024)
}
