//! The commands for whoever writes rules: measured, replayed, begun and tried, as people and programs meet them.

mod support;

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use support::school::{School, err, out};
use support::warden::{FLAGGED, rule};

/// A school with a rule that knows one made-up word, and files beside it.
fn school(files: &[(&str, String)]) -> School {
    let school = School::new();
    for (name, text) in files {
        let path = school.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    school
}

fn mail(text: &str) -> String {
    format!("From: a@willowbrook.example\nTo: b@willowbrook.example\nSubject: test\n\n{text}\n")
}

fn sample(text: &str, category: &str, kind: &str) -> String {
    format!("{{\"text\": \"{text}\", \"category\": {category}, \"kind\": \"{kind}\"}}\n")
}

/// What a command says that ends with this code, against the golden file of that name.
fn assert_golden(school: &School, golden: &str, code: i32, arguments: &[&str]) {
    let output = school.run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {}{}", out(&output), err(&output));
    let said = hide_ids(&(out(&output) + &err(&output)));
    let path = format!("tests/commands/{golden}.txt");
    if std::env::var_os("MAILWARDEN_BLESS").is_some() {
        fs::write(&path, &said).expect("a golden file");
    }
    assert_eq!(said, fs::read_to_string(&path).expect("a golden file"), "{path}; MAILWARDEN_BLESS=1 writes the golden files anew");
}

/// Ids of rule sets change with every change to the language.
fn hide_ids(said: &str) -> String {
    let hidden = said.split_inclusive([' ', '\n', '\t']).map(|word| {
        let bare = word.trim_end_matches([' ', '\n', '\t', ':', ',']);
        let is_id = bare.len() == 16 && bare.bytes().all(|octet| octet.is_ascii_hexdigit());
        if is_id { word.replace(bare, "ID") } else { word.to_owned() }
    });
    hidden.collect()
}

fn samples() -> [(&'static str, String); 3] {
    let open = [
        sample(&format!("all of the {FLAGGED} you are"), "\"bullying\"", "clear"),
        sample("nobody said the word", "\"bullying\"", "clear"),
        sample("not in so many words", "\"bullying\"", "implied"),
        sample(&format!("a poem on the {FLAGGED}"), "null", "contrast"),
        sample("the bus is late", "null", "ordinary"),
    ];
    let blind = sample("unseen", "\"bullying\"", "clear");
    let ordinary = "{\"t\": \"see you at two\", \"y\": 0, \"f\": 1}\n{\"t\": \"spam\", \"y\": 1}\n".to_owned();
    [("samples/open/bullying.jsonl", open.concat()), ("samples/blind/bullying.jsonl", blind), ("sms.jsonl", ordinary)]
}

#[test]
fn a_measurement_says_what_was_found_and_missed_and_of_how_many() {
    let school = school(&samples());
    assert_golden(&school, "rules-measure", 0, &["rules", "measure", "--no-tricks", "--failures", "--ordinary", "sms.jsonl", "samples"]);
}

#[test]
fn a_measurement_on_paper_bears_the_day_and_the_rule_set() {
    let school = school(&samples());
    let output = school.run(&["rules", "measure", "--report", "quality.md", "--absent", "the post", "samples"]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let page = fs::read_to_string(school.path().join("quality.md")).expect("a page");
    let id = out(&output).lines().last().and_then(|line| line.split([' ', ':']).nth(2).map(str::to_owned)).expect("an id");
    let day = jiff::Zoned::now().date();
    assert!(page.contains(&format!("Measured on {day} with the rule set `{id}` (1 rules, 1 terms)")), "{page}");
    assert!(page.contains("**Not measured:** the post."), "{page}");
    assert!(page.contains("| open | clear samples found, % | at least 90 | 50.0 [9.5-90.5] of 2 | missed, within chance |"), "{page}");
    assert!(!page.contains(FLAGGED), "no sample stands on it");
}

#[test]
fn blind_samples_are_listed_only_to_who_asks_for_them() {
    let school = school(&samples());
    let listed = |arguments: &[&str]| out(&school.run(&[&["rules", "measure", "samples"], arguments].concat()));
    let blind = "samples/blind/bullying.jsonl:1\tmissed\tbullying, clear\tfound nothing";
    assert!(!listed(&["--failures"]).contains(blind));
    assert!(listed(&["--failures"]).contains("1 blind samples failed, and are not listed"));
    assert!(listed(&["--failures", "--unblind"]).contains(blind));
}

#[test]
fn nothing_measured_is_a_failure() {
    let school = school(&[("samples/README.md", "none".to_owned())]);
    let output = school.run(&["rules", "measure", "samples"]);
    assert_eq!((output.status.code(), out(&output).as_str()), (Some(1), ""));
    assert!(err(&output).starts_with("error: there is no sample\n"), "{}", err(&output));
}

#[test]
fn an_aim_missed_by_more_than_chance_fails_who_is_strict() {
    let missed = sample("nobody said the word", "\"bullying\"", "clear").repeat(40);
    let school = school(&[("samples/bullying.jsonl", missed)]);
    assert_eq!(school.run(&["rules", "measure", "samples"]).status.code(), Some(0));
    let output = school.run(&["rules", "measure", "--strict", "samples"]);
    assert_eq!(output.status.code(), Some(1));
    let why = "why: clear samples found, %: 0.0 [0.0-8.8] of 40, where the aim is at least 90";
    assert!(err(&output).contains(why), "{}", err(&output));
}

/// Three made-up concerns and harmless mail, enough to learn from.
fn lessons() -> [(&'static str, String); 2] {
    let numbers = 0..60;
    let scams = numbers.clone().map(|number| sample(&format!("the heron stole fish {number} from the pond"), "\"scam\"", "clear"));
    let drugs = numbers.clone().map(|number| sample(&format!("a badger dug hole {number} under the fence"), "\"drugs\"", "implied"));
    let ordinary = numbers.map(|number| format!("{{\"text\": \"please bring form {number} to the office\"}}\n"));
    [("samples/open/all.jsonl", scams.chain(drugs).collect()), ("ordinary.jsonl", ordinary.collect())]
}

#[test]
fn what_is_learnt_from_samples_flags_and_says_by_which_words() {
    let school = school(&lessons());
    fs::write(school.path().join("letter.eml"), mail("My brother says that the heron stole his fish")).unwrap();
    fs::write(school.path().join("form.eml"), mail("Who has the form for the office?")).unwrap();
    let learn = ["rules", "learn", "--ordinary", "ordinary.jsonl", "--stage", "flag", "--to", "rules", "samples/open"];
    let learnt = school.run(&learn);
    assert!(learnt.status.success(), "{}", err(&learnt));
    assert!(out(&learnt).contains("concerns: 120, of which 120 found when held out"), "{}", out(&learnt));
    let scanned = out(&school.run(&["scan", "--json", "letter.eml", "form.eml"]));
    let verdicts: Vec<Value> = scanned.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let found = |path: &str| {
        verdicts.iter().find(|line| line["path"] == path).map(|line| (line["verdict"].clone(), line["findings"][0]["rule"].clone()))
    };
    assert_eq!(found("letter.eml"), Some(("flag".into(), "scam.learnt".into())), "{scanned}");
    assert_eq!(found("form.eml"), Some(("clear".into(), Value::Null)), "{scanned}");
    let explained = out(&school.run(&["rules", "explain", "letter.eml"]));
    assert!(explained.contains("scam.learnt fires with") && explained.contains("heron"), "{explained}");
}

#[test]
fn blind_samples_are_not_learnt_from() {
    let [(_, samples), ordinary] = lessons();
    let school = school(&[("samples/blind/all.jsonl", samples), ordinary]);
    let refused = school.run(&["rules", "learn", "--ordinary", "ordinary.jsonl", "--to", "rules", "samples"]);
    assert_eq!(refused.status.code(), Some(64), "{}", err(&refused));
    assert!(err(&refused).contains("a blind sample is not learnt from"), "{}", err(&refused));
    assert!(!school.path().join("rules/weights").exists());
}

#[test]
fn a_replay_says_which_verdicts_turn_and_by_which_rules() {
    let newer = rule("bullying", "hornbeam");
    let files = [
        ("new/bullying/test.toml", newer),
        ("pile/a.eml", mail(FLAGGED)),
        ("pile/b.eml", mail("hornbeam")),
        ("pile/c.mbox", format!("From a Sat Nov 21\n{}\nFrom b Sat Nov 21\n{}", mail(FLAGGED), mail("clear"))),
    ];
    let school = school(&files);
    assert_golden(&school, "rules-replay", 0, &["rules", "replay", "rules", "new", "pile"]);
    let output = school.run(&["rules", "replay", "--json", "rules", "rules", "pile"]);
    let told: Value = serde_json::from_str(&out(&output)).expect("an object");
    assert_eq!((&told["messages"], &told["differ"], &told["old"]), (&Value::from(4), &Value::from(0), &told["new"]));
}

/// A rule with everything that an explanation tells of.
fn elaborate(stage: &str) -> String {
    format!(
        "schema = 1\nid = \"threat.kite\"\ntitle = \"Somebody wants to fly a kite\"\ncategory = \"threat\"\nstage = \"{stage}\"\n\
         [[signal]]\nname = \"kite\"\nterms = [\"kite~\"]\n[[signal]]\nname = \"fly\"\nterms = [\"fly\", \"flown\"]\n\
         [[signal]]\nname = \"lesson\"\nterms = [\"lesson\"]\n[[signal]]\nname = \"wind\"\nterms = [\"wind\"]\n\
         [[signal]]\nname = \"both\"\nnear = {{ a = \"kite\", b = \"fly\", words = 4 }}\n\
         [decide]\nfire = \"both and not lesson\"\nscore = 40\n[[adjust]]\nwhen = \"wind\"\nadd = 30\nbecause = \"there is wind\"\n\
         [[except_phrase]]\nterms = [\"fly a red kite\"]\nreason = \"the bird\"\n\
         [[example]]\nexpect = \"match\"\ntext = \"fly the kites\"\n[[example]]\nexpect = \"match\"\ntext = \"a kite, flown\"\n\
         [[example]]\nexpect = \"no-match\"\ntext = \"a kite lesson\"\n[[example]]\nexpect = \"no-match\"\ntext = \"to fly a red kite\"\n\
         [[history]]\ndate = 2026-11-22\nby = \"a test\"\nnote = \"made up\"\n"
    )
}

/// A rule that counts for strangers alone.
fn gull() -> String {
    elaborate("hold")
        .replace("threat.kite", "threat.gull")
        .replace("[[signal]]\nname = \"kite\"", "[who]\nsender = [\"outside\"]\n[[signal]]\nname = \"kite\"")
        .replace("kite", "gull")
        .replace("both and not lesson", "both and not lesson or gull")
        .replace("= 40", "= 60")
}

#[test]
fn an_explanation_says_why_and_what_would_change_it() {
    let files = [
        ("rules/threat/kite.toml", elaborate("flag")),
        ("rules/threat/gull.toml", gull()),
        ("a.eml", mail("Let us fly the kites in the wind")),
        ("b.eml", mail("They fly kites today.")),
        ("c.eml", mail("They fly kites in this lesson.")),
        ("d.eml", mail("We fly a red kite.")),
        ("e.eml", mail("We fly home.")),
        ("f.eml", mail(FLAGGED)),
        ("g.eml", mail("A gull!")),
        ("h.eml", mail("They flew kites. Fly!").replace("Subject: test", "Subject: kites")),
    ];
    let school = school(&files);
    let output = school.run(&[
        "rules",
        "explain",
        "a.eml",
        "b.eml",
        "c.eml",
        "d.eml",
        "e.eml",
        "f.eml",
        "g.eml",
        "h.eml",
        "--config",
        "mailwarden.toml",
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    let (mut said, golden) = (String::new(), "tests/commands/rules-explain.txt");
    for line in out(&output).lines().map(|line| if line.starts_with("    cost ") { "    cost      COST" } else { line }) {
        said.push_str(line);
        said.push('\n');
    }
    if std::env::var_os("MAILWARDEN_BLESS").is_some() {
        fs::write(golden, &said).expect("a golden file");
    }
    assert_eq!(said, fs::read_to_string(golden).expect("a golden file"));
}

#[test]
fn an_explanation_for_programs_holds_the_same() {
    let school = school(&[("rules/threat/kite.toml", elaborate("hold")), ("a.eml", mail("Let us fly the kites in the wind"))]);
    let output = school.run(&["rules", "explain", "--json", "a.eml"]);
    let told: Value = serde_json::from_str(&out(&output)).expect("an object");
    assert_eq!((told["verdict"].as_str(), told["rules"][0]["score"].as_u64()), (Some("flag"), Some(70)), "{told}");
    assert_eq!(told["rules"][0]["signals"][0]["quotes"][0]["matched"], "kites");
    assert_eq!(told["without"]["threat.kite"], "clear");
    assert_eq!(told["categories"][0]["points"], 70);
}

#[test]
fn a_test_says_of_every_rule_whether_its_examples_hold() {
    let school = school(&[("rules/threat/kite.toml", elaborate("tested"))]);
    assert_golden(&school, "rules-test-pass", 0, &["rules", "test"]);
    let broken = elaborate("tested").replace("a kite, flown", "a kite, blown");
    fs::write(school.path().join("rules/threat/kite.toml"), &broken).expect("a rule");
    assert_golden(&school, "rules-test-fail", 1, &["rules", "test"]);
    assert_eq!(school.run(&["rules", "test", "--only", "bullying"]).status.code(), Some(0));
    fs::write(school.path().join("rules/threat/kite.toml"), broken.replace("\"tested\"", "\"draft\"")).expect("a rule");
    assert_golden(&school, "rules-test-draft", 0, &["rules", "test"]);
    fs::write(school.path().join("rules/threat/kite.toml"), "schema = 1").expect("a rule");
    assert_eq!(school.run(&["rules", "test"]).status.code(), Some(78));
}

#[test]
fn whoever_watches_is_told_again_when_a_rule_is_saved() {
    let school = School::new();
    let mut command = Command::new(env!("CARGO_BIN_EXE_mailwarden"));
    let command =
        command.args(["rules", "test", "--watch", "rules"]).current_dir(school.path()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut watching = command.spawn().expect("mailwarden runs");
    let mut lines = BufReader::new(watching.stdout.take().expect("a pipe")).lines().map(|line| line.expect("a line"));
    assert_eq!(lines.next().as_deref(), Some("bullying.test\thold\t4\tpass"));
    assert_eq!(lines.find(|line| line.starts_with("watching")).as_deref(), Some("watching; Ctrl-C ends"));
    let failing = rule("bullying", FLAGGED).replace("nothing of the kind", FLAGGED);
    fs::write(school.path().join("rules/bullying/test.toml"), failing).expect("a rule");
    assert_eq!(lines.find(|line| line.starts_with("bullying")).as_deref(), Some("bullying.test\thold\t4\t1 FAIL"));
    watching.kill().expect("it runs still");
    watching.wait().expect("it ends");
}

#[test]
fn a_rule_is_begun_from_options_and_never_over_another() {
    let school = School::new();
    let complete = [
        "rules",
        "new",
        "bullying.seat",
        "--title",
        "Somebody is told to sit alone",
        "--term",
        "sit alone",
        "--match",
        "go and sit alone",
        "--match",
        "you sit alone",
        "--no-match",
        "sit down",
        "--no-match",
        "alone",
        "--note",
        "asked for by the tutor",
        "--by",
        "Kit",
    ];
    let output = school.run(&complete);
    assert_eq!(output.status.code(), Some(0), "{}", err(&output));
    assert!(out(&output).starts_with("local-rules/bullying/seat.toml: a draft"), "{}", out(&output));
    let checked = school.run(&["rules", "check", "local-rules"]);
    assert_eq!(checked.status.code(), Some(0), "{}", err(&checked));
    let again = school.run(&complete);
    assert_eq!(again.status.code(), Some(1));
    assert!(err(&again).contains("File exists"), "{}", err(&again));
    assert!(!Path::new("local-rules").exists(), "it is written where the command was run");
    let lacking = school.run(&complete[..5]);
    assert_eq!(lacking.status.code(), Some(64));
    assert!(err(&lacking).contains("why: the draft lacks `--term`, two `--match`, two `--no-match`, `--note`"), "{}", err(&lacking));
}

/// What the journal says of changed rules, from the last line on.
fn staged(school: &School) -> Vec<String> {
    let told = out(&school.run_here(&["journal", "show"]));
    told.lines().filter_map(|line| line.split_once("rule-staged\t")).map(|(_, facts)| facts.to_owned()).collect()
}

#[test]
fn a_rule_goes_up_one_stage_at_a_time_and_on_the_record() {
    let school = school(&[("rules/threat/kite.toml", elaborate("tested")), ("pile/a.eml", mail("fly the kites in the wind"))]);
    assert_eq!(school.init().status.code(), Some(0));
    let change = |way: &str, to: &str| {
        let arguments =
            ["rules", way, "threat.kite", "--to", to, "--by", "Kit", "--note", "two weeks without a wrong one", "--replay", "pile"];
        school.run_here(&arguments)
    };
    let leap = change("promote", "hold");
    assert_eq!(leap.status.code(), Some(64));
    assert!(
        err(&leap).contains("why: it is in the stage tested, and goes up one stage at a time\n hint: say `--to shadow`"),
        "{}",
        err(&leap)
    );
    let file = school.path().join("rules/threat/kite.toml");
    assert_eq!(fs::read_to_string(&file).expect("a rule"), elaborate("tested"), "nothing was written");

    for (stage, turns) in [("shadow", ""), ("flag", "replayed clear > flag 1 ")] {
        let done = change("promote", stage);
        assert_eq!(done.status.code(), Some(0), "{}", err(&done));
        let rule = fs::read_to_string(&file).expect("a rule");
        assert!(rule.contains(&format!("stage = \"{stage}\"")) && rule.contains("note = \"made up\""), "{rule}");
        assert!(rule.contains(&format!("note = \"stage {stage}: two weeks without a wrong one\"")), "{rule}");
        let told = staged(&school).pop().expect("a line");
        let effect = format!("by Kit, effect {turns}replayed hits 1 replayed messages 1, from ");
        assert!(
            told.contains(&effect) && told.contains("note two weeks without a wrong one") && told.ends_with(&format!("to {stage}")),
            "{told}"
        );
    }
    assert_eq!(change("demote", "hold").status.code(), Some(64));
    assert_eq!(change("demote", "draft").status.code(), Some(0));
    assert_eq!((staged(&school).len(), school.run_here(&["journal", "verify"]).status.code()), (3, Some(0)));
}

#[test]
fn a_rule_whose_examples_fail_is_not_promoted() {
    let broken = elaborate("draft").replace("a kite, flown", "a kite, blown");
    let school = school(&[("rules/threat/kite.toml", broken.clone())]);
    assert_eq!(school.init().status.code(), Some(0));
    let output = school.run_here(&["rules", "promote", "threat.kite", "--to", "tested", "--by", "Kit", "--note", "done"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(err(&output).starts_with("error: an example of rule `threat.kite` fails\n"), "{}", err(&output));
    assert_eq!(fs::read_to_string(school.path().join("rules/threat/kite.toml")).expect("a rule"), broken);
    assert_eq!(staged(&school), [""; 0]);
}
