//! What stands before every page: the name it was asked by, where a form came from, who is signed in, and with which role.

use std::collections::HashMap;
use std::net::IpAddr;

use axum::http::header::{COOKIE, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode};

use super::answer::{Answer, Refusal};
use super::form::Form;
use super::routes::{NOWHERE, Route, Who};
use super::session::{self, Found, Session};
use super::words::visible;
use super::{Review, sight};
use crate::casebook::{Involvement, ReadOnly};
use crate::desk::{Account, AccountId};
use crate::journal::Event;

/// A request, taken apart.
pub struct Asked {
    pub method: Method,
    pub path: String,
    /// What stood in the places of the route's names.
    pub names: HashMap<String, String>,
    pub query: Form,
    pub headers: HeaderMap,
    pub form: Form,
    pub from: IpAddr,
}

/// A request of whom and what is known.
pub struct Visit {
    pub asked: Asked,
    pub who: Option<Visitor>,
}

/// Somebody who is signed in.
pub struct Visitor {
    pub account: Account,
    pub form_token: String,
    /// As [`Session`] has it.
    pub seal: String,
}

impl Review {
    /// Lets a request through to its page, or refuses it; what is not taken is written down.
    ///
    /// # Errors
    /// The refusal of the guard, or that of the page.
    pub fn answer(&self, route: &Route, asked: Asked) -> Result<Answer, Refusal> {
        let holder = self.holder(&asked.headers);
        let answered = self.weigh(route, asked);
        let why = match &answered {
            Err(Refusal::Foreign) => "not from a page of the desk",
            Err(Refusal::Malformed) => "malformed",
            Err(Refusal::TooOften) => "too-often",
            Err(Refusal::SignIn { .. }) if route.path == NOWHERE.path => "no such page",
            _ => return answered,
        };
        self.not_taken(holder, route.path, why)?;
        answered
    }

    /// Writes down what was not taken, by its page and the reason alone. A flood of it is a line a minute.
    ///
    /// # Errors
    /// When the desk's file is out of reach.
    pub fn not_taken(&self, of: Option<AccountId>, page: &'static str, why: &'static str) -> Result<(), Refusal> {
        let account = of.map(|holder| self.desk().account(holder)).transpose()?.flatten();
        self.turned_away(Self::now(), account.as_ref(), page, why);
        Ok(())
    }

    fn weigh(&self, route: &Route, asked: Asked) -> Result<Answer, Refusal> {
        self.check_name(&asked.headers)?;
        if asked.method == Method::POST {
            self.check_origin(&asked.headers)?;
        }
        let who = match self.visitor(&asked) {
            // A stranger has them too, and without them the page that says so is bare.
            Err(Refusal::TooOften) if matches!(route.who, Who::Anyone) => None,
            found => found?,
        };
        match (&who, route.who) {
            (None, Who::Roles(_)) => return Err(Refusal::SignIn { to: way_back(&asked) }),
            (Some(visitor), Who::Roles(_)) => {
                // A page of another site can send a form, but cannot read the token of a page here.
                if asked.method == Method::POST && asked.form.text("form") != visitor.form_token {
                    return Err(Refusal::Foreign);
                }
                if !route.who.includes(visitor.account.role) {
                    return Err(self.not_found(visitor, route));
                }
            }
            (_, Who::Anyone) => {}
        }
        let visit = Visit { asked, who };
        match (route.run)(self, &visit) {
            Err(Refusal::NotFound) => match &visit.who {
                Some(visitor) => Err(self.not_found(visitor, route)),
                None => Err(Refusal::NotFound),
            },
            answered => answered,
        }
    }

    /// Writes down that somebody is shown a page of no case, before it is shown.
    ///
    /// # Errors
    /// When the desk refuses: then it is not shown.
    pub fn viewed(&self, visitor: &Visitor, page: &str) -> Result<(), Refusal> {
        Ok(self.desk().note(Self::now(), &visitor.account.actor(), &Event::PageViewed { page: page.to_owned() })?)
    }

    /// Written down, by the route alone: what was asked for may be the name of a case that is not hers to know.
    fn not_found(&self, visitor: &Visitor, route: &Route) -> Refusal {
        let event = Event::NotFound { page: route.path.to_owned() };
        match self.desk().note(Self::now(), &visitor.account.actor(), &event) {
            Ok(()) => Refusal::NotFound,
            Err(error) => error.into(),
        }
    }

    /// By another name somebody else's page could speak to this desk in the name of whoever looks at it.
    fn check_name(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let asked = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let host =
            asked.rsplit_once(':').filter(|(_, port)| port.bytes().all(|octet| octet.is_ascii_digit())).map_or(asked, |(host, _)| host);
        if host.eq_ignore_ascii_case(&self.settings.host) {
            Ok(())
        } else {
            let told = format!("This desk is at {}. Please type that address.", self.settings.origin());
            Err(Refusal::Shown(StatusCode::MISDIRECTED_REQUEST, told))
        }
    }

    /// A form is taken from the pages of this desk alone. Every browser says where it comes from.
    fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let told = |name: &str| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let ours = told(ORIGIN.as_str()) == Some(&self.settings.origin());
        if ours && told("sec-fetch-site").is_none_or(|site| site == "same-origin") { Ok(()) } else { Err(Refusal::Foreign) }
    }

    /// Whether it comes from somebody's session, before anything else of it is looked at. What she may ask for is looked at later.
    pub fn is_signed_in(&self, headers: &HeaderMap) -> bool {
        self.holder(headers).is_some()
    }

    /// Whose session it comes from.
    pub fn holder(&self, headers: &HeaderMap) -> Option<AccountId> {
        cookie(headers, session::COOKIE).and_then(|token| self.sessions.holder(Self::now(), token))
    }

    fn visitor(&self, asked: &Asked) -> Result<Option<Visitor>, Refusal> {
        let Some(token) = cookie(&asked.headers, session::COOKIE) else { return Ok(None) };
        let Session { account, form_token, seal, .. } = match self.sessions.find(Self::now(), token) {
            Found::Here(session) => session,
            Found::None => return Ok(None),
            Found::TooOften => return Err(Refusal::TooOften),
        };
        // Asked for anew each time: a closed account ends with its next step.
        Ok(self.desk().account(account)?.filter(|account| account.active).map(|account| Visitor { account, form_token, seal }))
    }

    /// What somebody is a party to; until the service has said so, she sees nothing.
    ///
    /// # Errors
    /// When the casebook refuses.
    pub fn involvement(&self, book: &ReadOnly, account: &Account) -> Result<Involvement, Refusal> {
        let told = "Your account is being prepared: the mailwarden service has yet to learn of it. Please try again in a minute. If this \
                    page stays, please tell the technician that the service does not run.";
        sight::involvement(book, account, &self.config)?.ok_or_else(|| Refusal::Shown(StatusCode::SERVICE_UNAVAILABLE, told.to_owned()))
    }
}

impl Visitor {
    /// As she is shown to herself.
    pub fn name(&self) -> String {
        visible(&self.account.name)
    }
}

impl Visit {
    /// The account that the route has made sure of.
    ///
    /// # Errors
    /// `SignIn` on a route for anyone.
    pub fn visitor(&self) -> Result<&Visitor, Refusal> {
        self.who.as_ref().ok_or_else(|| Refusal::SignIn { to: "/sign-in".to_owned() })
    }

    pub fn name(&self, name: &str) -> &str {
        self.asked.names.get(name).map_or("", String::as_str)
    }
}

pub fn cookie<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let all = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|line| line.split(';'));
    all.filter_map(|pair| pair.trim().split_once('=')).find(|(known, _)| *known == name).map(|(_, value)| value)
}

/// The page of a case is worth coming back to; it is what notices link to.
fn way_back(asked: &Asked) -> String {
    match asked.path.strip_prefix("/case/").and_then(|codename| codename.parse::<crate::case::Codename>().ok()) {
        Some(codename) if asked.method == Method::GET => format!("/sign-in?case={codename}"),
        _ => "/sign-in".to_owned(),
    }
}
