//! `mailwarden mailboxes import`: from a school's export to the list of who is watched.

mod support;

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use support::school::{School, err, out};

const LIST: &str = "mailboxes.csv";

/// A school with a list of mailboxes, which is yet to be made.
struct Office(School);

impl Office {
    fn new() -> Self {
        let school = School::new();
        let path = school.path().join("mailwarden.toml");
        let config = fs::read_to_string(&path).expect("a configuration");
        fs::write(path, format!("{config}\n[mailboxes]\nfile = \"{LIST}\"\n")).expect("a configuration");
        Self(school)
    }

    fn with(list: &str) -> Self {
        let office = Self::new();
        office.write(LIST, list);
        office
    }

    fn write(&self, name: &str, octets: impl AsRef<[u8]>) {
        fs::write(self.0.path().join(name), octets).expect("a file");
    }

    fn file(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.0.path().join(name)).ok()
    }

    fn import(&self, export: impl AsRef<[u8]>, more: &[&str]) -> Output {
        self.write("export.csv", export);
        self.0.run_here(&[&["mailboxes", "import", "export.csv"], more].concat())
    }
}

/// `pupil1@…` and so on, with these headings above them.
fn pupils(count: usize, header: &str, rest: &str) -> String {
    let mut text = format!("{header}\n");
    for number in 1..=count {
        let _ = writeln!(text, "pupil{number}@willowbrook.example{rest}");
    }
    text
}

#[test]
fn the_first_export_becomes_a_list_that_is_watched() {
    let office = Office::new();
    let export = "First Name [Required],Email Address [Required],Org Unit Path [Required]\n\
                  Ben,Ben.Lark@willowbrook.example,/Pupils/7\nZo\u{eb},zoe@willowbrook.example,\"/Pupils/8, red\"\n";
    let done = office.import(export, &["--role", "pupil"]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    let told = out(&done);
    assert!(told.contains("columns: address from `Email Address [Required]`, group from `Org Unit Path [Required]`\n"), "{told}");
    assert!(told.contains("joins\tben.lark@willowbrook.example\t-\t/Pupils/7, pupil\n"), "{told}");
    assert!(told.contains("2 join, 0 leave, 0 change, 0 stay as they are\n"), "{told}");
    let list = "address,group,role\nben.lark@willowbrook.example,/Pupils/7,pupil\nzoe@willowbrook.example,\"/Pupils/8, red\",pupil\n";
    assert_eq!(office.file(LIST).as_deref(), Some(list));
    assert_eq!(office.file("mailboxes.csv.before"), None);
    let check = office.0.run_here(&["check"]);
    assert!(check.status.success() && out(&check).contains("watched: 3 mailboxes"), "{}{}", out(&check), err(&check));

    let again = office.import(export, &["--role", "pupil"]);
    assert!(again.status.success() && out(&again).contains("0 join, 0 leave, 0 change, 2 stay as they are\n"), "{}", out(&again));
    assert!(!out(&again).contains("is written") && office.file("mailboxes.csv.before").is_none(), "nothing has changed");
}

#[test]
fn who_joins_leaves_and_changes_is_shown_and_what_the_export_does_not_say_stays() {
    let old = "# by hand\naddress;role;group;user;password_file\nann@willowbrook.example;pupil;7;;\nben@willowbrook.example;pupil;7;ben7;secret\n\
               cat@willowbrook.example;pupil;8;;\ndon@willowbrook.example;staff;maths;;\neve@willowbrook.example;staff;;;\nfay@willowbrook.example;pupil;8;;\n";
    let office = Office::with(old);
    office.write("secret", "pass");
    for (name, mode) in [("secret", 0o600), (LIST, 0o604)] {
        fs::set_permissions(office.0.path().join(name), fs::Permissions::from_mode(mode)).expect("a mode");
    }
    let export = "Year,Email,Role\n7,ann@willowbrook.example,Student\n8,BEN@willowbrook.example,Student\n8,cat@willowbrook.example,Student\n\
                  ,don@willowbrook.example,Teacher\n,eve@willowbrook.example,Teacher\n9,gus@willowbrook.example,Student\n";
    let tried = office.import(export, &["--dry-run"]);
    assert_eq!((tried.status.code(), office.file(LIST).as_deref()), (Some(0), Some(old)), "{}", err(&tried));
    let done = office.import(export, &[]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    for line in [
        "joins\tgus@willowbrook.example\t-\t9, pupil\n",
        "leaves\tfay@willowbrook.example\t8, pupil\t-\n",
        "changes\tben@willowbrook.example\t7, pupil, ben7, secret\t8, pupil, ben7, secret\n",
        "1 join, 1 leave, 1 change, 4 stay as they are\n",
    ] {
        assert!(out(&done).contains(line) && out(&tried).contains(line), "{line}: {}", out(&done));
    }
    let list = "address,group,role,user,password_file\nann@willowbrook.example,7,pupil,,\nben@willowbrook.example,8,pupil,ben7,secret\n\
                cat@willowbrook.example,8,pupil,,\ndon@willowbrook.example,maths,staff,,\neve@willowbrook.example,,staff,,\ngus@willowbrook.example,9,pupil,,\n";
    assert_eq!((office.file(LIST).as_deref(), office.file("mailboxes.csv.before").as_deref()), (Some(list), Some(old)));
    for name in [LIST, "mailboxes.csv.before"] {
        let mode = fs::metadata(office.0.path().join(name)).expect("a file").permissions().mode() & 0o777;
        assert_eq!(mode, 0o604, "{name}: who could read the list still can, and nobody else");
    }
}

#[test]
fn a_broken_line_is_named_and_the_other_999_are_taken() {
    let office = Office::with("address,role\npupil500@willowbrook.example,pupil\n");
    let export = pupils(1_000, "Email,Role", ",pupil").replace("pupil500@willowbrook.example,pupil", "pupil500@willowbrook.example,pupl");
    let done = office.import(&export, &[]);
    assert_eq!(done.status.code(), Some(78), "{}", err(&done));
    let told = "error: the line of `pupil500@willowbrook.example` is not taken\n   at: export.csv:501\n  why: `pupl` is unknown here\n hint: did you mean `pupil`?\n";
    assert_eq!(err(&done), told);
    let list = office.file(LIST).expect("a list");
    assert_eq!(list.lines().count(), 1_001, "the broken one was watched, and still is");
    assert!(list.contains("pupil500@willowbrook.example,,pupil\n"));
}

#[test]
fn an_export_that_was_cut_short_unwatches_nobody_until_somebody_says_so() {
    let list = pupils(10, "address,role", ",pupil");
    let office = Office::with(&list);
    let refused = office.import(pupils(7, "address,role", ",pupil"), &[]);
    assert_eq!(refused.status.code(), Some(78));
    assert!(err(&refused).starts_with("error: the old list stays\n   at: export.csv\n  why: 3 of 10 mailboxes would be watched no more\n"));
    assert!(out(&refused).contains("leaves\tpupil8@"), "who would leave is shown: {}", out(&refused));
    assert_eq!(office.file(LIST).as_deref(), Some(&*list));
    assert!(office.import(pupils(8, "address,role", ",pupil"), &[]).status.success(), "a fifth may leave");
    assert!(office.import(pupils(2, "address,role", ",pupil"), &["--yes"]).status.success());
    assert_eq!(office.file(LIST).expect("a list").lines().count(), 3);
    for (empty, why) in [("address,role\n", "no mailbox is in it"), ("", "it is empty"), ("address,role\nx,pupil\n", "none of its lines")] {
        let refused = office.import(empty, &["--yes"]);
        assert!(refused.status.code() == Some(78) && err(&refused).contains(why), "{}", err(&refused));
        assert_eq!(office.file(LIST).expect("a list").lines().count(), 3);
    }
}

#[test]
fn nobody_leaves_for_a_line_of_which_nobody_can_say_whose_it_is() {
    let office = Office::with(&pupils(10, "address,role", ",pupil"));
    let export = pupils(10, "address,role", ",pupil").replace("pupil4@willowbrook", "pupil4 willowbrook");
    let done = office.import(export, &[]);
    assert!(done.status.code() == Some(78) && err(&done).contains("at: export.csv:5\n"), "{}", err(&done));
    assert!(out(&done).contains("0 join, 0 leave, 0 change, 10 stay as they are\n1 of them are not in the export"), "{}", out(&done));
    assert!(office.file(LIST).expect("a list").contains("pupil4@willowbrook.example"));
}

#[test]
fn a_safeguarding_mailbox_stays_what_it_is_and_an_export_of_some_leaves_the_others_alone() {
    let office = Office::with(
        "address,role\nlead@willowbrook.example,safeguarding\noffice@willowbrook.example,shared\nold@willowbrook.example,staff\nann@willowbrook.example,pupil\n",
    );
    let done = office.import("Email\nann@willowbrook.example\nben@willowbrook.example\n", &["--role", "pupil"]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    assert!(out(&done).contains("1 join, 0 leave, 0 change, 4 stay as they are\n"), "{}", out(&done));
    let done = office.import("Email,Role\nlead@willowbrook.example,staff\nann@willowbrook.example,pupil\n", &["--yes"]);
    assert_eq!(done.status.code(), Some(0), "{}", err(&done));
    assert_eq!(
        office.file(LIST).as_deref(),
        Some("address,group,role\nlead@willowbrook.example,,safeguarding\nann@willowbrook.example,,pupil\n")
    );
    let done = office.import("Email,Role\nann@willowbrook.example,staff\n", &["--role", "pupil"]);
    assert!(err(&done).contains("why: its role is `staff`, and the export is of `pupil` alone\n"), "{}", err(&done));
    let unsaid = office.import("Email\nann@willowbrook.example\nben@willowbrook.example\n", &["--yes", "--dry-run"]);
    assert!(err(&unsaid).contains("at: export.csv:3\n  why: its `role` is missing\n"), "{}", err(&unsaid));
    let unsaid = Office::new().import("Email\nann@willowbrook.example\n", &[]);
    assert!(unsaid.status.code() == Some(78) && err(&unsaid).contains("why: it does not tell pupils from staff\n"), "{}", err(&unsaid));
}

#[test]
fn an_export_comes_in_whatever_encoding_and_from_standard_input() {
    let wide = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let text = "Name\tE-mail\tYear Group\tRole\nZo\u{eb}\tzoe@willowbrook.example\tR\u{e9}ception\tPupil\n";
    let windows: Vec<u8> = text.chars().map(|c| u8::try_from(c).expect("Latin-1")).collect();
    for octets in [text.as_bytes().to_vec(), format!("\u{feff}{text}").into_bytes(), windows, wide(text), wide(&format!("\u{feff}{text}"))]
    {
        let office = Office::new();
        let mut child = Command::new(env!("CARGO_BIN_EXE_mailwarden"))
            .args(["mailboxes", "import", "-", "--config", "mailwarden.toml"])
            .current_dir(office.0.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        child.stdin.take().expect("a pipe").write_all(&octets).expect("an export");
        let done = child.wait_with_output().expect("the program");
        assert!(done.status.success(), "{}", err(&done));
        assert_eq!(office.file(LIST).as_deref(), Some("address,group,role\nzoe@willowbrook.example,R\u{e9}ception,pupil\n"));
    }
}

#[test]
fn a_list_that_is_none_and_a_configuration_without_one_are_told_of() {
    let refused = Office::with("name,colour\nann,red\n").import("Email,Role\nann@willowbrook.example,pupil\n", &[]);
    assert!(
        refused.status.code() == Some(78) && err(&refused).contains("the list of mailboxes cannot be read\n   at: "),
        "{}",
        err(&refused)
    );
    let school = School::new();
    fs::write(school.path().join("export.csv"), "Email,Role\nann@willowbrook.example,pupil\n").expect("an export");
    let refused = school.run_here(&["mailboxes", "import", "export.csv"]);
    assert!(refused.status.code() == Some(78) && err(&refused).contains("[mailboxes] is missing"), "{}", err(&refused));
    let missing = school.run_here(&["mailboxes", "import", "absent.csv"]);
    assert!(err(&missing).starts_with("error: the export cannot be read\n   at: absent.csv\n"), "{}", err(&missing));
}
