//! An invitation: its link shows whom it is for, and its button a secret for her app, once; with a password she takes it up.
//!
//! What reads mail fetches the links in it, and so may whoever comes by one: that shows no secret. A secret is shown only to whoever asks with
//! the button, it stands in the journal, and it is another one each time. So it is part of the answer, and nothing that could be loaded again.

use askama::Template;
use axum::http::StatusCode;
use qrcode::QrCode;
use qrcode::render::svg;

use super::answer::{Answer, Refusal, page};
use super::guard::Visit;
use super::words::visible;
use super::{Review, password, totp};
use crate::desk::{Account, Credentials, Invited};

#[derive(Template)]
#[template(path = "invitation.html")]
struct Greeting<'a> {
    school: &'a str,
    name: &'a str,
    role: &'a str,
    link: &'a str,
}

#[derive(Template)]
#[template(path = "invitation_opened.html")]
struct Opened<'a> {
    name: &'a str,
    link: &'a str,
    /// Absent where her app has it already.
    secret: Option<Secret>,
    told: &'a str,
    shortest: usize,
}

struct Secret {
    picture: String,
    grouped: String,
}

pub fn show(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let Invited { account, .. } = invited(review, visit)?;
    let (school, role) = (&review.config.school.name, account.role.title());
    page(&Greeting { school, name: &visible(&account.name), role, link: visit.name("link") })
}

/// Shows a new secret; one that was shown before is worth nothing from now on.
pub fn open(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let invited = review.desk().open_invitation(Review::now(), visit.name("link"))?.ok_or_else(expired)?;
    let code = QrCode::new(totp::link(&invited.totp, &review.config.school.name, &invited.account.name))
        .map_err(|error| Refusal::World(error.to_string()))?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(220, 220).quiet_zone(true).build();
    // Without the line that belongs at the head of a file.
    let picture = drawn.split_once("?>").map_or(drawn.as_str(), |(_, svg)| svg).to_owned();
    opened(visit, &invited.account, Some(Secret { picture, grouped: totp::grouped(&invited.totp) }), "")
}

/// Takes the password and a code that proves that the second factor is in her hands. Whatever is wrong with either, her app keeps its secret.
pub fn accept(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let Invited { account, totp } = invited(review, visit)?;
    let (form, now) = (&visit.asked.form, Review::now());
    let chosen = form.secret("password");
    let again = |told: &str| opened(visit, &account, None, told);
    if let Some(told) = password::weakness(chosen, &account.name) {
        return again(&told);
    }
    if chosen != form.secret("again") {
        return again("The two passwords are not the same. Please type the same one twice.");
    }
    let Some(step) = totp::step_of(&totp, form.text("code"), now) else {
        return again(
            "That code is not the one of now. Please type the six digits that your app shows; of several entries the one that you scanned last. If they \
             never fit, the clock of your phone is wrong.",
        );
    };
    let hash = {
        let _one = review.hashing.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        password::hash(chosen).map_err(Refusal::World)?
    };
    // Since the invitation was made the account lets nobody in. What was signed in before, on a lost phone or by whoever has its
    // password, must not come back with it.
    review.sessions.end_all(account.id);
    // A step earlier: the code that she has just shown may be the one that she signs in with.
    let proved = Credentials { password: hash, totp, totp_step: step.saturating_sub(1) };
    if !review.desk().accept(now, visit.name("link"), &proved)? {
        // It is used, or a new picture was asked for meanwhile.
        invited(review, visit)?;
        return again("A new picture was asked for meanwhile, and the one in your app is worth nothing any more. Please show a new one.");
    }
    // She may sign in from here whatever strangers do meanwhile.
    let cookies = vec![review.device_cookie(now, account.id, &proved.totp, None)?];
    Ok(Answer::SeeWith { to: "/sign-in".to_owned(), cookies })
}

fn invited(review: &Review, visit: &Visit) -> Result<Invited, Refusal> {
    review.desk().invited(Review::now(), visit.name("link"))?.ok_or_else(expired)
}

fn expired() -> Refusal {
    let told = "This invitation was used already, or is older than three days. Please ask the technician for a new one; nothing is lost.";
    Refusal::Shown(StatusCode::NOT_FOUND, told.to_owned())
}

fn opened(visit: &Visit, account: &Account, secret: Option<Secret>, told: &str) -> Result<Answer, Refusal> {
    page(&Opened { name: &visible(&account.name), link: visit.name("link"), secret, told, shortest: password::SHORTEST })
}
