//! A token endpoint (RFC 6749, 7523) that also tells a mail server what its tokens are good for (RFC 7662).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::{fs, thread};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use ring::signature::{RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaKeyPair, UnparsedPublicKey};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::require;

pub const CLIENT: &str = "the-client";
pub const SECRET: &str = "canary-client-secret";
/// What every token begins with.
pub const TOKEN: &str = "canary-token-";
pub const SERVICE_ACCOUNT: &str = "scanner@project.example";
pub const SCOPE: &str = "imap.read";

/// What the endpoint answers.
#[derive(Clone)]
pub enum Behaviour {
    /// With a token that claims to live for so many seconds.
    Gives(u64),
    /// With these octets, in place of an answer of HTTP.
    Says(Vec<u8>),
    /// With one octet after another, without end.
    Babbles,
}

struct State {
    behaviour: Behaviour,
    /// Whom tokens that are for nobody in particular open for.
    user: String,
    scope: String,
    asked: usize,
    /// Who each live token is for.
    live: BTreeMap<String, String>,
}

pub struct Issuer {
    folder: TempDir,
    pub port: u16,
    state: Arc<Mutex<State>>,
}

impl Issuer {
    /// Its tokens open the mailbox of `user`, unless a service account asks in the name of another.
    pub fn start(user: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("issuer").tempdir().expect("a folder");
        make_keys(folder.path());
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        let port = listener.local_addr().expect("its number").port();
        let state =
            State { behaviour: Behaviour::Gives(3600), user: user.to_owned(), scope: SCOPE.to_owned(), asked: 0, live: BTreeMap::new() };
        let state = Arc::new(Mutex::new(state));
        let (shared, key) = (Arc::clone(&state), fs::read(folder.path().join("key.der")).expect("a key"));
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (shared, key) = (Arc::clone(&shared), key.clone());
                thread::spawn(move || serve(client, &shared, &key));
            }
        });
        Self { folder, port, state }
    }

    pub fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/token", self.port)
    }

    /// The key of the client's certificate, the certificate, the client's secret, and the key file of the service account.
    pub fn key(&self) -> PathBuf {
        self.folder.path().join("key.pem")
    }

    pub fn certificate(&self) -> PathBuf {
        self.folder.path().join("certificate.pem")
    }

    pub fn secret(&self) -> PathBuf {
        self.folder.path().join("secret")
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("service-account.json")
    }

    pub fn behave(&self, behaviour: Behaviour) {
        self.state.lock().expect("the state").behaviour = behaviour;
    }

    /// Tokens are good for this and nothing else from now on.
    pub fn grant(&self, scope: &str) {
        scope.clone_into(&mut self.state.lock().expect("the state").scope);
    }

    /// Ends every token before its time.
    pub fn revoke_all(&self) {
        self.state.lock().expect("the state").live.clear();
    }

    /// How often a token was asked for.
    pub fn asked(&self) -> usize {
        self.state.lock().expect("the state").asked
    }

    /// A Dovecot that believes this issuer: further lines of its configuration. They name a file that is written here.
    pub fn dovecot(&self) -> String {
        let file = self.folder.path().join("oauth2.conf.ext");
        let settings = format!(
            "introspection_url = http://127.0.0.1:{}/introspect\nintrospection_mode = post\nusername_attribute = username\n\
             active_attribute = active\nactive_value = true\nscope = {SCOPE}\n",
            self.port
        );
        fs::write(&file, settings).expect("a file");
        super::readable(self.folder.path()).expect("a folder that Dovecot may enter");
        format!(
            "auth_mechanisms = plain login xoauth2 oauthbearer\npassdb {{\n  driver = oauth2\n  mechanisms = xoauth2 oauthbearer\n  args = {}\n}}\n",
            file.display()
        )
    }
}

fn make_keys(folder: &Path) {
    let openssl = |arguments: &str| {
        let made = Command::new(require("openssl", "openssl")).current_dir(folder).args(arguments.split(' ')).output().expect("openssl");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    };
    openssl("genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out key.pem");
    openssl("req -x509 -key key.pem -out certificate.pem -days 30 -subj /CN=the-client");
    openssl("pkcs8 -topk8 -nocrypt -in key.pem -outform DER -out key.der");
    let key = fs::read_to_string(folder.join("key.pem")).expect("a key");
    let key_file = json!({ "type": "service_account", "client_email": SERVICE_ACCOUNT, "private_key": key, "private_key_id": "7" });
    fs::write(folder.join("service-account.json"), key_file.to_string()).expect("a file");
    fs::write(folder.join("secret"), format!("{SECRET}\n")).expect("a file");
    for name in ["key.pem", "service-account.json", "secret"] {
        fs::set_permissions(folder.join(name), std::os::unix::fs::PermissionsExt::from_mode(0o600)).expect("a private file");
    }
}

fn serve(client: TcpStream, state: &Mutex<State>, key: &[u8]) {
    let mut hears = BufReader::new(client.try_clone().expect("a stream"));
    let mut says = client;
    // A connection may carry many questions.
    while let Some((path, form)) = question(&mut hears) {
        if path == "/introspect" {
            respond(&mut says, 200, &introspect(state, &form));
            continue;
        }
        let behaviour = {
            let mut state = state.lock().expect("the state");
            state.asked += 1;
            state.behaviour.clone()
        };
        match behaviour {
            Behaviour::Gives(seconds) => {
                let user = state.lock().expect("the state").user.clone();
                let (status, answer) = match holder(&form, key, &user) {
                    Ok(user) => (200, give(state, &user, seconds)),
                    Err(why) => (401, json!({ "error": "invalid_client", "error_description": why, "error_codes": [7_000_215] })),
                };
                respond(&mut says, status, &answer);
            }
            Behaviour::Says(octets) => {
                let _ = says.write_all(&octets);
                return;
            }
            Behaviour::Babbles => {
                let _ = says.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
                while says.write_all(&[b' '; 4096]).is_ok() {}
                return;
            }
        }
    }
}

fn question(hears: &mut impl BufRead) -> Option<(String, BTreeMap<String, String>)> {
    let mut line = String::new();
    hears.read_line(&mut line).ok().filter(|octets| *octets > 0)?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    loop {
        let mut header = String::new();
        hears.read_line(&mut header).ok()?;
        if header.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = header.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    hears.read_exact(&mut body).ok()?;
    let form = reqwest::Url::parse(&format!("http://form/?{}", String::from_utf8(body).ok()?)).ok()?;
    Some((path, form.query_pairs().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()))
}

fn respond(says: &mut TcpStream, status: u16, answer: &Value) {
    let body = answer.to_string();
    let head = format!("HTTP/1.1 {status} So\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = says.write_all((head + &body).as_bytes());
}

fn give(state: &Mutex<State>, user: &str, seconds: u64) -> Value {
    let mut state = state.lock().expect("the state");
    let token = format!("{TOKEN}{}", STANDARD.encode(format!("{} {user}", state.asked)));
    state.live.insert(token.clone(), user.to_owned());
    json!({ "token_type": "Bearer", "expires_in": seconds, "access_token": token })
}

fn introspect(state: &Mutex<State>, form: &BTreeMap<String, String>) -> Value {
    let state = state.lock().expect("the state");
    match form.get("token").and_then(|token| state.live.get(token)) {
        Some(user) => json!({ "active": true, "username": user, "scope": state.scope }),
        None => json!({ "active": false }),
    }
}

/// For whom a token is asked for, when the question proves who asks.
fn holder(form: &BTreeMap<String, String>, key: &[u8], user: &str) -> Result<String, String> {
    let field = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
    match field("grant_type") {
        "client_credentials" if form.contains_key("client_assertion") => {
            let claims = verified(field("client_assertion"), key, "PS256")?;
            let named = claims["iss"] == CLIENT && claims["sub"] == CLIENT && field("client_id") == CLIENT;
            if named { Ok(user.to_owned()) } else { Err("another client".to_owned()) }
        }
        "client_credentials" if field("client_id") == CLIENT && field("client_secret") == SECRET => Ok(user.to_owned()),
        "urn:ietf:params:oauth:grant-type:jwt-bearer" => {
            let claims = verified(field("assertion"), key, "RS256")?;
            if claims["iss"] != SERVICE_ACCOUNT || claims["scope"] != SCOPE {
                return Err("another account or scope".to_owned());
            }
            claims["sub"].as_str().map(str::to_owned).ok_or("nobody is named".to_owned())
        }
        _ => Err("no such grant, or a wrong secret".to_owned()),
    }
}

/// The claims of a JWT that this key has signed, that is for this endpoint, and in force.
fn verified(jwt: &str, key: &[u8], algorithm: &str) -> Result<Value, String> {
    let part = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|error| error.to_string());
    let read = |octets: Vec<u8>| serde_json::from_slice::<Value>(&octets).map_err(|error| error.to_string());
    let (signed, signature) = jwt.rsplit_once('.').ok_or("no signature")?;
    let (header, claims) = signed.split_once('.').ok_or("no claims")?;
    let (header, claims) = (read(part(header)?)?, read(part(claims)?)?);
    let pair = RsaKeyPair::from_pkcs8(key).map_err(|error| error.to_string())?;
    let known = match algorithm {
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        _ => &RSA_PKCS1_2048_8192_SHA256,
    };
    UnparsedPublicKey::new(known, pair.public()).verify(signed.as_bytes(), &part(signature)?).map_err(|_| "a wrong signature")?;
    let now = jiff::Timestamp::now().as_second();
    let time = |name: &str| claims[name].as_i64().ok_or(format!("no {name}"));
    let in_force = time("iat")? <= now && now < time("exp")? && time("exp")? - time("iat")? <= 3600;
    let here = claims["aud"].as_str().is_some_and(|audience| audience.ends_with("/token"));
    let identified = algorithm != "PS256" || (header["x5t#S256"].is_string() && claims["jti"].is_string());
    if header["alg"] == algorithm && in_force && here && identified { Ok(claims) } else { Err("not in force here".to_owned()) }
}
