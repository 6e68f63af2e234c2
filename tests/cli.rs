//! The command line as people meet it: exit codes, keys that the stock `age` understands, errors in four lines.

mod support;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::school::{School, err, out};

#[test]
fn the_exit_code_says_whose_turn_it_is() {
    let school = School::new();
    for (arguments, code) in [
        (&["--version"][..], 0),
        (&["check", "--config", "mailwarden.toml"], 0),
        (&["keys", "list", "--config", "mailwarden.toml"], 1),
        (&["chekc"], 64),
        (&["init", "--config", "mailwarden.toml"], 64),
        (&["check", "--config", "absent.toml"], 78),
    ] {
        let output = school.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", err(&output));
    }
}

#[test]
fn check_says_what_would_be_watched() {
    let output = School::new().run_here(&["check"]);
    let first = out(&output);
    let first = first.lines().next().unwrap_or_default();
    assert_eq!(first, "amber@willowbrook.example\tpupil\tpupil\tmain\tamber@willowbrook.example*warden\tcredential `imap-password`");
    assert!(out(&output).contains("credentials are handed over by systemd, and were not checked"));
}

#[test]
fn check_tells_of_missing_rules_in_four_lines() {
    let school = School::new();
    fs::remove_dir_all(school.path().join("rules")).unwrap();
    let told = err(&school.run_here(&["check"]));
    let heads: Vec<_> = told.lines().filter_map(|line| line.split_once(": ").map(|(head, _)| head.trim())).collect();
    assert_eq!(heads, ["error", "at", "why", "hint"], "{told}");
    assert!(told.starts_with("error: there is no rule\n"), "{told}");
}

#[test]
fn a_personal_key_is_for_its_owner_alone_and_is_never_overwritten() {
    let school = School::new();
    school.member("dsl", "robin");
    let file = school.path().join("robin.key");
    let before = fs::read(&file).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let again = school.run(&["keys", "new", "robin.key"]);
    assert_eq!(again.status.code(), Some(1));
    assert!(err(&again).contains("File exists"), "{}", err(&again));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[test]
fn every_audience_needs_a_member_before_anything_is_sealed() {
    let school = School::new();
    let output = school.run_here(&["init", "--member", &school.member("dsl", "robin")]);
    assert_eq!(output.status.code(), Some(64));
    for audience in ["head", "chair", "evidence"] {
        assert!(err(&output).contains(&format!("add `--member {audience}:NAME=age1…`")), "{}", err(&output));
    }
    assert_eq!(school.init().status.code(), Some(0));
    let again = school.run_here(&["init", "--member", &school.member("dsl", "kit")]);
    assert!(err(&again).contains("the audience `dsl` has a key already"), "{}", err(&again));
}

#[test]
fn only_a_member_enrols_another() {
    let school = School::new();
    assert_eq!(school.init().status.code(), Some(0));
    let deputy = school.member("dsl", "deputy");
    let refused = school.run_here(&["keys", "add", "--identity", "head.key", &deputy]);
    assert_eq!(refused.status.code(), Some(1));
    assert!(err(&refused).contains("this identity does not open it"), "{}", err(&refused));
    assert_eq!(school.run_here(&["keys", "add", "--identity", "dsl.key", &deputy]).status.code(), Some(0));
    let listed = out(&school.run_here(&["keys", "list", "--identity", "deputy.key"]));
    assert!(listed.lines().any(|line| line.starts_with("dsl\tage1") && line.ends_with("\tdsl, deputy")), "{listed}");
}

#[test]
fn the_evidence_key_is_made_without_a_configuration_and_only_its_public_half_comes_to_the_server() {
    let (head, school) = (tempfile::tempdir().unwrap(), School::new());
    let made = Command::new(env!("CARGO_BIN_EXE_mailwarden")).args(["keys", "evidence", "evidence.key"]).current_dir(head.path()).output();
    let made = out(&made.unwrap());
    let file = head.path().join("evidence.key");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!made.contains("AGE-SECRET-KEY"), "{made}");
    let line = |head: &str| made.lines().find_map(|line| line.strip_prefix(head)).unwrap_or_else(|| panic!("{made}")).trim().to_owned();
    let (public, fingerprint) = (line("public half"), line("fingerprint"));
    assert!(fingerprint.split(' ').all(|group| group.len() == 5) && fingerprint.len() == 29, "{fingerprint}");
    assert_eq!(school.init().status.code(), Some(0));

    let holder = format!("evidence:Sealed envelope={public}");
    let take = |holder: &str, read_out: &str| school.run_here(&["keys", "take", holder, "--fingerprint", read_out]);
    let misheard = take(&holder, &fingerprint.replace(&fingerprint[..5], "00000"));
    assert_eq!(misheard.status.code(), Some(64));
    assert!(err(&misheard).contains("not the one that was read out") && err(&misheard).contains(&fingerprint), "{}", err(&misheard));
    assert_eq!(take(&holder.replace("evidence:", "dsl:"), &fingerprint).status.code(), Some(64));
    let taken = take(&holder, &fingerprint.replace(' ', "-"));
    assert_eq!(taken.status.code(), Some(0), "{}", err(&taken));
    let listed = out(&school.run_here(&["keys", "list"]));
    assert!(listed.contains(&format!("evidence\t{public}\t{fingerprint}\t")), "{listed}");
    let journal = out(&school.run_here(&["journal", "show"]));
    assert!(journal.contains("audience-key-taken") && journal.contains(&public), "{journal}");

    // Neither the key nor anything wrapped around it is on the server, and nobody can be added to it.
    let secret = fs::read_to_string(&file).unwrap();
    let secret = secret.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap();
    assert!(!school.path().join("state/vault/ring/evidence.age").exists() && !format!("{made}{listed}{journal}").contains(secret));
    let added = school.run_here(&["keys", "add", "--identity", file.to_str().unwrap(), &school.member("evidence", "other")]);
    assert!(err(&added).contains("nothing to wrap to anybody else"), "{}", err(&added));

    let sheet = school.run(&["keys", "evidence", "--sheet"]);
    assert!(out(&sheet).contains("\nAGE-SECRET-KEY-1") && out(&sheet).contains("Keep this sheet in a sealed envelope"), "{}", out(&sheet));
    assert_eq!(school.run(&["keys", "evidence"]).status.code(), Some(64), "a file or a sheet");
}

#[test]
fn the_stock_age_opens_a_ring_with_a_personal_key() {
    let school = School::new();
    assert_eq!(school.init().status.code(), Some(0));
    let opened = Command::new("age").args(["-d", "-i", "dsl.key", "state/vault/ring/dsl.age"]).current_dir(school.path()).output();
    match opened {
        Err(error) if error.kind() == io::ErrorKind::NotFound => eprintln!("NOT TESTED: there is no age; apt install age"),
        opened => assert!(out(&opened.unwrap()).contains("\nAGE-SECRET-KEY-1")),
    }
}
