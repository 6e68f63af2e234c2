//! What it costs to open containers: `mailwarden scan` on one message with an archive, against the programs that people unpack with, and
//! on a folder of mail against Python's `email`.

#![allow(clippy::cast_precision_loss, reason = "no figure has more than three digits")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

#[allow(dead_code, reason = "each bench uses its share")]
mod peers;

use peers::figure::{Unit, median, note, take, tell};
use peers::ours::{binary, write_rules};
use peers::{Result, cpu, folder};

const ROUNDS: usize = 5;
/// Searched for, and found nowhere.
const WORDS: [&str; 2] = ["quillwort", "tormentil"];
/// Of what is packed, in octets: long enough for a clock of hundredths.
const PLAIN: usize = 24 << 20;
/// Messages in the folder.
const MESSAGES: usize = 400;
/// Each message's attachment, in octets.
const ATTACHED: usize = 60_000;
/// Letters of base64 on a line.
const LINE: usize = 76;

/// How a file is packed, and how the peer unpacks it to nowhere.
struct Packing {
    name: &'static str,
    peer: &'static str,
    pack: &'static str,
    unpack: &'static str,
}

const PACKINGS: [Packing; 7] = [
    Packing { name: "containers.zip", peer: "unzip", pack: "zip -q packed plain.txt && mv packed.zip packed", unpack: "unzip -p packed" },
    Packing { name: "containers.gz", peer: "gzip", pack: "gzip -c plain.txt > packed", unpack: "gzip -dc packed" },
    Packing { name: "containers.bz2", peer: "bzip2", pack: "bzip2 -c plain.txt > packed", unpack: "bzip2 -dc packed" },
    Packing { name: "containers.xz", peer: "xz", pack: "xz -c plain.txt > packed", unpack: "xz -dc packed" },
    Packing { name: "containers.zst", peer: "zstd", pack: "zstd -qc plain.txt > packed", unpack: "zstd -dc packed" },
    Packing { name: "containers.tar", peer: "tar", pack: "tar -cf packed plain.txt", unpack: "tar -xOf packed" },
    Packing {
        name: "containers.7z",
        peer: "7z",
        pack: "7z a -bd -bso0 packed.7z plain.txt && mv packed.7z packed",
        unpack: "7z e -so packed",
    },
];

fn main() -> ExitCode {
    take(&[
        ("containers.zip", || one(&PACKINGS[0])),
        ("containers.gz", || one(&PACKINGS[1])),
        ("containers.bz2", || one(&PACKINGS[2])),
        ("containers.xz", || one(&PACKINGS[3])),
        ("containers.zst", || one(&PACKINGS[4])),
        ("containers.tar", || one(&PACKINGS[5])),
        ("containers.7z", || one(&PACKINGS[6])),
        ("containers.mime", mime),
    ])
}

/// Megabytes of plain text a second of processor time. Ours is the whole examination, start-up, digests and search included.
fn one(packing: &Packing) -> Result<()> {
    let folder = folder()?;
    let work = folder.path();
    write_rules(work, &WORDS.map(str::to_owned), false)?;
    fs::write(work.join("plain.txt"), prose(PLAIN))?;
    let has_peer = shell(packing.pack, work).is_ok();
    let ours = binary()?.filter(|_| has_peer);
    if has_peer {
        let head = b"From: a@school.example\r\nContent-Type: application/octet-stream; name=a\r\nContent-Transfer-Encoding: binary\r\n\r\n";
        fs::write(work.join("a.eml"), [&head[..], &fs::read(work.join("packed"))?].concat())?;
    }
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        if let Some(binary) = &ours {
            own.push(rate(PLAIN, &scan(binary, work, "a.eml")?));
        }
        if has_peer {
            theirs.push(rate(PLAIN, &shell(&format!("{} > /dev/null", packing.unpack), work)?));
        }
    }
    note(&format!("{}: {} octets of prose, examined whole by us, unpacked by the peer", packing.name, PLAIN));
    tell(packing.name, Unit::Rate("MB/s"), median(own), median(theirs).map(|peer| (packing.peer, peer)));
    Ok(())
}

/// Messages a second of processor time, each with a text and an attachment, decoded and digested.
fn mime() -> Result<()> {
    const PEER: &str = "import email, hashlib, sys, pathlib\n\
        for path in pathlib.Path(sys.argv[1]).iterdir():\n\
        \x20for part in email.message_from_bytes(path.read_bytes()).walk():\n\
        \x20 body = part.get_payload(decode=True)\n\
        \x20 if body: hashlib.sha256(body).hexdigest()\n";
    let folder = folder()?;
    let work = folder.path();
    write_rules(work, &WORDS.map(str::to_owned), false)?;
    fs::create_dir(work.join("mail"))?;
    let packed = STANDARD.encode(prose(ATTACHED));
    let text: String = packed.as_bytes().chunks(LINE).map(|line| String::from_utf8_lossy(line) + "\r\n").collect();
    for number in 0..MESSAGES {
        let mail = format!(
            "From: a@school.example\r\nSubject: {number}\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nnumber {number}\r\n\
             --b\r\nContent-Type: text/plain; name=a.txt\r\nContent-Transfer-Encoding: base64\r\n\r\n{text}--b--\r\n"
        );
        fs::write(work.join(format!("mail/{number}.eml")), mail)?;
    }
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        if let Some(binary) = binary()? {
            own.push(MESSAGES as f64 / scan(&binary, work, "mail")?.cpu.as_secs_f64());
        }
        theirs.push(MESSAGES as f64 / cpu::run(Command::new("python3").args(["-c", PEER, "mail"]).current_dir(work))?.cpu.as_secs_f64());
    }
    tell("containers.mime", Unit::Rate("messages/s"), median(own), median(theirs).map(|peer| ("python", peer)));
    Ok(())
}

fn scan(binary: &PathBuf, work: &Path, what: &str) -> Result<cpu::Ended> {
    cpu::run(Command::new(binary).args(["scan", "--json", "--rules", "rules", what]).current_dir(work))
}

fn shell(line: &str, work: &Path) -> Result<cpu::Ended> {
    cpu::run(Command::new("sh").args(["-c", line]).current_dir(work))
}

fn rate(octets: usize, ended: &cpu::Ended) -> f64 {
    octets as f64 / 1e6 / ended.cpu.as_secs_f64()
}

/// Words in an order that does not repeat, so that nothing is packed to nothing.
fn prose(octets: usize) -> Vec<u8> {
    const VOCABULARY: [&str; 16] = [
        "amber", "heron", "wren", "robin", "river", "wall", "the", "over", "lesson", "letter", "morning", "of", "and", "garden", "seven",
        "to",
    ];
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut text = Vec::with_capacity(octets + 16);
    while text.len() < octets {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        text.extend_from_slice(VOCABULARY[(state % 16) as usize].as_bytes());
        text.extend_from_slice(if state.is_multiple_of(11) { b".\n" } else { b" " });
        if state.is_multiple_of(7) {
            text.extend_from_slice((state % 100_000).to_string().as_bytes());
        }
    }
    text.truncate(octets);
    text
}
