//! Coming and going: invitation, sign-in with password and second factor, sign-out, and the few files that every page uses.

use askama::Template;
use axum::http::StatusCode;
use jiff::Timestamp;
use qrcode::QrCode;
use qrcode::render::svg;

use super::answer::{Answer, Refusal, page};
use super::attempts::Caller;
use super::challenges::random;
use super::factor::shows_passkey;
use super::guard::{Visit, cookie};
use super::{Review, password, session, sight, totp};
use crate::case::Codename;
use crate::desk::{Account, Credentials, Invited, Role};
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

#[derive(Template)]
#[template(path = "invitation.html")]
struct InvitationPage<'a> {
    school: &'a str,
    name: &'a str,
    role: &'a str,
    link: &'a str,
    secret: String,
    picture: String,
    told: &'a str,
    shortest: usize,
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
    let caller = review.caller(now, known.as_ref(), visit)?;
    if !review.attempts.begin(now, name, &caller) {
        return refuse(review, visit, account(known.as_ref()), "too-often");
    }
    let fits = {
        let _one = review.hashing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        password::fits(form.secret("password"), known.as_ref().map(|(_, credentials)| credentials.password.as_str()))
    };
    let factor = match &known {
        // A passkey is not asked of whoever does not know the password.
        Some((account, credentials)) if fits && (shows_passkey(form) || review.attempts.may_show_code(now, name, &caller)) => {
            review.factor(now, account, credentials, form)?
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
            let device = match review.device(now, account.id, &credentials.totp, &visit.asked.headers) {
                Some(device) => device,
                None => random().map_err(|error| Refusal::World(error.to_string()))?,
            };
            let to = form.text("case").parse::<Codename>().map_or_else(|_| "/".to_owned(), |codename| format!("/case/{codename}"));
            let cookies = vec![
                format!("{}={token}; Path=/; Secure; HttpOnly; SameSite=Strict", session::COOKIE),
                review.device_cookie(now, account.id, &credentials.totp, device),
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

pub fn invitation(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let invited = invited(review, visit)?;
    invitation_page(review, visit, &invited, "")
}

/// Takes the password and a code that proves that the second factor is in her hands.
pub fn accept(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let invited = invited(review, visit)?;
    let (form, now) = (&visit.asked.form, Review::now());
    let chosen = form.secret("password");
    if let Some(told) = password::weakness(chosen, &invited.account.name) {
        return invitation_page(review, visit, &invited, &told);
    }
    if chosen != form.secret("again") {
        return invitation_page(review, visit, &invited, "The two passwords are not the same. Please type the same one twice.");
    }
    let Some(step) = totp::step_of(&invited.totp, form.text("code"), seconds(now)) else {
        let told = "That code is not the one of now. Please scan the picture with your app, and type the six digits that it shows. If they \
                    never fit, the clock of your phone is wrong.";
        return invitation_page(review, visit, &invited, told);
    };
    let hash = {
        let _one = review.hashing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        password::hash(chosen).map_err(Refusal::World)?
    };
    // Since the invitation was made the account lets nobody in. What was signed in before, on a lost phone or by whoever has its
    // password, must not come back with it.
    review.sessions.end_all(invited.account.id);
    // A step earlier: the code that she has just shown may be the one that she signs in with.
    if review.desk().accept(now, visit.name("link"), &hash, step.saturating_sub(1))? {
        // She may sign in from here whatever strangers do meanwhile.
        let device = random().map_err(|error| Refusal::World(error.to_string()))?;
        let cookies = vec![review.device_cookie(now, invited.account.id, &invited.totp, device)];
        Ok(Answer::SeeWith { to: "/sign-in".to_owned(), cookies })
    } else {
        Err(expired())
    }
}

fn invited(review: &Review, visit: &Visit) -> Result<Invited, Refusal> {
    review.desk().invited(Review::now(), visit.name("link"))?.ok_or_else(expired)
}

fn expired() -> Refusal {
    let told = "This invitation was used already, or is older than three days. Please ask the technician for a new one; nothing is lost.";
    Refusal::Shown(StatusCode::NOT_FOUND, told.to_owned())
}

fn invitation_page(review: &Review, visit: &Visit, invited: &Invited, told: &str) -> Result<Answer, Refusal> {
    let (school, name) = (&review.config.school.name, &invited.account.name);
    let code = QrCode::new(totp::link(&invited.totp, school, name)).map_err(|error| Refusal::World(error.to_string()))?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(220, 220).quiet_zone(true).build();
    // Without the line that belongs at the head of a file.
    let picture = drawn.split_once("?>").map_or(drawn.as_str(), |(_, svg)| svg).to_owned();
    let (role, link, secret) = (invited.account.role.title(), visit.name("link"), totp::grouped(&invited.totp));
    page(&InvitationPage { school, name, role, link, secret, picture, told, shortest: password::SHORTEST })
}

impl Review {
    /// Whose misses a try counts among.
    fn caller(&self, now: Timestamp, known: Option<&(Account, Credentials)>, visit: &Visit) -> Result<Caller, Refusal> {
        // Looked for whether or not there is such an account: how long it takes says nothing of that.
        let signed = self.signed(now, &visit.asked.form)?;
        let stranger = Caller::Stranger(visit.asked.from.into());
        let Some((account, credentials)) = known else { return Ok(stranger) };
        if let Some(signed) = signed.filter(|signed| signed.account == account.id) {
            return Ok(Caller::Passkey(signed.credential));
        }
        Ok(self.device(now, account.id, &credentials.totp, &visit.asked.headers).map_or(stranger, Caller::Device))
    }
}

fn seconds(now: Timestamp) -> u64 {
    now.as_second().try_into().unwrap_or(0)
}
