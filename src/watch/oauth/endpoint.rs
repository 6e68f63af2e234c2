//! One question to one token endpoint, and its answer within bounds.

use std::error::Error;
use std::sync::Mutex;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reqwest::header::{DATE, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode, Url};

use super::answer::{Said, read};
use super::assertion;
use super::error::TokenError;
use super::lock;
use crate::config::{Grant, Issuer, Secret, certificate};
use crate::fault::{At, Fault};
use crate::watch::imap::{trust_file, trust_system};

const CONNECT: Duration = Duration::from_secs(10);
/// For the question and all of its answer.
const TIMEOUT: Duration = Duration::from_secs(30);
/// An answer, in octets.
const LONGEST: usize = 64 << 10;
/// The longest wait that is believed.
const LONGEST_WAIT: Duration = Duration::from_hours(1);

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// The way to an issuer.
pub(super) struct Endpoint {
    client: Client,
}

impl Endpoint {
    pub fn new(issuer: &Issuer) -> Result<Self, TokenError> {
        let unfit = |why: String| {
            let hint = "correct `ca_file` of [[oauth]]; without one, install the package `ca-certificates`";
            let at = issuer.ca_file.as_ref().map(At::file);
            TokenError::Key(Fault { what: "the token endpoint cannot be trusted".to_owned(), at, why, hint: hint.to_owned() })
        };
        let tls = match &issuer.ca_file {
            Some(file) => trust_file(file),
            None => trust_system(),
        };
        let tls = tls.map_err(|error| unfit(error.to_string()))?;
        let mut client = Client::builder()
            .tls_backend_preconfigured((*tls).clone())
            .connect_timeout(CONNECT)
            .timeout(TIMEOUT)
            // A secret goes where the configuration says, and nowhere else.
            .redirect(Policy::none())
            .user_agent(concat!("mailwarden/", env!("CARGO_PKG_VERSION")));
        if Url::parse(&issuer.endpoint).is_ok_and(|address| address.scheme() == "http") {
            // To this very machine, whatever proxy leads to others.
            client = client.no_proxy();
        }
        Ok(Self { client: client.build().map_err(|_| unfit("TLS cannot be set up".to_owned()))? })
    }

    /// Asks for a token, and for how long it is good. Notes by how much the issuer's clock is ahead.
    pub async fn ask(&self, issuer: &Issuer, user: &str, clock: &Mutex<Option<SignedDuration>>) -> Result<(Secret, Duration), TokenError> {
        let question = question(issuer, user, Timestamp::now()).map_err(TokenError::Key)?;
        let unreachable = |error: &reqwest::Error| TokenError::Unreachable { issuer: issuer.name.clone(), why: kind_of(error) };
        let answer = self.client.post(&issuer.endpoint).form(&question).send().await.map_err(|error| unreachable(&error))?;
        let status = answer.status();
        if let Some(time) = time_in(&answer) {
            *lock(clock) = Some(time.duration_since(Timestamp::now()));
        }
        let retry_after = retry_after(&answer);
        let octets = match bounded(answer).await {
            Ok(Some(octets)) => octets,
            Ok(None) => return Err(malformed(issuer, "it is larger than 64 KiB")),
            Err(error) => return Err(unreachable(&error)),
        };
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(TokenError::Busy { issuer: issuer.name.clone(), status: status.as_u16(), retry_after });
        }
        match read(&octets) {
            Said::Token(token, life) if status.is_success() => Ok((token, life)),
            Said::Token(..) => Err(malformed(issuer, "a token with a status that denies it")),
            Said::No { error, code } => {
                let of_this_mailbox = issuer.grant == Grant::ServiceAccount && error != "invalid_client";
                Err(TokenError::Refused { issuer: issuer.name.clone(), error, code, of_this_mailbox })
            }
            Said::Nonsense(why) => Err(malformed(issuer, why)),
        }
    }
}

fn malformed(issuer: &Issuer, why: &'static str) -> TokenError {
    TokenError::Malformed { issuer: issuer.name.clone(), why }
}

/// The fields of the form. The secret is read anew, so that a changed one needs no restart.
fn question(issuer: &Issuer, user: &str, now: Timestamp) -> Result<Vec<(&'static str, String)>, Fault> {
    let mut fields = match &issuer.grant {
        Grant::ClientSecret { client } => vec![
            ("grant_type", "client_credentials".to_owned()),
            ("client_id", client.clone()),
            ("client_secret", issuer.secret.read()?.expose().to_owned()),
        ],
        Grant::ClientCertificate { client, certificate: file } => {
            let (certificate, key) = (certificate(file)?, issuer.secret.read_key()?);
            let assertion = assertion::of_certificate(&certificate, key.expose(), client, &issuer.endpoint, now);
            vec![
                ("grant_type", "client_credentials".to_owned()),
                ("client_id", client.clone()),
                ("client_assertion_type", CLIENT_ASSERTION.to_owned()),
                ("client_assertion", assertion.map_err(|unfit| unfit.fault(&issuer.secret, Some(file)))?),
            ]
        }
        Grant::ServiceAccount => {
            let (key, scope) = (issuer.secret.read_key()?, issuer.scope.as_deref().unwrap_or_default());
            let assertion = assertion::of_service_account(key.expose(), user, scope, &issuer.endpoint, now);
            let assertion = assertion.map_err(|unfit| unfit.fault(&issuer.secret, None))?;
            return Ok(vec![("grant_type", JWT_BEARER.to_owned()), ("assertion", assertion)]);
        }
    };
    fields.extend(issuer.scope.clone().map(|scope| ("scope", scope)));
    Ok(fields)
}

/// All of an answer; `None` when it is too large.
async fn bounded(mut answer: Response) -> Result<Option<Vec<u8>>, reqwest::Error> {
    let mut octets = Vec::new();
    while let Some(chunk) = answer.chunk().await? {
        if octets.len() + chunk.len() > LONGEST {
            return Ok(None);
        }
        octets.extend_from_slice(&chunk);
    }
    Ok(Some(octets))
}

fn time_in(answer: &Response) -> Option<Timestamp> {
    let date = answer.headers().get(DATE)?.to_str().ok()?;
    Some(jiff::fmt::rfc2822::parse(date).ok()?.timestamp())
}

fn retry_after(answer: &Response) -> Option<Duration> {
    let seconds = answer.headers().get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds).min(LONGEST_WAIT))
}

/// What went wrong on the way. The library's own words hold the address, and a proxy's may hold more.
fn kind_of(error: &reqwest::Error) -> &'static str {
    let mut cause = error.source();
    while let Some(inner) = cause {
        let text = inner.to_string();
        if text.contains("certificate") {
            return "its certificate is not trusted";
        }
        if text.contains("dns error") || text.contains("failed to lookup address") {
            return "its name has no address";
        }
        cause = inner.source();
    }
    if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection was lost, or it does not speak HTTP"
    }
}
