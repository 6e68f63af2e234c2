//! Every page of the desk and who may ask for it, in one table: the router is built from it, and the test of authorisation
//! walks it.

use axum::http::Method;

use super::answer::{Answer, Refusal};
use super::guard::Visit;
use super::{
    Review, admit, case_page, decide, destroy, evidence, health, invitation, journal_page, keys, lists, openings, passkeys, queue, sealed,
    sign_in, trends, undo,
};
use crate::desk::Role;

/// Who may ask for a page.
#[derive(Clone, Copy, Debug)]
pub enum Who {
    /// Whoever reaches the desk: what is shown says nothing of any case.
    Anyone,
    /// Somebody who is signed in, with one of these roles.
    Roles(&'static [Role]),
}

pub type Handler = fn(&Review, &Visit) -> Result<Answer, Refusal>;

pub struct Route {
    pub method: Method,
    /// As `matchit` writes it.
    pub path: &'static str,
    pub who: Who,
    pub run: Handler,
    /// The most octets that its form may have.
    pub longest: usize,
}

/// Of the form of most pages.
pub const LONGEST: usize = 64 << 10;
/// Of a form that holds something for every sealed copy of a case.
const LONGEST_OF_COPIES: usize = 1 << 20;

/// Those who deal with cases; which ones each of them sees is for [`super::sight`].
const CASES: &[Role] = &[Role::Chair, Role::DataProtection, Role::Deputy, Role::Dsl, Role::Head, Role::Pastoral];
const DECIDE: &[Role] = &[Role::Chair, Role::Deputy, Role::Dsl, Role::Head, Role::Pastoral];
/// Those with a key of their own.
const OPEN: &[Role] = &[Role::Chair, Role::Deputy, Role::Dsl, Role::Head];
const EVERYBODY: &[Role] = &Role::ALL;
const JOURNAL: &[Role] = &[Role::Chair, Role::DataProtection, Role::Head];
const HEALTH: &[Role] = &[Role::Dsl, Role::Head, Role::Technician];

pub const ROUTES: &[Route] = &[
    get("/", Who::Roles(EVERYBODY), sign_in::home),
    get("/assets/{name}", Who::Anyone, sign_in::asset),
    get("/case/{codename}", Who::Roles(CASES), case_page::show),
    post("/case/{codename}", Who::Roles(DECIDE), decide::decide),
    post("/case/{codename}/destroy", Who::Roles(OPEN), destroy::destroy),
    post_of_copies("/case/{codename}/evidence", Who::Roles(OPEN), evidence::package),
    post("/case/{codename}/evidence/keys", Who::Roles(OPEN), evidence::keys),
    post("/case/{codename}/headers", Who::Roles(OPEN), sealed::headers),
    post_of_copies("/case/{codename}/release", Who::Roles(OPEN), sealed::release),
    post("/case/{codename}/sheet", Who::Roles(OPEN), sealed::sheet),
    get("/health", Who::Roles(HEALTH), health::show),
    get("/invitation/{link}", Who::Anyone, invitation::show),
    post("/invitation/{link}", Who::Anyone, invitation::accept),
    post("/invitation/{link}/open", Who::Anyone, invitation::open),
    get("/journal", Who::Roles(JOURNAL), journal_page::show),
    get("/keys", Who::Roles(OPEN), keys::show),
    post("/keys", Who::Roles(OPEN), keys::keep),
    post("/keys/admit", Who::Roles(OPEN), admit::admit),
    post("/keys/confirm", Who::Roles(OPEN), keys::confirm),
    get("/openings", Who::Roles(JOURNAL), openings::show),
    get("/passkeys", Who::Roles(EVERYBODY), passkeys::show),
    post("/passkeys", Who::Roles(EVERYBODY), passkeys::add),
    post("/passkeys/challenge", Who::Anyone, passkeys::challenge),
    post("/passkeys/drop", Who::Roles(EVERYBODY), passkeys::drop),
    get("/queue", Who::Roles(CASES), queue::show),
    post("/queue/acknowledge", Who::Roles(DECIDE), lists::acknowledge),
    post("/queue/lists", Who::Roles(CASES), lists::keep),
    post("/queue/lists/drop", Who::Roles(CASES), lists::drop),
    get("/rule/{rule}/{version}", Who::Roles(OPEN), undo::show),
    post("/rule/{rule}/{version}/headers", Who::Roles(OPEN), undo::headers),
    post_of_copies("/rule/{rule}/{version}/release", Who::Roles(OPEN), undo::release),
    get("/sign-in", Who::Anyone, sign_in::show),
    post("/sign-in", Who::Anyone, sign_in::sign_in),
    post("/sign-out", Who::Roles(EVERYBODY), sign_in::sign_out),
    get("/trends", Who::Roles(CASES), trends::show),
];

/// What answers where there is no page.
pub const NOWHERE: &Route = &get("/{*path}", Who::Roles(EVERYBODY), |_, _| Err(Refusal::NotFound));

const fn get(path: &'static str, who: Who, run: Handler) -> Route {
    Route { method: Method::GET, path, who, run, longest: LONGEST }
}

const fn post(path: &'static str, who: Who, run: Handler) -> Route {
    Route { method: Method::POST, path, who, run, longest: LONGEST }
}

const fn post_of_copies(path: &'static str, who: Who, run: Handler) -> Route {
    Route { method: Method::POST, path, who, run, longest: LONGEST_OF_COPIES }
}

impl Route {
    /// Whether a form of so many octets is longer than that of any other page may be.
    pub fn is_long(&self, octets: usize) -> bool {
        self.longest > LONGEST && octets > LONGEST
    }
}

impl Who {
    pub fn includes(self, role: Role) -> bool {
        match self {
            Self::Anyone => true,
            Self::Roles(roles) => roles.contains(&role),
        }
    }
}
