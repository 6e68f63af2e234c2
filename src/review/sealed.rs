//! What is sealed, handed out as it lies in the vault: only the browser of somebody with a key makes anything of it.
//!
//! Each depth is written down before an octet leaves, and no object leaves but those of that depth. What is withheld has no depth at
//! all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Serialize;

use super::answer::{Answer, Refusal};
use super::guard::Visit;
use super::{Review, sight};
use crate::case::PlaceState;
use crate::casebook::{CaseFacts, SealedObject};
use crate::desk::{Account, Deed, Done, ReleasedKey};
use crate::finding::{Action, Audience};
use crate::journal::Event;
use crate::vault::{ObjectId, VaultError};

/// In characters: why somebody reads a whole message.
const SHORTEST_REASON: usize = 30;
const LONGEST_REASON: usize = 1_000;

/// What is sealed of a case at a depth, and the rings whose key opens it. All of it base64.
#[derive(Serialize)]
struct Opening {
    rings: Vec<String>,
    sheet: String,
    /// The whole text, where that was asked for. Of a case from before it was sealed by itself, it is in the sheet.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// The headers of sealed messages: the key of each is in it, for whoever opens the ring.
#[derive(Serialize)]
struct Headers {
    rings: Vec<String>,
    objects: Vec<Header>,
}

#[derive(Serialize)]
struct Header {
    object: String,
    header: String,
}

pub fn sheet(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let account = &visit.visitor()?.account;
    let (facts, audience) = hers_to_open(review, account, visit.name("codename"))?;
    let (depth, reason) = (visit.asked.form.text("depth"), visit.asked.form.text("reason"));
    match (depth, reason.chars().count()) {
        ("full", SHORTEST_REASON..=LONGEST_REASON) | ("excerpt", 0..=LONGEST_REASON) => {}
        ("full", ..SHORTEST_REASON) => {
            return Err(Refusal::unfit(
                "Please say in 30 characters or more why you need to read the whole text. It stands in the journal.",
            ));
        }
        ("excerpt" | "full", _) => return Err(Refusal::unfit("Please keep the reason below 1,000 characters.")),
        _ => return Err(Refusal::Malformed),
    }
    let Some(sheet) = facts.sheet else { return Err(Refusal::unfit("There is nothing to open: this is a case of facts alone.")) };
    let text = facts.text.filter(|_| depth == "full");
    let handed = served(&facts, SealedObject::names([Some(sheet), text]), depth, reason);
    review.desk().note(Review::now(), &account.actor(), &handed)?;
    let sheet = ciphertext(review, &sheet)?;
    let text = text.map(|text| ciphertext(review, &text)).transpose().map_err(without_text)?;
    json(&Opening { rings: rings(review, account, audience)?, sheet, text })
}

/// An object that is as it was recorded: another file could have been sealed by anybody who has the public key. Base64.
fn ciphertext(review: &Review, sealed: &SealedObject) -> Result<String, VaultError> {
    let _ = review.vault.confirm(&sealed.object, &sealed.ciphertext_sha256)?;
    Ok(BASE64.encode(review.vault.ciphertext(&sealed.object)?))
}

/// The sheet is as it was sealed; then she need not do without that.
fn without_text(error: VaultError) -> Refusal {
    match Refusal::from(error) {
        Refusal::Shown(status, _) => {
            let told = "The whole text is not as it was sealed, and nothing was handed out. “Show what matched” still opens. Nothing was lost by \
                        trying: please ask the technician to restore the vault from the backup.";
            Refusal::Shown(status, told.to_owned())
        }
        other => other,
    }
}

pub fn headers(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let account = &visit.visitor()?.account;
    let (facts, audience) = hers_to_open(review, account, visit.name("codename"))?;
    handed(review, account, &facts, audience, &held(&facts)?, "release", "")
}

/// Hands out the headers of sealed messages of one case, all of which are written down first.
pub fn handed(
    review: &Review,
    account: &Account,
    facts: &CaseFacts,
    audience: Audience,
    objects: &[ObjectId],
    depth: &str,
    reason: &str,
) -> Result<Answer, Refusal> {
    let events = objects.iter().map(|object| served(facts, object.to_string(), depth, reason));
    handed_all(review, account, audience, objects, &events.collect::<Vec<_>>())
}

/// Hands out the headers of what is held of several cases, to be released at once, all of which are written down first.
pub fn handed_for_release(review: &Review, account: &Account, audience: Audience, cases: &[CaseFacts]) -> Result<Answer, Refusal> {
    let (mut objects, mut events) = (Vec::new(), Vec::new());
    for facts in cases {
        let held = held(facts)?;
        events.extend(held.iter().map(|object| served(facts, object.to_string(), "release", "")));
        objects.extend(held);
    }
    handed_all(review, account, audience, &objects, &events)
}

fn handed_all(review: &Review, account: &Account, audience: Audience, objects: &[ObjectId], events: &[Event]) -> Result<Answer, Refusal> {
    review.desk().note_all(Review::now(), &account.actor(), events)?;
    let mut found = Vec::new();
    for object in objects {
        found.push(Header { object: object.to_string(), header: BASE64.encode(review.vault.header(object)?) });
    }
    json(&Headers { rings: rings(review, account, audience)?, objects: found })
}

/// Takes the keys of the held messages of one case, and no more than these, after a fresh second factor: the service puts them back.
pub fn release(review: &Review, visit: &Visit) -> Result<Answer, Refusal> {
    let account = &visit.visitor()?.account;
    let (facts, _) = hers_to_open(review, account, visit.name("codename"))?;
    let objects = held(&facts)?;
    let words = visit.asked.form.text("words");
    super::decide::check_words(Deed::Release, words)?;
    let keys = keys(visit)?;
    if keys.iter().any(|released| !objects.contains(&released.object)) {
        return Err(Refusal::Malformed);
    }
    let keys = keys_of(&objects, &keys).ok_or(Refusal::Malformed)?;
    review.step_up(visit)?;
    released(review, account, &facts, words, &keys)?;
    Ok(Answer::Json("{}".to_owned()))
}

/// Writes down that the held messages of a case go back.
pub fn released(review: &Review, account: &Account, facts: &CaseFacts, words: &str, keys: &[ReleasedKey]) -> Result<(), Refusal> {
    let done = Done { case: facts.row.id, codename: &facts.row.codename, deed: Deed::Release, words, to: None, until: None, keys };
    Ok(review.desk().done(Review::now(), account, &done)?)
}

/// A case whose sheet is sealed to her own audience. Of what is withheld she knows that it is there: it has no depths.
pub fn hers_to_open(review: &Review, account: &Account, codename: &str) -> Result<(CaseFacts, Audience), Refusal> {
    let facts = review.case_for(account, codename)?;
    let audience = sight::opens_sheet(account, &facts.row).ok_or(Refusal::NotFound)?;
    if facts.row.action == Action::Withhold {
        return Err(Refusal::unfit("It is withheld: nobody at the school opens it. Please follow the advice on the page."));
    }
    if review.on_its_way(&facts)? == Some(Deed::Destroy) {
        return Err(Refusal::unfit("What was sealed is destroyed, as was decided. The facts on the page are all that is left."));
    }
    Ok((facts, audience))
}

/// The messages of a held case that are out of their mailboxes, each once.
pub fn held(facts: &CaseFacts) -> Result<Vec<ObjectId>, Refusal> {
    let out = facts.places.iter().filter(|copy| copy.state == PlaceState::Removed);
    let mut objects: Vec<_> = out.filter_map(|copy| copy.object.map(|sealed| sealed.object)).collect();
    objects.sort_unstable();
    objects.dedup();
    if facts.row.action == Action::Hold && !objects.is_empty() {
        Ok(objects)
    } else {
        Err(Refusal::unfit("No copy of it is held now: there is nothing to put back."))
    }
}

/// The keys that a form brings.
pub fn keys(visit: &Visit) -> Result<Vec<ReleasedKey>, Refusal> {
    visit.asked.form.all("key").map(key).collect::<Option<_>>().ok_or(Refusal::Malformed)
}

/// Of these objects the key of each; none where one is missing.
pub fn keys_of(objects: &[ObjectId], keys: &[ReleasedKey]) -> Option<Vec<ReleasedKey>> {
    objects.iter().map(|object| keys.iter().find(|released| released.object == *object).copied()).collect()
}

/// `object:key`, both in hex.
fn key(text: &str) -> Option<ReleasedKey> {
    let (object, octets) = text.split_once(':')?;
    let mut key = [0; 16];
    hex::decode_to_slice(octets, &mut key).ok()?;
    Some(ReleasedKey { object: object.parse().ok()?, key })
}

/// That of the audience, and the one that was sealed to her alone. Base64.
pub fn rings(review: &Review, account: &Account, audience: Audience) -> Result<Vec<String>, Refusal> {
    let ring = review.vault.ring();
    let recipient = account.keys.as_ref().and_then(|keys| keys.recipient.parse().ok());
    let own = recipient.map(|recipient| ring.ciphertext_of(audience, &recipient)).transpose()?.flatten();
    Ok([ring.ciphertext(audience)?].into_iter().chain(own).map(|ring| BASE64.encode(ring)).collect())
}

fn served(facts: &CaseFacts, object: String, depth: &str, reason: &str) -> Event {
    Event::CiphertextServed {
        case: facts.row.id,
        codename: facts.row.codename.clone(),
        object,
        depth: depth.to_owned(),
        reason: reason.to_owned(),
    }
}

pub fn json(value: &impl Serialize) -> Result<Answer, Refusal> {
    serde_json::to_string(value).map(Answer::Json).map_err(|error| Refusal::World(error.to_string()))
}
