//! The package for the police, opened as an officer would open it: with tar, sha256sum and the stock age, and nothing of ours.

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use mailwarden::case::PlaceState;
use mailwarden::casebook::CaseFacts;
use mailwarden::finding::Audience;
use mailwarden::journal::{Actor, Event};
use mailwarden::mail::FolderName;
use mailwarden::watch::imap::Folder;
use minisign_verify::{PublicKey, Signature};
use support::dovecot::Dovecot;
use support::smtp::Smtp;
use support::warden::{HELD, Warden, message};
use support::{require, said};

const AMBER: &str = "amber@school.example";
const REASON: &str = "CANARY: crime number 42/7";

/// A school whose rules have taken a message out, and an officer with a folder of her own.
struct School {
    warden: Warden,
    officer: tempfile::TempDir,
    _dovecot: Dovecot,
    _smtp: Smtp,
}

impl School {
    async fn having(action: &str) -> Self {
        let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
        let warden = Warden::new(&dovecot, &smtp, &[AMBER]);
        let text = fs::read_to_string(warden.config()).expect("a configuration");
        fs::write(warden.config(), text.replace("violence = \"hold\"", &format!("violence = \"{action}\""))).expect("a configuration");
        let mut session = dovecot.session(AMBER).await;
        let (inbox, octets) = (Folder::named(&FolderName("INBOX".to_owned())), letter());
        session.append(&inbox, &[], 1_580_702_706, octets.len() as u64, &octets[..]).await.expect("room for a message");
        warden.poll();
        let school = Self { warden, officer: tempfile::tempdir().expect("a folder"), _dovecot: dovecot, _smtp: smtp };
        assert_eq!(school.case().places[0].state, PlaceState::Removed);
        school
    }

    fn case(&self) -> CaseFacts {
        self.warden.cases().remove(0)
    }

    fn codename(&self) -> String {
        self.case().row.codename.to_string()
    }

    fn out(&self) -> PathBuf {
        self.officer.path().join("case.tar")
    }

    fn package(&self, identity: &Path, to: &[&str]) -> Output {
        let mut command = self.warden.command("evidence");
        command.arg(self.codename()).arg("--identity").arg(identity).args(["--reason", REASON]).args(to).arg("--out").arg(self.out());
        command.output().expect("the program")
    }

    /// The officer's key, made with her own tool; answers with its public half.
    fn officers_key(&self) -> String {
        require("age-keygen", "age");
        let made = Command::new("age-keygen").args(["-o", "officer.key"]).current_dir(self.officer.path()).output().expect("age-keygen");
        assert!(made.status.success(), "{made:?}");
        let text = fs::read_to_string(self.officer.path().join("officer.key")).expect("a key file");
        text.lines().find_map(|line| line.strip_prefix("# public key: ")).expect("a public key").to_owned()
    }

    /// Something that the officer types where the package lies unpacked.
    fn types(&self, program: &str, arguments: &[&str]) -> String {
        let folder = self.officer.path().join(self.codename());
        let done = Command::new(program).args(arguments).current_dir(folder).output().expect("a program");
        assert!(done.status.success(), "{program} {arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8_lossy(&done.stdout).into_owned()
    }

    fn unpack(&self) {
        let done = Command::new("tar").args(["-xf", "case.tar"]).current_dir(self.officer.path()).output().expect("tar");
        assert!(done.status.success(), "{done:?}");
        self.types("sha256sum", &["--quiet", "-c", "SHA256SUMS"]);
    }

    fn read(&self, name: &str) -> Vec<u8> {
        fs::read(self.officer.path().join(self.codename()).join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    fn text(&self, name: &str) -> String {
        String::from_utf8(self.read(name)).expect("text")
    }

    /// The commands of the README that open what is sealed, as they stand there.
    fn does_what_the_readme_says(&self, keys: &[(&str, &str)]) {
        let readme = self.text("README.txt");
        let lines: Vec<_> = readme.lines().map(str::trim).filter(|line| line.starts_with("age -d")).collect();
        assert!(lines.len() >= 2, "{readme}");
        for line in lines {
            let line = keys.iter().fold(line.to_owned(), |line, (name, file)| line.replace(name, file));
            let mut words = line.split(' ');
            self.types(words.next().expect("a program"), &words.collect::<Vec<_>>());
        }
    }

    fn made(&self) -> Vec<(Actor, Event)> {
        let lines = self.warden.book().journal(1, 1_000).expect("a journal").into_iter();
        lines.filter(|line| matches!(line.event, Event::EvidencePackaged { .. })).map(|line| (line.who, line.event)).collect()
    }
}

fn letter() -> Vec<u8> {
    message("CANARY-SUBJECT", HELD)
}

#[tokio::test]
async fn an_officer_opens_the_package_with_stock_tools_and_finds_the_very_message() {
    let school = School::having("hold").await;
    let recipient = school.officers_key();
    let (code, told) = said(&school.package(&school.warden.identity(), &["--to", &recipient]));
    assert_eq!(code, Some(0), "{told}");
    school.unpack();
    school.does_what_the_readme_says(&[("YOUR-KEY-FILE", "../officer.key")]);
    assert!(school.read("message-1.eml") == letter(), "every octet of it");

    let key = told.lines().find_map(|line| line.strip_prefix("signed with ")).expect("a public key");
    assert!(school.text("README.txt").contains(key));
    let (key, signature) = (PublicKey::from_base64(key).unwrap(), Signature::decode(&school.text("manifest.json.minisig")).unwrap());
    key.verify(&school.read("manifest.json"), &signature, true).unwrap();
    let mut changed = school.read("manifest.json");
    changed[20] ^= 1;
    key.verify(&changed, &signature, true).unwrap_err();

    let manifest: serde_json::Value = serde_json::from_slice(&school.read("manifest.json")).unwrap();
    let copy = &manifest["copies"][0];
    assert_eq!((copy["file"].as_str(), copy["mailbox"].as_str()), (Some("message-1.eml.age"), Some(AMBER)));
    assert_eq!((copy["state"].as_str(), manifest["journal"]["whole"].as_bool()), (Some("removed"), Some(true)));
    let listed: Vec<_> = manifest["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(listed, ["message-1.eml.age", "chronology.json.age"]);

    let chronology: serde_json::Value = serde_json::from_slice(&school.read("chronology.json")).unwrap();
    let events: Vec<_> = chronology["entries"].as_array().unwrap().iter().map(|entry| entry["what"]["event"].as_str().unwrap()).collect();
    assert_eq!(events[0], "case-opened");
    assert_eq!(events.last(), Some(&"evidence-packaged"), "that it was made is the last that it knows");
    assert!(chronology.to_string().contains(REASON));
    let sum = school.types("sha256sum", &["message-1.eml"]);
    assert_eq!(chronology["messages"][0]["sha256"].as_str(), sum.split(' ').next());

    let tar = String::from_utf8_lossy(&fs::read(school.out()).unwrap()).into_owned();
    for word in ["CANARY", "sender@school.example", HELD] {
        assert!(!tar.contains(word), "{word} stands in the clear");
    }
    let [(Actor::Member(name), Event::EvidencePackaged { to, reason, objects, .. })] = &school.made()[..] else {
        panic!("{:?}", school.made())
    };
    assert_eq!((name.as_str(), to, reason.as_str(), objects.len()), ("Lead", &recipient, REASON, 1));
    assert_eq!(school.warden.objects().len(), 3, "what is sealed is as it was");

    let (code, told) = said(&school.package(&school.warden.identity(), &["--to", &recipient]));
    assert!(code == Some(1) && told.contains("is there already"), "{told}");
    assert_eq!(school.made().len(), 1);
}

#[tokio::test]
async fn what_is_withheld_is_handed_over_as_it_is_and_opened_with_the_evidence_key_elsewhere() {
    let school = School::having("withhold").await;
    let deputy = school.warden.key("Deputy", Audience::Dsl);
    let recipient = school.officers_key();
    let (code, told) = said(&school.package(&deputy, &["--to", &recipient]));
    assert!(code == Some(1) && told.contains("is for `evidence` to open"), "{told}");
    assert!(!school.out().exists() && school.made().is_empty());
    let last = school.warden.book().journal_end(1).unwrap().remove(0);
    assert!(matches!((&last.who, &last.event), (Actor::Member(name), Event::EvidenceRefused { .. }) if name == "Deputy"), "{last:?}");

    let (code, told) = said(&school.package(&deputy, &["--as-sealed"]));
    assert_eq!(code, Some(0), "{told}");
    school.unpack();
    // The file of the evidence key itself: no ring is wrapped to anybody.
    let evidence = school.warden.identity();
    school.does_what_the_readme_says(&[("EVIDENCE-KEY-FILE", evidence.to_str().unwrap())]);
    assert!(school.read("message-1.eml") == letter());
    assert!(matches!(&school.made()[..], [(_, Event::EvidencePackaged { to, .. })] if to == "as it was sealed"));
}

#[tokio::test]
async fn a_package_that_cannot_be_written_down_is_not_made() {
    let school = School::having("hold").await;
    let casebook = rusqlite::Connection::open(school.warden.path().join("state/casebook.db")).unwrap();
    casebook.execute_batch("CREATE TRIGGER full BEFORE INSERT ON journal BEGIN SELECT RAISE(ABORT, 'no room'); END").unwrap();
    let recipient = school.officers_key();
    let (code, told) = said(&school.package(&school.warden.identity(), &["--to", &recipient]));
    assert!(code == Some(1) && told.contains("no room"), "{told}");
    let left: Vec<_> = fs::read_dir(school.officer.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["officer.key"], "not even a draft");
}

#[tokio::test]
async fn somebody_must_be_able_to_open_it_and_a_weak_passphrase_is_told() {
    let school = School::having("hold").await;
    let lead = school.warden.identity();
    assert_eq!(said(&school.package(&lead, &[])).0, Some(64));
    assert_eq!(said(&school.package(&lead, &["--as-sealed", "--to", &school.officers_key()])).0, Some(64));
    let file = school.officer.path().join("passphrase");
    fs::write(&file, "short\n").unwrap();
    let (code, told) = said(&school.package(&lead, &["--passphrase-file", file.to_str().unwrap()]));
    assert!(code == Some(1) && told.contains("16 characters or more"), "{told}");
    assert!(school.made().is_empty());
    fs::write(&file, "six words that nobody will guess\n").unwrap();
    assert_eq!(said(&school.package(&lead, &["--passphrase-file", file.to_str().unwrap()])).0, Some(0));
    school.unpack();
    assert!(school.read("message-1.eml.age").starts_with(b"age-encryption.org/v1\n-> scrypt "));
    assert!(school.text("README.txt").contains("   age -d -o message-1.eml message-1.eml.age\n"));
}
