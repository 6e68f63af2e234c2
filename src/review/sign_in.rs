//! Coming and going: sign-in with password and second factor, sign-out, and the few files that every page uses.

use askama::Template;
use jiff::Timestamp;

use super::answer::{Answer, Refusal, page};
use super::attempts::Caller;
use super::factor::{Signed, shows_passkey};
use super::guard::{Visit, cookie};
use super::{Review, password, session, sight};
use crate::case::Codename;
use crate::desk::{Account, Credentials, Role};
use crate::journal::Event;

/// What every page uses, by its name in the address.
const ASSETS: [(&str, &str, &[u8]); 3] = [
    ("desk.css", "text/css; charset=utf-8", include_bytes!("pages/desk.css")),
    ("desk.js", "text/javascript; charset=utf-8", include_bytes!("pages/desk.js")),
    ("mark.svg", "image/svg+xml", include_bytes!("pages/mark.svg")),
];

const REFUSED: &str = "That did not work. Please check the name, the password and the code or passkey, and try again. After a few misses each try \
                       takes longer. If you have lost any of the three, ask the technician for a new invitation: nothing is lost by it.";

#[derive(Template)]
#[template(path = "sign_in.html")]
struct SignIn<'a> {
    school: &'a str,
    case: &'a str,
    told: &'a str,
    name: &'a str,
}

pub fn home(_: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let account = &visit.visitor()?.account;
    let to = match account.role {
        Role::Technician => "/health",
        // The first time: what she has to know about her key comes before she needs it.
        role if sight::opens(role).is_some() && account.keys.is_none() => "/keys",
        _ => "/queue",
    };
    Ok(Answer::See(to.to_owned()))
}

pub fn asset(_: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let asset = ASSETS.iter().find(|(name, ..)| *name == visit.name("name"));
    let (_, media_type, octets) = asset.ok_or(Refusal::NotFound)?;
    Ok(Answer::Asset { media_type, octets })
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    if visit.who.is_some() {
        return Ok(Answer::See("/".to_owned()));
    }
    page(&SignIn { school: &review.config.school.name, case: visit.asked.query.text("case"), told: "", name: "" })
}

pub fn sign_in(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let form = &visit.asked.form;
    let (name, now) = (form.text("name"), Review::now());
    let known = review.desk().credentials(name)?;
    let signed = review.signed(now, account(known.as_ref()), form)?;
    let caller = review.caller(now, known.as_ref(), signed.as_ref(), visit);
    if !review.attempts.begin(now, name, &caller) {
        return refuse(review, visit, account(known.as_ref()), "too-often");
    }
    let fits = {
        let _one = review.hashing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        password::fits(form.secret("password"), known.as_ref().map(|(_, credentials)| credentials.password.as_str()))
    };
    let factor = match &known {
        // A passkey is not asked of whoever does not know the password.
        Some((_, credentials)) if fits && (shows_passkey(form) || review.attempts.may_show_code(now, name, &caller)) => {
            review.factor(now, credentials, form, signed)
        }
        _ => None,
    };
    match (known, factor) {
        // Whoever watched her type a code cannot use it again.
        (Some((account, credentials)), Some(factor)) if review.desk().signed_in(now, &account, &factor)? => {
            review.attempts.succeeded(name, &caller);
            // What was signed in before in this browser ends: a session is never carried over.
            if let Some(before) = cookie(&visit.asked.headers, session::COOKIE) {
                review.sessions.end(before);
            }
            let token = review.sessions.begin(now, account.id).map_err(|error| Refusal::World(error.to_string()))?;
            let device = review.device(now, account.id, &credentials.totp, &visit.asked.headers);
            let to = form.text("case").parse::<Codename>().map_or_else(|_| "/".to_owned(), |codename| format!("/case/{codename}"));
            let cookies = vec![
                format!("{}={token}; Path=/; Secure; HttpOnly; SameSite=Strict", session::COOKIE),
                review.device_cookie(now, account.id, &credentials.totp, device)?,
            ];
            Ok(Answer::SeeWith { to, cookies })
        }
        (known, ..) => {
            // For the journal alone: whoever has her password and not her phone is another matter than whoever has neither.
            let why = if fits { "second factor" } else { "wrong" };
            refuse(review, visit, account(known.as_ref()), why)
        }
    }
}

fn account(known: Option<&(Account, Credentials)>) -> Option<&Account> {
    known.map(|(account, _)| account)
}

/// The same words whatever was wrong.
fn refuse(review: &Review, visit: &Visit, account: Option<&Account>, why: &'static str) -> Result<Answer, Refusal> {
    let name = visit.asked.form.text("name");
    review.refused(Review::now(), account, why);
    page(&SignIn { school: &review.config.school.name, case: visit.asked.form.text("case"), told: REFUSED, name })
}

pub fn sign_out(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    review.desk().note(Review::now(), &visit.visitor()?.account.actor(), &Event::SignedOut)?;
    if let Some(token) = cookie(&visit.asked.headers, session::COOKIE) {
        review.sessions.end(token);
    }
    let gone = format!("{}=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Strict", session::COOKIE);
    Ok(Answer::SeeWith { to: "/sign-in".to_owned(), cookies: vec![gone] })
}

impl Review {
    /// Whose misses a try counts among.
    fn caller(&self, now: Timestamp, known: Option<&(Account, Credentials)>, signed: Option<&Signed>, visit: &Visit) -> Caller {
        if let Some(signed) = signed {
            return Caller::Passkey(signed.credential.clone());
        }
        let device = known.and_then(|(account, credentials)| self.device(now, account.id, &credentials.totp, &visit.asked.headers));
        device.map_or_else(|| Caller::Stranger(visit.asked.from.into()), Caller::Device)
    }
}
