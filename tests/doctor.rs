//! `mailwarden doctor` against real servers: what it says is in `tests/doctor`, for review. `BLESS=1` writes it anew.

mod support;

use std::fmt::Write;
use std::path::Path;
use std::process::Output;
use std::{env, fs};

use support::dovecot::Dovecot;
use support::issuer::{Behaviour, Issuer, SCOPE};
use support::school::{err, out};
use support::smtp::Smtp;
use support::warden::{HELD, Warden, message};

const AMBER: &str = "amber@school.example";
const HERON: &str = "heron@school.example";

#[test]
fn a_way_that_is_open_is_walked_to_its_end_and_leaves_no_mark() {
    let (dovecot, smtp) = (Dovecot::start(), Smtp::start());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, HERON]);
    dovecot.deliver(AMBER, &message("held", HELD)[..]);
    let walked = warden.command("doctor").output().expect("the program");
    assert_eq!(walked.status.code(), Some(0), "{}", err(&walked));
    review("well", &walked, &[smtp.port]);
    let files = dovecot.files(AMBER);
    assert_eq!(files.len(), 1, "nothing is removed");
    assert!(!files[0].to_string_lossy().ends_with('S'), "nothing is marked");
    assert!(smtp.messages().is_empty(), "nothing is sent");
    assert!(warden.book().cursors(&AMBER.parse().expect("an address")).expect("cursors").is_empty(), "nothing is judged");
}

#[test]
fn every_step_that_fails_is_named_with_its_cause_and_what_mends_it() {
    let dovecot = Dovecot::start();
    let simple = Dovecot::start_with("protocol imap {\n  imap_capability = IMAP4rev1\n}\n");
    let issuer = Issuer::start(AMBER);
    let refusal = "{\"error\":\"unauthorized_client\",\"error_description\":\"CANARY\"}";
    issuer.behave(Behaviour::Says(format!("HTTP/1.1 401 No\r\nContent-Length: {}\r\n\r\n{refusal}", refusal.len()).into_bytes()));
    // Nobody takes notices at that port.
    let warden = Warden::telling(&dovecot, 1, &[AMBER, HERON]);
    secret(&warden.path().join("wrong"), "not this");
    let text = fs::read_to_string(warden.config()).expect("a configuration");
    // Heron's password is wrong, Amber's is right.
    let (first, second) = text.rsplit_once("password_file = \"password\"").expect("two mailboxes");
    let mut text = format!("{first}password_file = \"wrong\"{second}");
    let _ = write!(
        text,
        "\n[[oauth]]\nname = \"google\"\nkind = \"google\"\ntoken_endpoint = \"{}\"\nscope = \"{SCOPE}\"\npassword_file = \"{}\"\n\n\
         [[server]]\nname = \"tokens\"\nhost = \"localhost\"\nport = {}\nsecurity = \"plaintext\"\noauth = \"google\"\n\n\
         [[mailbox]]\naddress = \"wren@school.example\"\nserver = \"tokens\"\nrole = \"pupil\"\n\n\
         [[server]]\nname = \"nowhere\"\nhost = \"imap.invalid\"\n\n\
         [[mailbox]]\naddress = \"finch@school.example\"\nserver = \"nowhere\"\nrole = \"pupil\"\npassword_file = \"password\"\n\n\
         [[server]]\nname = \"untrusted\"\nhost = \"localhost\"\nport = {}\nca_file = \"{}\"\n\n\
         [[mailbox]]\naddress = \"swift@school.example\"\nserver = \"untrusted\"\nrole = \"pupil\"\npassword_file = \"password\"\n",
        issuer.endpoint(),
        issuer.key_file().display(),
        dovecot.imap,
        dovecot.imaps,
        simple.authority().display(),
    );
    fs::write(warden.config(), text).expect("a configuration");
    warden.also_watch("closed", 1, "password");
    warden.also_watch("simple", simple.imap, "password");

    let walked = warden.command("doctor").output().expect("the program");
    assert_eq!(walked.status.code(), Some(1));
    review("ailing", &walked, &[]);
    assert!(!err(&walked).contains("CANARY"));

    let walked = warden.command("doctor --json").output().expect("the program");
    assert_eq!(walked.status.code(), Some(1));
    let told: serde_json::Value = serde_json::from_str(&out(&walked)).expect("one object");
    let failing: Vec<_> = told["mailboxes"].as_array().expect("mailboxes").iter().map(|row| row["failure"]["step"].as_str()).collect();
    let expected = [None, Some("sign-in"), Some("token"), Some("resolve"), Some("tls"), Some("connect"), Some("remove")];
    assert_eq!((told["well"].as_bool(), failing), (Some(false), expected.to_vec()));

    let walked = warden.command("doctor").arg("nobody@school.example").output().expect("the program");
    assert!(walked.status.code() == Some(1) && err(&walked).contains("nobody@school.example is not watched"), "{}", err(&walked));
}

fn secret(path: &Path, text: &str) {
    fs::write(path, text).expect("a file");
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a private file");
}

/// Both outputs, ports made one word.
fn review(name: &str, output: &Output, ports: &[u16]) {
    let mut said = format!("{}--\n{}", out(output), err(output));
    for port in ports {
        said = said.replace(&format!(":{port}"), ":PORT");
    }
    let expected = Path::new("tests/doctor").join(name).with_extension("txt");
    if env::var_os("BLESS").is_some() {
        fs::write(&expected, &said).expect("tests/doctor");
    }
    assert_eq!(said, fs::read_to_string(&expected).unwrap_or_default());
}
