//! Signing in with tokens: an issuer of the tests' own, and a Dovecot that asks it about every token.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use mailwarden::config::{Grant, History, Issuer as Issuing, Login, Password, Security, Server, TokenMechanism, Watch, Watched};
use mailwarden::mail::{Mailbox, Role};
use mailwarden::watch::imap::{ImapError, trust_file};
use mailwarden::watch::{TokenError, Tokens, Trouble, connect};
use support::dovecot::{Dovecot, PASSWORD};
use support::issuer::{Behaviour, CLIENT, Issuer, SCOPE, SECRET, TOKEN};
use support::smtp::Smtp;
use support::warden::{HELD, Warden, message};
use tokio::task::JoinSet;

const AMBER: &str = "amber@school.example";
const HERON: &str = "heron@school.example";

fn issuing(issuer: &Issuer, grant: Grant, secret: PathBuf) -> Arc<Issuing> {
    Arc::new(Issuing {
        name: "test".to_owned(),
        endpoint: issuer.endpoint(),
        ca_file: None,
        grant,
        scope: Some(SCOPE.to_owned()),
        secret: Password::File(secret),
    })
}

fn by_service_account(issuer: &Issuer) -> Arc<Issuing> {
    issuing(issuer, Grant::ServiceAccount, issuer.key_file())
}

fn by_secret(issuer: &Issuer) -> Arc<Issuing> {
    issuing(issuer, Grant::ClientSecret { client: CLIENT.to_owned() }, issuer.secret())
}

fn by_certificate(issuer: &Issuer) -> Arc<Issuing> {
    issuing(issuer, Grant::ClientCertificate { client: CLIENT.to_owned(), certificate: issuer.certificate() }, issuer.key())
}

async fn sign_in(dovecot: &Dovecot, tokens: &Tokens, issuer: &Arc<Issuing>, user: &str, mechanism: TokenMechanism) -> Result<(), Trouble> {
    let login = Login::Token { user: user.to_owned(), issuer: Arc::clone(issuer), mechanism };
    enter(dovecot, tokens, user, login).await
}

async fn enter(dovecot: &Dovecot, tokens: &Tokens, user: &str, login: Login) -> Result<(), Trouble> {
    let server = Server {
        name: "main".to_owned(),
        host: "localhost".to_owned(),
        port: dovecot.imaps,
        security: Security::Tls,
        ca_file: Some(dovecot.authority()),
        connections: const { std::num::NonZeroUsize::new(8).unwrap() },
    };
    let mailbox = Mailbox { address: user.parse().expect("an address"), group: "test".to_owned(), role: Role::Pupil };
    let watched = Watched { mailbox, server: Arc::new(server), login };
    let watch = Watch {
        interval: Duration::from_mins(1),
        jitter: 0.0,
        idle: false,
        history: History::Scan,
        except_folders: Vec::new(),
        silence: Duration::from_hours(1),
        nothing_found: Duration::from_hours(336),
        large_message: 4 << 20,
        max_message: 150 << 20,
    };
    let mut session = connect(&watched, &watch, trust_file(&dovecot.authority()).expect("the authority"), tokens).await?;
    session.noop().await?;
    session.logout().await;
    Ok(())
}

#[tokio::test]
async fn every_grant_and_every_mechanism_opens_a_mailbox_and_no_other_mailbox() {
    let issuer = Issuer::start(AMBER);
    let dovecot = Dovecot::start_with(&issuer.dovecot());
    for mechanism in [TokenMechanism::XOAuth2, TokenMechanism::OAuthBearer] {
        for issuing in [by_service_account(&issuer), by_secret(&issuer), by_certificate(&issuer)] {
            let tokens = Tokens::default();
            sign_in(&dovecot, &tokens, &issuing, AMBER, mechanism).await.unwrap_or_else(|trouble| panic!("{:?}: {trouble}", issuing.grant));
            let other = sign_in(&dovecot, &tokens, &issuing, HERON, mechanism).await;
            if issuing.grant == Grant::ServiceAccount {
                other.expect("a token in the name of the other");
            } else {
                let refused = other.expect_err("a token for somebody else");
                assert!(matches!(&refused, Trouble::Imap(ImapError::LoginRefused { .. })), "{refused}");
            }
        }
    }
}

#[tokio::test]
async fn plain_opens_a_mailbox_for_its_user_and_for_the_master() {
    let dovecot = Dovecot::start();
    let folder = tempfile::tempdir().expect("a folder");
    let password = |name: &str, secret: &str| {
        let path = folder.path().join(name);
        fs::write(&path, secret).expect("a file");
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a private file");
        Password::File(path)
    };
    let (own, master) = (password("own", PASSWORD), password("master", support::dovecot::MASTER_PASSWORD));
    let plain = |name: &str, instead_of: Option<&str>, password: &Password| Login::Plain {
        name: name.to_owned(),
        instead_of: instead_of.map(str::to_owned),
        password: password.clone(),
    };
    let tokens = Tokens::default();
    enter(&dovecot, &tokens, AMBER, plain(AMBER, None, &own)).await.expect("its own user");
    enter(&dovecot, &tokens, AMBER, plain(support::dovecot::MASTER, Some(AMBER), &master)).await.expect("the master");
    for (name, instead_of, password) in [(AMBER, None, &master), (HERON, Some(AMBER), &own), (support::dovecot::MASTER, Some(AMBER), &own)]
    {
        let refused = enter(&dovecot, &tokens, AMBER, plain(name, instead_of, password)).await.expect_err("a refusal");
        assert!(matches!(&refused, Trouble::Imap(ImapError::LoginRefused { .. })), "{refused}");
    }
}

#[tokio::test]
async fn a_token_that_was_withdrawn_is_replaced_at_once_and_a_wrong_scope_is_told() {
    let issuer = Issuer::start(AMBER);
    let dovecot = Dovecot::start_with(&issuer.dovecot());
    let (tokens, issuing) = (Tokens::distrusting_after(Duration::ZERO), by_secret(&issuer));
    sign_in(&dovecot, &tokens, &issuing, AMBER, TokenMechanism::XOAuth2).await.expect("a token");
    sign_in(&dovecot, &tokens, &issuing, AMBER, TokenMechanism::XOAuth2).await.expect("the same token");
    assert_eq!(issuer.asked(), 1);
    issuer.revoke_all();
    sign_in(&dovecot, &tokens, &issuing, AMBER, TokenMechanism::OAuthBearer).await.expect("another token");
    assert_eq!(issuer.asked(), 2);

    issuer.grant("something.else");
    let tokens = Tokens::default();
    for mechanism in [TokenMechanism::XOAuth2, TokenMechanism::OAuthBearer] {
        let refused = sign_in(&dovecot, &tokens, &issuing, AMBER, mechanism).await.expect_err("a token for something else");
        assert!(refused.to_string().starts_with("login refused: the token is not accepted, status "), "{refused}");
        assert!(refused.needs_a_person());
    }
    assert_eq!(issuer.asked(), 3, "a fresh token that is refused is no reason to ask for the next");
}

#[tokio::test]
async fn a_token_that_expires_is_replaced_before_it_does() {
    let issuer = Issuer::start(AMBER);
    let (tokens, issuing) = (Tokens::default(), by_secret(&issuer));
    issuer.behave(Behaviour::Gives(0));
    for asked in 1..=2 {
        tokens.token(&issuing, AMBER).await.expect("a token");
        assert_eq!(issuer.asked(), asked);
    }
    issuer.behave(Behaviour::Gives(3600));
    let first = tokens.token(&issuing, AMBER).await.expect("a token");
    tokio::time::pause();
    tokio::time::advance(Duration::from_mins(54)).await;
    assert!(tokens.token(&issuing, AMBER).await.expect("a token") == first, "an hour has not passed");
    tokio::time::advance(Duration::from_mins(2)).await;
    tokio::time::resume();
    assert!(tokens.token(&issuing, AMBER).await.expect("a token") != first, "five minutes before its end");
}

#[tokio::test]
async fn many_mailboxes_ask_for_one_token_once_and_hear_one_no_together() {
    let issuer = Issuer::start(AMBER);
    let (tokens, issuing) = (Arc::new(Tokens::default()), by_secret(&issuer));
    let ask_together = async |mailboxes: usize| {
        let mut asking = JoinSet::new();
        for mailbox in 0..mailboxes {
            let (tokens, issuing) = (Arc::clone(&tokens), Arc::clone(&issuing));
            asking.spawn(async move { tokens.token(&issuing, &format!("pupil{mailbox}@school.example")).await.is_ok() });
        }
        asking.join_all().await
    };
    assert_eq!(ask_together(200).await, [true; 200]);
    assert_eq!(issuer.asked(), 1);
    tokens.forget();
    issuer.behave(Behaviour::Says(b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n".to_vec()));
    assert_eq!(ask_together(200).await, [false; 200]);
    assert_eq!(issuer.asked(), 2);
    let busy = tokens.token(&issuing, AMBER).await.err().expect("a no");
    assert!(matches!(busy, TokenError::Busy { status: 503, .. }) && busy.retry_after() == Some(Duration::from_mins(2)), "{busy}");
}

#[tokio::test]
async fn what_an_issuer_does_wrong_is_told_in_our_words_and_costs_no_memory() {
    let issuer = Issuer::start(AMBER);
    let http = |status: &str, body: &str| format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{body}", body.len()).into_bytes();
    let redirect = format!("HTTP/1.1 307 Elsewhere\r\nLocation: {}\r\nContent-Length: 0\r\n\r\n", issuer.endpoint());
    for (behaviour, told) in [
        (
            Behaviour::Says(http("200 OK", "<html>CANARY</html>")),
            "what `test` answers cannot be used: it is not the JSON of a token endpoint",
        ),
        (Behaviour::Says(redirect.into_bytes()), "what `test` answers cannot be used: it is not the JSON of a token endpoint"),
        (Behaviour::Says(b"* OK CANARY\r\n".to_vec()), "`test` is out of reach: the connection was lost, or it does not speak HTTP"),
        (
            Behaviour::Says(b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n{".to_vec()),
            "`test` is out of reach: the connection was lost, or it does not speak HTTP",
        ),
        (Behaviour::Babbles, "what `test` answers cannot be used: it is larger than 64 KiB"),
        (Behaviour::Says(http("500 No", "CANARY")), "`test` asks to come back later (HTTP 500)"),
        (
            Behaviour::Says(http("401 No", r#"{"error":"invalid_client","error_description":"CANARY","error_codes":[7000222]}"#)),
            "`test` gives no token: invalid_client (AADSTS7000222)",
        ),
    ] {
        issuer.behave(behaviour);
        let error = Tokens::default().token(&by_secret(&issuer), AMBER).await.err().expect("no token");
        assert_eq!(error.to_string(), told);
    }
    issuer.behave(Behaviour::Gives(60));
    let gone = Issuing { endpoint: "http://127.0.0.1:1/token".to_owned(), ..(*by_secret(&issuer)).clone() };
    let error = Tokens::default().token(&Arc::new(gone), AMBER).await.err().expect("no token");
    assert_eq!(error.to_string(), "`test` is out of reach: no connection");
    let wrong = issuing(&issuer, Grant::ClientSecret { client: "another".to_owned() }, issuer.secret());
    let error = Tokens::default().token(&wrong, AMBER).await.err().expect("no token");
    assert_eq!(error.to_string(), "`test` gives no token: invalid_client (AADSTS7000215)");
    let no_key = issuing(&issuer, Grant::ServiceAccount, issuer.secret());
    let error = Tokens::default().token(&no_key, AMBER).await.err().expect("no token");
    assert!(error.to_string().ends_with("it is not the key file (JSON) of a service account") && error.needs_a_person(), "{error}");
}

#[tokio::test]
async fn a_secret_goes_only_to_an_issuer_that_somebody_vouches_for() {
    let issuer = Issuer::start(AMBER);
    // Whatever else it speaks, it has a certificate.
    let (https, other) = (Dovecot::start(), Dovecot::start());
    let endpoint = format!("https://localhost:{}/token", https.imaps);
    for (authority, told) in [
        (other.authority(), "`test` is out of reach: its certificate is not trusted"),
        (https.authority(), "`test` is out of reach: the connection was lost, or it does not speak HTTP"),
    ] {
        let strange = Issuing { endpoint: endpoint.clone(), ca_file: Some(authority), ..(*by_secret(&issuer)).clone() };
        let error = Tokens::default().token(&Arc::new(strange), AMBER).await.err().expect("no token");
        assert_eq!(error.to_string(), told);
    }
    assert!(!https.log().contains(SECRET), "the log of a stranger");
}

#[test]
fn the_daemon_holds_a_message_by_a_token_and_its_log_holds_no_secret() {
    let (issuer, smtp) = (Issuer::start(AMBER), Smtp::start());
    let dovecot = Dovecot::start_with(&issuer.dovecot());
    let warden = Warden::new(&dovecot, &smtp, &[AMBER, HERON]);
    let text = fs::read_to_string(warden.config()).expect("a configuration").replace("\npassword_file = \"password\"", "");
    let oauth = format!(
        "[[oauth]]\nname = \"google\"\nkind = \"google\"\ntoken_endpoint = \"{}\"\nscope = \"{SCOPE}\"\npassword_file = \"{}\"\n\n",
        issuer.endpoint(),
        issuer.key_file().display()
    );
    let text = text.replace("[[server]]\n", &format!("{oauth}[[server]]\noauth = \"google\"\n"));
    fs::write(warden.config(), text).expect("a configuration");
    dovecot.deliver(AMBER, &message("held", HELD)[..]);
    let mut command = warden.command("run");
    let done = command.args(["--once", "-vv"]).output().expect("the program");
    let log = String::from_utf8_lossy(&done.stderr).into_owned();
    assert!(done.status.success(), "{log}");
    assert!(dovecot.files(AMBER).is_empty(), "{log}");
    assert_eq!(issuer.asked(), 2, "one for each mailbox");

    issuer.revoke_all();
    issuer.behave(Behaviour::Says(b"HTTP/1.1 400 No\r\nContent-Length: 31\r\n\r\n{\"error\":\"unauthorized_client\"}".to_vec()));
    let mut command = warden.command("run");
    let done = command.args(["--once", "-vv"]).output().expect("the program");
    let refused = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(1), "{refused}");
    assert!(refused.contains("`google` gives no token: unauthorized_client for this mailbox"), "{refused}");
    for secret in [TOKEN, "PRIVATE KEY", "assertion", "eyJ"] {
        assert!(!log.contains(secret) && !refused.contains(secret), "the log holds `{secret}`:\n{log}\n{refused}");
    }
}

#[test]
fn notices_leave_by_a_token() {
    let (dovecot, issuer) = (Dovecot::start(), Issuer::start(AMBER));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("its number").port();
    let server = std::thread::spawn(move || {
        let (client, _) = listener.accept().expect("a client");
        let mut says = client.try_clone().expect("a stream");
        says.write_all(b"220 ready\r\n").expect("a client");
        BufReader::new(client).lines().map_while(Result::ok).find_map(|line| {
            let answer = if line.starts_with("EHLO") { "250-ready\r\n250 AUTH XOAUTH2\r\n" } else { "235 in\r\n" };
            says.write_all(answer.as_bytes()).ok()?;
            line.strip_prefix("AUTH XOAUTH2 ").map(|answer| STANDARD.decode(answer).expect("base64"))
        })
    });
    let warden = Warden::telling(&dovecot, port, &[AMBER]);
    let oauth = format!(
        "[[oauth]]\nname = \"own\"\nkind = \"client-credentials\"\ntoken_endpoint = \"{}\"\nclient_id = \"{CLIENT}\"\npassword_file = \"{}\"\n\n[notice]\n\
         user = \"mailwarden@school.example\"\noauth = \"own\"\n",
        issuer.endpoint(),
        issuer.secret().display()
    );
    let text = fs::read_to_string(warden.config()).expect("a configuration").replace("[notice]\n", &oauth);
    fs::write(warden.config(), text).expect("a configuration");
    // It has a mailbox to walk to and a way for notices; what the server says after the token is of no interest.
    let mut command = warden.command("doctor");
    command.output().expect("the program");
    let said = String::from_utf8(server.join().expect("a server").expect("a token")).expect("text");
    assert!(said.starts_with(&format!("user=mailwarden@school.example\x01auth=Bearer {TOKEN}")) && said.ends_with("\x01\x01"), "{said:?}");
}
