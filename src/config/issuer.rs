//! Where the tokens come from that stand in for passwords: `[[oauth]]`.

use std::collections::BTreeMap;
use std::sync::Arc;

use reqwest::Url;
use toml::de::DeValue;

use super::kind::{self, unknown_word, wrong};
use super::sections::{ca_file, is_loopback, password, path};
use super::table::{Passwords, Table, Wrong};
use super::{Grant, Issuer, password, signing_key};

const GOOGLE_ENDPOINT: &str = "https://oauth2.googleapis.com/token";
const GOOGLE_SCOPE: &str = "https://mail.google.com/";
const MICROSOFT_SCOPE: &str = "https://outlook.office365.com/.default";

#[derive(Clone, Copy)]
enum Kind {
    ClientCredentials,
    Google,
    Microsoft,
}

/// Every issuer of the file by its name; `None` for one with a fault, so that its servers are not blamed for it.
pub(super) struct Issuers(BTreeMap<String, Option<Arc<Issuer>>>);

/// Whom `oauth` of a table names.
pub(super) enum Named {
    /// A fault is told already, of the name or of whom it names.
    Faulty,
    Issuer(Arc<Issuer>),
    Nobody,
}

impl Issuers {
    pub fn read(file: &Table<'_>) -> Self {
        let mut issuers = BTreeMap::new();
        file.each("oauth", "[[oauth]]", |table| {
            let name = table.required("name", "\"microsoft\"", |value| {
                let name = kind::text(value)?;
                if issuers.contains_key(&name) {
                    Err(wrong(format!("`{name}` is taken"), "give every [[oauth]] a name of its own"))
                } else {
                    Ok(name)
                }
            });
            let issuer = issuer(table, name.as_deref().unwrap_or_default()).map(Arc::new);
            issuers.extend(name.map(|name| (name, issuer)));
        });
        Self(issuers)
    }

    /// The issuer that `oauth` of a table names.
    pub fn named_by(&self, table: &Table<'_>) -> Named {
        let named = table.optional("oauth", |value| {
            let name = kind::text(value)?;
            if self.0.is_empty() {
                return Err(wrong("there is no [[oauth]]", "add [[oauth]] with `name`, `kind` and what belongs to it"));
            }
            self.0.get(&name).cloned().ok_or_else(|| unknown_word(&name, self.0.keys().map(String::as_str)))
        });
        match named.flatten() {
            Some(issuer) => Named::Issuer(issuer),
            None if table.has("oauth") => Named::Faulty,
            None => Named::Nobody,
        }
    }
}

fn issuer(table: &Table<'_>, name: &str) -> Option<Issuer> {
    let kinds = [("client-credentials", Kind::ClientCredentials), ("google", Kind::Google), ("microsoft", Kind::Microsoft)];
    let kind = table.required("kind", "\"microsoft\"", kind::one_of(&kinds));
    let scope = table.optional("scope", kind::text);
    let ca_file = ca_file(table);
    let has_secret = table.has("password_file") || table.has("credential");
    let secret = password(table);
    if !has_secret {
        let hint =
            "add `credential` or `password_file`: the client's secret, the key of its certificate, or the key file of a service account";
        table.tell("[[oauth]] has no secret".to_owned(), table.at(), wrong("nobody is given a token without one", hint));
    }
    // Whatever its kind, an issuer may be reached elsewhere: a national directory, say.
    let written = table.has("token_endpoint");
    let endpoint = table.optional("token_endpoint", endpoint);
    let Some(kind) = kind else {
        // Which of these belong there, nobody can say yet.
        let _ = ["client_id", "certificate_file", "tenant"].map(|key| table.has(key));
        return None;
    };
    let (default_endpoint, default_scope, grant) = match kind {
        Kind::ClientCredentials if written => (None, None, client(table)),
        Kind::ClientCredentials => {
            (table.required("token_endpoint", "\"https://login.school.example/token\"", kind::text), None, client(table))
        }
        Kind::Google => (Some(GOOGLE_ENDPOINT.to_owned()), Some(GOOGLE_SCOPE), Some(Grant::ServiceAccount)),
        Kind::Microsoft if written => (None, Some(MICROSOFT_SCOPE), client(table)),
        Kind::Microsoft => (tenant(table), Some(MICROSOFT_SCOPE), client(table)),
    };
    let (grant, secret) = (grant?, secret?);
    if table.passwords() == Passwords::Tried
        && secret.within_reach()
        && let Err(fault) = signing_key::check(&grant, &secret)
    {
        table.tell_of(fault);
        return None;
    }
    Some(Issuer {
        name: name.to_owned(),
        endpoint: if written { endpoint? } else { default_endpoint? },
        ca_file,
        grant,
        scope: scope.or(default_scope.map(str::to_owned)),
        secret,
    })
}

/// The application that asks, known by a secret or by the key of its certificate.
fn client(table: &Table<'_>) -> Option<Grant> {
    let client = table.required("client_id", "\"11111111-2222-3333-4444-555555555555\"", kind::text);
    match path(table, "certificate_file") {
        None => Some(Grant::ClientSecret { client: client? }),
        Some(certificate) => match password::certificate(&certificate) {
            Ok(_) => Some(Grant::ClientCertificate { client: client?, certificate }),
            Err(fault) => {
                table.tell_of(fault);
                None
            }
        },
    }
}

/// The token endpoint of a directory of Microsoft's.
fn tenant(table: &Table<'_>) -> Option<String> {
    let tenant = table.required("tenant", "\"school.onmicrosoft.com\"", |value| {
        let tenant = kind::text(value)?;
        if tenant.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)) {
            Ok(tenant)
        } else {
            Err(wrong(format!("`{tenant}` is no directory"), "write the number of the directory (tenant), or its domain"))
        }
    });
    Some(format!("https://login.microsoftonline.com/{}/oauth2/v2.0/token", tenant?))
}

/// An address that a secret may be sent to.
fn endpoint(value: &DeValue<'_>) -> Result<String, Wrong> {
    let written = kind::text(value)?;
    let hint = "write it like \"https://login.school.example/token\"; \"http://\" is for `localhost` alone";
    let address = Url::parse(&written).map_err(|error| wrong(format!("it is no address: {error}"), hint))?;
    match (address.scheme(), address.host_str()) {
        ("https", Some(_)) => Ok(written),
        ("http", Some(host)) if is_loopback(host) => Ok(written),
        ("http", Some(host)) => Err(wrong(format!("`{host}` is another machine: the secret would cross the network in plain text"), hint)),
        _ => Err(wrong("it is not an https address", hint)),
    }
}
