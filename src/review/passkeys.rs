//! Passkeys of one's own: added and removed here, used in the place of the code of an app, and, where the browser has the PRF
//! extension, to open one's key in the place of the passphrase.

use askama::Template;
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use super::Review;
use super::answer::{Answer, Refusal, page};
use super::guard::{Visit, Visitor};
use super::keys::is_wrapped;
use super::webauthn::Registration;
use super::words::{visible, wall};
use crate::desk::NewPasskey;

/// Of a name, in characters.
const LONGEST: usize = 60;

#[derive(Template)]
#[template(path = "passkeys.html")]
struct Page<'a> {
    visitor: &'a Visitor,
    school: &'a str,
    passkeys: Vec<Line>,
    /// How her browser and her authenticator name her: random to everybody else.
    handle: String,
    /// Her key, as her passphrase opens it; empty where she has none.
    wrapped: &'a str,
}

struct Line {
    credential: String,
    name: String,
    made: String,
    opens: bool,
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let visitor = visit.visitor()?;
    review.viewed(visitor, "/passkeys")?;
    let zone = &review.config.school.clock.zone;
    let line = |passkey: crate::desk::Passkey| Line {
        credential: BASE64URL.encode(&passkey.credential),
        name: visible(&passkey.name),
        made: wall(passkey.made_at, zone),
        opens: passkey.wrapped.is_some(),
    };
    let passkeys = review.desk().passkeys(&visitor.account)?.into_iter().map(line).collect();
    let handle = BASE64URL.encode(&review.desk().mac("passkey handle", &[&visitor.account.id.0.to_be_bytes()])[..16]);
    let wrapped = visitor.account.keys.as_ref().map_or("", |keys| keys.wrapped.as_str());
    page(&Page { visitor, school: &review.config.school.name, passkeys, handle, wrapped })
}

/// What a passkey is to sign. It says nothing of anybody.
pub fn challenge(review: &Review, _: &Visit) -> Result<Answer, Refusal> {
    let challenge = review.challenge(Review::now()).map_err(|error| Refusal::World(error.to_string()))?;
    Ok(Answer::Json(format!("{{\"challenge\":\"{}\"}}", BASE64URL.encode(challenge))))
}

/// Adds one that her browser has made, after the second factor that she has.
pub fn add(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, form, now) = (&visit.visitor()?.account, &visit.asked.form, Review::now());
    let (name, wrapped) = (form.text("name"), form.text("wrapped"));
    if !(1..=LONGEST).contains(&name.chars().count()) {
        return Err(unfit("Please give the passkey a name of 60 characters or less, such as the device that it lies in."));
    }
    if !wrapped.is_empty() && (account.keys.is_none() || !is_wrapped(wrapped)) {
        return Err(Refusal::Malformed);
    }
    let made = Registration::parse(form.text("made")).ok_or(Refusal::Malformed)?;
    let challenge = made.challenge().filter(|challenge| review.is_ours(now, challenge));
    let (Some(challenge), Some(uses)) = (challenge, made.verified(&review.place())) else { return Err(not_made()) };
    review.step_up(visit)?;
    if !review.use_up(now, &challenge) {
        return Err(not_made());
    }
    let new = NewPasskey {
        credential: &made.credential,
        name,
        public_key: &made.public_key,
        uses,
        wrapped: Some(wrapped).filter(|wrapped| !wrapped.is_empty()),
    };
    if review.desk().add_passkey(now, account, &new)? {
        Ok(Answer::Json("{}".to_owned()))
    } else {
        Err(unfit("That passkey is known already, or you have ten. Please remove one that you no longer use first."))
    }
}

pub fn drop(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let (account, form) = (&visit.visitor()?.account, &visit.asked.form);
    let credential = BASE64URL.decode(form.text("credential")).map_err(|_| Refusal::Malformed)?;
    review.step_up(visit)?;
    if review.desk().drop_passkey(Review::now(), account, &credential)? {
        Ok(Answer::See("/passkeys".to_owned()))
    } else {
        Err(unfit("That passkey is not there any more. Please load the page again."))
    }
}

fn not_made() -> Refusal {
    unfit("That passkey was not made for this desk, or it took longer than five minutes. Nothing was changed; please try again.")
}

fn unfit(told: &str) -> Refusal {
    Refusal::Shown(StatusCode::UNPROCESSABLE_ENTITY, told.to_owned())
}
