//! A figure: two measures of one thing, taken in turns, and the line that tells them.

use std::process::ExitCode;

use super::Result;

/// Every figure of `make bench`, in the order in which it is taken.
const ALL: [&str; 43] = [
    "desk.queue",
    "desk.readers",
    "desk.unseal",
    "message.text",
    "message.process-a-message",
    "extract.pdf",
    "extract.pdf-long",
    "extract.doc",
    "extract.xls",
    "extract.docx",
    "extract.xlsx",
    "mailbox.backlog",
    "mailbox.backlog-text",
    "mailbox.poll",
    "mailbox.idle-memory",
    "mailbox.idle-time",
    "mailbox.many",
    "mailbox.held-idle",
    "mailbox.held-polled",
    "mailbox.large",
    "pictures.jpeg-baseline",
    "pictures.jpeg-progressive",
    "pictures.search-1m",
    "pictures.search-10m",
    "pictures.recall",
    "rules.compile-memory",
    "rules.compile-terms",
    "rules.compile",
    "rules.terms-100",
    "rules.terms-1000",
    "rules.terms-10000",
    "rules.spam-regexes",
    "rules.shipped",
    "rules.nasty",
    "rules.slowest",
    "containers.zip",
    "containers.gz",
    "containers.bz2",
    "containers.xz",
    "containers.zst",
    "containers.tar",
    "containers.7z",
    "containers.mime",
];

/// How a figure is taken and told.
type Taking = fn() -> Result<()>;

/// What is measured. A ratio above 1 is in our favour either way.
#[derive(Clone, Copy)]
pub enum Unit {
    /// The more the better.
    Rate(&'static str),
    /// The less the better.
    Cost(&'static str),
}

/// Takes the figures that `ONLY` names a part of (all, when it is unset), and says which could not be taken.
pub fn take(figures: &[(&str, Taking)]) -> ExitCode {
    let only = std::env::var("ONLY").unwrap_or_default();
    if !ALL.iter().any(|name| name.contains(&only)) {
        eprintln!("no figure is called `{only}`; there are {}", ALL.join(", "));
        return ExitCode::from(64);
    }
    let mut code = ExitCode::SUCCESS;
    for (name, figure) in figures.iter().filter(|(name, _)| name.contains(&only)) {
        if let Err(error) = figure() {
            eprintln!("figure {name} could not be taken: {error}");
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// `None` on our side means that the peer alone was asked for, on the other that the peer could not be had.
#[allow(clippy::print_stdout, reason = "the line is what a bench is run for")]
pub fn tell(name: &str, unit: Unit, ours: Option<f64>, peer: Option<(&str, f64)>) {
    let (Unit::Rate(label) | Unit::Cost(label)) = unit;
    let ours_told = ours.map_or("missing".to_owned(), |ours| format!("{} {label}", digits(ours)));
    let peer_told = peer.map_or("missing".to_owned(), |(peer, value)| format!("{peer} {} {label}", digits(value)));
    let ratio = ours.zip(peer).map(|(ours, (_, peer))| match unit {
        Unit::Rate(_) => ours / peer,
        Unit::Cost(_) => peer / ours,
    });
    let ratio_told = ratio.map_or(String::new(), |ratio| format!(" ratio {}", digits(ratio)));
    println!("figure {name} ours {ours_told} peer {peer_told}{ratio_told}");
}

/// What lies behind a figure, for whoever doubts it.
#[allow(clippy::print_stdout, reason = "as above")]
pub fn note(text: &str) {
    println!("# {text}");
}

pub fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2)?;
    let lower = values.get((values.len() - 1) / 2)?;
    Some(f64::midpoint(*lower, *upper))
}

/// The middle of several measures, and how far apart they lay.
pub fn spread(values: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    median(values.to_vec()).map_or("none".to_owned(), |middle| format!("{} ({} to {})", digits(middle), digits(least), digits(most)))
}

/// Three significant digits, or all of a whole number.
fn digits(value: f64) -> String {
    let decimals = match value.abs() {
        size if size >= 100.0 => 0,
        size if size >= 10.0 => 1,
        size if size >= 1.0 => 2,
        _ => 3,
    };
    format!("{value:.decimals$}")
}
