//! What a page answers: a whole document, a way onward, or a refusal that says nothing it should not.

use askama::Template;
use axum::body::Body;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, LOCATION, SET_COOKIE};
use axum::http::{HeaderName, HeaderValue, Response, StatusCode};

use crate::casebook::CasebookError;
use crate::desk::DeskError;
use crate::vault::VaultError;

/// What comes of a visit that went well.
pub enum Answer {
    Page(String),
    /// Of the desk itself, the same for everybody.
    Asset {
        media_type: &'static str,
        octets: &'static [u8],
    },
    /// To be kept under this name, which is made of the letters, digits, dots and hyphens that need no quoting.
    File {
        name: String,
        media_type: &'static str,
        octets: Vec<u8>,
    },
    /// For the script of a page.
    Json(String),
    /// Look there next.
    See(String),
    /// Look there next, with this cookie.
    SeeWith {
        to: String,
        cookies: Vec<String>,
    },
}

/// What comes of a visit that did not.
#[derive(Debug)]
pub enum Refusal {
    /// A form that no page of this desk has sent. It is told as `Malformed` is.
    Foreign,
    /// What was sent is not what a page of the desk sends.
    Malformed,
    /// It is not there, or not for her: nobody can tell which.
    NotFound,
    /// Shown instead of the page, with one kind sentence.
    Shown(StatusCode, String),
    SignIn {
        to: String,
    },
    TooOften,
    /// A disk or a database; the technician reads the log.
    World(String),
}

#[derive(Template)]
#[template(path = "problem.html")]
struct Problem<'a> {
    title: &'a str,
    told: &'a str,
}

/// `default-src 'none'`, and nothing written into a page is ever run or loaded.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

const HEADERS: [(&str, &str); 10] = [
    ("content-security-policy", POLICY),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("permissions-policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()"),
    // Not `no-referrer`: with it, browsers leave the origin out of the forms of our own pages too.
    ("referrer-policy", "same-origin"),
    ("strict-transport-security", "max-age=31536000"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-robots-tag", "noindex, nofollow"),
];

impl Refusal {
    /// What she wants is not fit as the case, or her form, stands: one kind sentence says why, and nothing was changed.
    pub fn unfit(told: impl Into<String>) -> Self {
        Self::Shown(StatusCode::UNPROCESSABLE_ENTITY, told.into())
    }
}

/// A page of a template; a template that fails is a mistake of ours.
pub fn page(template: &impl Template) -> Result<Answer, Refusal> {
    template.render().map(Answer::Page).map_err(|error| Refusal::World(format!("a page cannot be drawn: {error}")))
}

pub fn respond(answered: Result<Answer, Refusal>) -> Response<Body> {
    let mut response = match answered {
        Ok(answer) => given(answer),
        Err(refusal) => refused(&refusal),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response.headers_mut().entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

fn given(answer: Answer) -> Response<Body> {
    match answer {
        Answer::Page(text) => typed(StatusCode::OK, "text/html; charset=utf-8", text.into()),
        Answer::Json(text) => typed(StatusCode::OK, "application/json", text.into()),
        Answer::Asset { media_type, octets } => typed(StatusCode::OK, media_type, octets.into()),
        Answer::File { name, media_type, octets } => {
            let mut response = typed(StatusCode::OK, media_type, octets.into());
            let kept = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")).unwrap_or(HeaderValue::from_static("attachment"));
            response.headers_mut().insert(CONTENT_DISPOSITION, kept);
            response
        }
        Answer::See(to) => see(&to, &[]),
        Answer::SeeWith { to, cookies } => see(&to, &cookies),
    }
}

fn see(to: &str, cookies: &[String]) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::SEE_OTHER;
    // Only what can be a header becomes one.
    response.headers_mut().insert(LOCATION, HeaderValue::from_str(to).unwrap_or(HeaderValue::from_static("/")));
    for cookie in cookies {
        if let Ok(value) = HeaderValue::from_str(cookie) {
            response.headers_mut().append(SET_COOKIE, value);
        }
    }
    response
}

fn refused(refusal: &Refusal) -> Response<Body> {
    let (status, title, told) = match refusal {
        Refusal::SignIn { to } => return see(to, &[]),
        Refusal::Foreign | Refusal::Malformed => (
            StatusCode::BAD_REQUEST,
            "That could not be read",
            "What arrived was not sent by a page of this desk, or the page was too old. Nothing was changed. Please go back, load the page \
             again, and try once more.",
        ),
        Refusal::NotFound => {
            (StatusCode::NOT_FOUND, "Nothing here", "There is no such page, or it is not for you. Please check the address.")
        }
        Refusal::Shown(status, told) => (*status, "That did not work", told.as_str()),
        Refusal::TooOften => (
            StatusCode::TOO_MANY_REQUESTS,
            "Please wait a moment",
            "There were more requests from here than a person makes. Nothing was lost; please try again in a minute.",
        ),
        Refusal::World(why) => {
            tracing::error!(%why, "a page could not be shown");
            (
                StatusCode::SERVICE_UNAVAILABLE,
                "The desk cannot answer now",
                "Something on the server does not work. Nothing you did is lost. Please tell the technician, and do not wait with \
                 anything urgent: follow your policy without the desk.",
            )
        }
    };
    let text = Problem { title, told }.render().unwrap_or_else(|_| told.to_owned());
    typed(status, "text/html; charset=utf-8", text.into())
}

fn typed(status: StatusCode, media_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    response
}

impl From<CasebookError> for Refusal {
    fn from(error: CasebookError) -> Self {
        Self::World(format!("{error}: {}", error.remedy()))
    }
}

impl From<DeskError> for Refusal {
    fn from(error: DeskError) -> Self {
        Self::World(error.to_string())
    }
}

impl From<VaultError> for Refusal {
    fn from(error: VaultError) -> Self {
        let told = match &error {
            VaultError::Damaged { .. } | VaultError::Missing { .. } => {
                "What is sealed of it is not as it was sealed, and nothing of it was handed out. Nothing was lost by trying: please ask the technician to \
                 restore the vault from the backup, and go on with the facts on the page."
            }
            VaultError::NoRing { .. } => {
                "Nobody has a key for what is sealed here yet. Nothing is lost: please ask the technician to enrol its members, as the guide says."
            }
            _ => return Self::World(format!("{error}: {}", error.remedy())),
        };
        tracing::error!(%error, "what is sealed cannot be handed out");
        Self::Shown(StatusCode::SERVICE_UNAVAILABLE, told.to_owned())
    }
}
