//! What sentences mean, in the real cage: a model is refused that is none, and a real one finds what no word says.
//!
//! The model is too large to ship: its folder is named in `MAILWARDEN_MODEL` (docs/technician.md, "Meaning").

use std::io::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use mailwarden::config;
use mailwarden::wire::{Message, Model, Shared};
use mailwarden::worker::{CageOptions, Nursery, Pool, StartError};

const DEADLINE: Duration = Duration::from_mins(1);

fn options() -> CageOptions {
    CageOptions { executable: env!("CARGO_BIN_EXE_mailwarden").into(), ..CageOptions::default() }
}

/// The folder of the model; says so on stderr when it is absent.
fn model() -> Option<PathBuf> {
    let folder = std::env::var_os("MAILWARDEN_MODEL").map(PathBuf::from).filter(|folder| folder.is_dir());
    if folder.is_none() {
        let _ = writeln!(std::io::stderr(), "model absent: name its folder in MAILWARDEN_MODEL");
    }
    folder
}

#[tokio::test]
async fn a_model_that_is_none_keeps_the_rules_from_coming_into_force() {
    let mut bundle = config::bundle(None, &["rules".into()], None, None).unwrap_or_else(|faults| panic!("{}", faults[0]));
    let octets = || Shared::of(b"not a model".to_vec());
    bundle.model = Some(Model { path: "folder".into(), weights: octets(), vocabulary: octets() });
    match Nursery::start(&bundle, &options()).await {
        Err(StartError::Refused(faults)) => {
            assert_eq!(faults.len(), 1, "{faults:?}");
            assert!(faults[0].why.starts_with("it is damaged or of another model: its SHA-256 is "), "{}", faults[0]);
        }
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("a broken model is in force"),
    }
}

#[tokio::test]
async fn a_letter_is_found_by_what_it_means_in_the_cage() {
    let Some(model) = model() else { return };
    let bundle = config::bundle(None, &["rules".into()], None, Some(&model)).unwrap_or_else(|faults| panic!("{}", faults[0]));
    let pool = Pool::new(Nursery::start(&bundle, &options()).await.expect("a nursery with a model"), 1, DEADLINE);
    let letters = [
        "I can't see the point of being here any more. Everybody would be better off without me and I have had enough of hurting.",
        "Please bring the signed form to the office by Friday so that we know how many coaches to book for the trip.",
    ];
    let letters = letters.map(|body| Message::from_octets(format!("Subject: today\r\n\r\n{body}\r\n").as_bytes()).expect("memory"));
    let reports = pool.examine(&letters, true).await.expect("both are examined");
    let by_meaning = |report: usize| {
        let rules = reports[report].findings.iter().map(|finding| finding.rule.to_string());
        rules.filter(|rule| rule.ends_with(".meaning")).collect::<Vec<_>>()
    };
    assert_eq!((by_meaning(0), by_meaning(1)), (vec!["suicide.meaning".to_owned()], Vec::new()));
}

#[tokio::test]
async fn the_longest_letter_costs_no_more_than_its_first_pages() {
    let Some(model) = model() else { return };
    let bundle = config::bundle(None, &["rules".into()], None, Some(&model)).unwrap_or_else(|faults| panic!("{}", faults[0]));
    let pool = Pool::new(Nursery::start(&bundle, &options()).await.expect("a nursery with a model"), 1, DEADLINE);
    let body = "The minutes of the last meeting were agreed, and the treasurer gave her report.\r\n".repeat(20_000);
    let letter = Message::from_octets(format!("Subject: minutes\r\n\r\n{body}").as_bytes()).expect("memory");
    let report = pool.examine(std::slice::from_ref(&letter), false).await.expect("it is examined").pop().expect("a report");
    assert!(report.incomplete.is_empty(), "it was not examined within its deadline");
}
