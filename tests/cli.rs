//! The command line as people meet it: exit codes, keys that the stock `age` understands, errors in four lines.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use support::school::{School, err, out};

#[test]
fn the_exit_code_says_whose_turn_it_is() {
    let school = School::new();
    fs::write(school.path().join("broken.toml"), "[school]\nname = 5\n").unwrap();
    for (arguments, code) in [
        (&["--version"][..], 0),
        (&["check", "--config", "mailwarden.toml"], 0),
        (&["keys", "list", "--config", "mailwarden.toml"], 1),
        (&["chekc"], 64),
        (&["init", "--config", "mailwarden.toml"], 64),
        (&["check", "--config", "absent.toml"], 78),
        (&["check", "--config", "broken.toml"], 78),
        (&["run", "--config", "broken.toml"], 78),
    ] {
        let output = school.run(arguments);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}", err(&output));
    }
}

#[test]
fn a_key_that_was_damaged_is_told_with_its_file_its_line_and_what_to_do() {
    let school = School::new();
    assert_eq!(school.init().status.code(), Some(0));
    let list = ["keys", "list", "--identity", "dsl.key"];
    let restore = "restore the folders `ring` and `recipients` of the vault from the backup, both of one day";
    let recipients = "state/vault/recipients/dsl.txt";
    let whole = fs::read_to_string(school.path().join(recipients)).unwrap();
    let line = whole.lines().count();
    let (other, another) = (school.member("dsl", "other"), "age1 with a blank in it");
    let other = other.split_once('=').unwrap().1;
    let told = |what: &str, at: &str, why: &str, hint: &str| format!("error: {what}\n   at: {at}\n  why: {why}\n hint: {hint}\n");
    let audience = "the key of an audience cannot be used";
    for (file, octets, command, expected) in [
        (
            "dsl.key",
            "# mine\nAGE-SECRET-KEY-1BROKEN\n".as_bytes(),
            &list[..],
            told(
                "this is no personal key",
                "dsl.key:2",
                "not a private key of age (`AGE-SECRET-KEY-1…`)",
                "name a file as `mailwarden keys new` and `age-keygen` write it",
            ),
        ),
        (
            recipients,
            whole.replace("\nage1", "\nage1x").as_bytes(),
            &list,
            told(audience, &format!("{recipients}:{line}"), "not a public key of age (`age1…`)", restore),
        ),
        (
            recipients,
            format!("{whole}{another}\n").as_bytes(),
            &["run", "--once"],
            told(audience, &format!("{recipients}:{}", line + 1), "a second key, where one is expected", restore),
        ),
        (
            recipients,
            other.as_bytes(),
            &list,
            told(
                audience,
                recipients,
                "it is not the public half of the key in the ring",
                "seal nothing until it is clear who did; then restore both from the backup, of one day",
            ),
        ),
        (
            "state/vault/ring/dsl.age",
            b"age-encryption.org/v1\n",
            &list,
            told(audience, "state/vault/ring/dsl.age", "its header is not whole", restore),
        ),
        (
            "state/instance.key",
            &[7; 31],
            &["cases", "list"],
            told(
                "the key of this installation cannot be used",
                "state/instance.key",
                "an instance key is 32 octets long",
                "restore it from the backup: with another key neither the casebook nor the journal can be read",
            ),
        ),
    ] {
        let path = school.path().join(file);
        let before = fs::read(&path).unwrap();
        fs::write(&path, octets).unwrap();
        let output = school.run_here(command);
        assert_eq!((output.status.code(), err(&output)), (Some(78), expected), "{file}");
        fs::write(&path, before).unwrap();
    }
    assert_eq!(school.run_here(&list).status.code(), Some(0), "they are whole again");
}

#[test]
fn every_audience_whose_key_is_broken_is_named() {
    let school = School::new();
    assert_eq!(school.init().status.code(), Some(0));
    for name in ["chair", "head"] {
        fs::write(school.path().join(format!("state/vault/recipients/{name}.txt")), "age1x\n").unwrap();
    }
    for command in [&["init"][..], &["run", "--once"], &["doctor"]] {
        let told = err(&school.run_here(command));
        for name in ["chair", "head"] {
            assert!(told.contains(&format!("state/vault/recipients/{name}.txt")), "{command:?}: {told}");
        }
    }
}

#[test]
fn a_broken_configuration_is_told_and_hides_nothing_else_that_is_broken() {
    let school = School::new();
    assert_eq!(school.init().status.code(), Some(0));
    let write = |file: &str, text: &str| {
        let path = school.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let change = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(school.path().join(file)).unwrap();
        assert!(text.contains(from), "{text}");
        write(file, &text.replacen(from, to, 1));
    };
    change("mailwarden.toml", "[school]", "[scan]\nrules = [\"rules\", \"absent\"]\nhashsets = \"hashsets\"\n[school]\nheadmaster = \"x\"");
    change("mailwarden.toml", "role = \"pupil\"", "role = \"pupils\"");
    change("rules/bullying/test.toml", "stage =", "stages =");
    write("rules/lists/places.txt", "!\n");
    write("rules/weights/learnt.txt", "nothing of the kind\n");
    write("hashsets/issued.toml", "name = \"x\"\ncategory = \"known-image\"\nkind = \"crc\"\nscore = 0\n");
    write("state/vault/recipients/head.txt", "age1x\n");
    let output = school.run_here(&["check"]);
    let told = err(&output);
    assert_eq!(output.status.code(), Some(78), "{told}");
    let places: Vec<_> = told.lines().filter_map(|line| line.strip_prefix("   at: ")).collect();
    let hints = told.lines().filter(|line| line.starts_with(" hint: ")).count();
    assert_eq!(
        places,
        [
            "mailwarden.toml:6:1",
            "mailwarden.toml:17:8",
            "absent",
            "rules/lists/places.txt:1",
            "rules/bullying/test.toml:5:1",
            "hashsets/issued.toml:3:8",
            "hashsets/issued.toml:4:9",
            "rules/weights/learnt.txt:1",
            "state/vault/recipients/head.txt:1",
        ],
        "{told}"
    );
    assert_eq!(hints, places.len(), "{told}");
}

#[test]
fn a_mailbox_list_that_is_broken_in_part_fails_the_check_and_does_not_stop_the_others_from_being_watched() {
    let school = School::new();
    assert_eq!(school.init().status.code(), Some(0));
    let path = school.path().join("mailwarden.toml");
    let text = fs::read_to_string(&path).unwrap();
    let mailbox = "[[mailbox]]\naddress = \"amber@willowbrook.example\"\nrole = \"pupil\"\n";
    assert!(text.contains(mailbox), "{text}");
    fs::write(&path, text.replacen(mailbox, "[mailboxes]\nfile = \"mailboxes.csv\"\n", 1)).unwrap();
    school.out_of_reach();
    let list = "address,group,role\namber@willowbrook.example,year-7,pupil\nben@willowbrook.example,year-7,pupils\ncara,year-8,pupil\n";
    fs::write(school.path().join("mailboxes.csv"), list).unwrap();
    let names_both = |told: &str| {
        told.contains("   at: mailboxes.csv:3") && told.contains("   at: mailboxes.csv:4") && !told.contains("mailboxes.csv:2")
    };

    let checked = school.run_here(&["check"]);
    assert_eq!(checked.status.code(), Some(78), "{}", err(&checked));
    assert!(names_both(&err(&checked)) && out(&checked).starts_with("amber@willowbrook.example\t"), "{}", err(&checked));

    let ran = school.run_here(&["run", "--once"]);
    assert_eq!(ran.status.code(), Some(1), "it runs, and nobody is at home: {}", err(&ran));
    assert!(names_both(&err(&ran)) && err(&ran).contains("1 mailboxes could not be polled"), "{}", err(&ran));
    let status = out(&school.run_here(&["status"]));
    assert!(status.contains("amber@willowbrook.example\tyear-7\tpupil") && !status.contains("ben@"), "{status}");
    assert!(status.contains("next: `mailwarden doctor amber@willowbrook.example`"), "{status}");
}

#[test]
fn where_there_is_no_cage_nothing_is_scanned_unless_it_is_allowed_and_then_every_status_says_so() {
    let school = School::new();
    assert_eq!(school.init().status.code(), Some(0));
    school.out_of_reach();
    for command in [&["run", "--once"][..], &["check"]] {
        let refused = school.run_without_seccomp(command);
        let told = err(&refused);
        assert_eq!(refused.status.code(), Some(1), "{command:?}: {told}");
        assert!(told.contains("why: no cage, so nothing is scanned: the kernel refused the seccomp filter"), "{command:?}: {told}");
        assert!(told.contains("hint: run on a kernel with seccomp, or type `--allow-uncaged`"), "{command:?}: {told}");
    }
    assert!(!out(&school.run_here(&["status"])).contains("amber@"), "nothing was watched");
    let allowed = school.run_without_seccomp(&["run", "--once", "--allow-uncaged"]);
    assert!(err(&allowed).contains("1 mailboxes could not be polled"), "{}", err(&allowed));
    let told = out(&school.run_here(&["status"]));
    assert!(told.lines().any(|line| line == "cage     NONE: --allow-uncaged"), "{told}");
    assert!(out(&school.run_here(&["status", "--json"])).contains("\"NONE: --allow-uncaged\""));
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
    assert!(out(&opened.expect("this test needs age: apt install age")).contains("\nAGE-SECRET-KEY-1"));
}

fn with_a_desk() -> School {
    let school = School::new();
    let config = fs::read_to_string(school.path().join("mailwarden.toml")).expect("the configuration");
    fs::write(
        school.path().join("mailwarden.toml"),
        format!("{config}[review]\nhost = \"desk.willowbrook.example\"\ndirectory = \"desk\"\n"),
    )
    .expect("the configuration");
    fs::create_dir(school.path().join("desk")).expect("a folder");
    school
}

fn invite(school: &School) {
    let invited =
        school.run_here(&["accounts", "invite", "--name", "Robin Finch", "--role", "dsl", "--address", "dsl@willowbrook.example"]);
    assert_eq!(invited.status.code(), Some(0), "{}", err(&invited));
}

#[test]
fn the_addresses_of_somebody_at_the_desk_change_and_one_is_left() {
    let school = with_a_desk();
    invite(&school);
    let address = |more: &[&str]| school.run_here(&[&["accounts", "address", "Robin Finch"], more].concat());
    let changed = address(&["robin@willowbrook.example", "--drop", "dsl@willowbrook.example"]);
    assert_eq!((changed.status.code(), out(&changed)), (Some(0), "Robin Finch is known by robin@willowbrook.example\n".to_owned()));
    let none = address(&["--drop", "robin@willowbrook.example"]);
    assert!(none.status.code() == Some(1) && err(&none).contains("`Robin Finch` has no other address"), "{}", err(&none));
    assert_eq!(address(&[]).status.code(), Some(64), "it says what to change");
}

#[test]
fn the_journal_of_the_desk_is_verified_too_and_none_is_made_by_asking() {
    let school = with_a_desk();
    let verify = || school.run_here(&["journal", "verify", "--desk"]);
    let none = verify();
    assert!(none.status.code() == Some(1) && err(&none).starts_with("error: the desk has no journal yet\n"), "{}", err(&none));
    assert_eq!(fs::read_dir(school.path().join("desk")).unwrap().count(), 0);
    invite(&school);
    assert_eq!((verify().status.code(), out(&verify())), (Some(0), "1 lines, unbroken\n".to_owned()));
    let tables = rusqlite::Connection::open(school.path().join("desk/desk.db")).unwrap();
    tables.execute_batch("DROP TRIGGER journal_lines_stand; UPDATE journal SET entry = replace(entry, 'Robin', 'Robyn')").unwrap();
    let broken = verify();
    assert_eq!((broken.status.code(), out(&broken)), (Some(1), String::new()));
    assert!(err(&broken).starts_with("error: the journal is broken at line 1\n  why: it was changed\n"), "{}", err(&broken));
}
