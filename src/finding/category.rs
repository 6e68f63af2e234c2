//! The fixed list of categories (D18): how urgent each is, what is done by default, and who hears of it first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How urgent a concern is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
pub enum Level {
    /// 1: counted only.
    Counted = 1,
    /// 2: looked at once a week.
    Weekly = 2,
    /// 3: reported the same school day in a digest, decided by the next.
    Day = 3,
    /// 4: the same school day, acknowledged within 2 hours.
    SameDay = 4,
    /// 5: acknowledged within 15 minutes of school time, 60 outside it, then the next contact.
    Now = 5,
}

impl Level {
    pub const ALL: [Self; 5] = [Self::Counted, Self::Weekly, Self::Day, Self::SameDay, Self::Now];

    #[must_use]
    pub fn raised(self) -> Self {
        Self::ALL[usize::from(u8::from(self)).min(4)]
    }
}

impl From<Level> for u8 {
    fn from(level: Level) -> Self {
        level as Self
    }
}

impl TryFrom<u8> for Level {
    type Error = String;

    fn try_from(value: u8) -> Result<Self, Self::Error> {
        Self::ALL.into_iter().find(|level| u8::from(*level) == value).ok_or_else(|| format!("level {value} is not 1 to 5"))
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        u8::from(*self).fmt(f)
    }
}

/// What is done with a message, from the mildest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// Delivered and never held; a case where the level asks for one.
    Pass,
    /// Delivered; a case is opened.
    Flag,
    /// Sealed and removed from every place.
    Hold,
    /// As `Hold`, and no page can ever show it: sealed to the evidence key.
    Withhold,
}

impl Action {
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Flag => "flag",
            Self::Hold => "hold",
            Self::Withhold => "withhold",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The actions of a category: what people say and what they send are different things.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actions {
    /// For words in a subject or a body.
    pub talk: Action,
    /// For attachments: pictures, files, names and text in them.
    pub material: Action,
    /// For anything, when the sender is outside the school; the stricter wins.
    pub from_outside: Action,
}

impl Actions {
    pub const fn all(action: Action) -> Self {
        Self { talk: action, material: action, from_outside: action }
    }
}

/// Who can open what was sealed: one age key each, wrapped to its members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    Chair,
    Dsl,
    /// Its key lives off the server: for what nobody at the school may look at (D3).
    Evidence,
    Head,
}

impl Audience {
    pub const ALL: [Self; 4] = [Self::Chair, Self::Dsl, Self::Evidence, Self::Head];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chair => "chair",
            Self::Dsl => "dsl",
            Self::Evidence => "evidence",
            Self::Head => "head",
        }
    }
}

impl FromStr for Audience {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|audience| audience.as_str() == text).ok_or(())
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who is told first. The contacts of each are listed, in order, in the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Recipient {
    Chair,
    DataProtection,
    Dsl,
    Head,
    Pastoral,
    /// Facts only.
    Technician,
}

impl Recipient {
    pub const ALL: [Self; 6] = [Self::Chair, Self::DataProtection, Self::Dsl, Self::Head, Self::Pastoral, Self::Technician];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chair => "chair",
            Self::DataProtection => "data-protection",
            Self::Dsl => "dsl",
            Self::Head => "head",
            Self::Pastoral => "pastoral",
            Self::Technician => "technician",
        }
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The four areas of online risk (KCSIE).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FourC {
    Commerce,
    Conduct,
    Contact,
    Content,
    /// About the program itself, not about people.
    None,
}

struct Row {
    code: &'static str,
    /// In words, for people.
    title: &'static str,
    four_c: FourC,
    level: Level,
    actions: Actions,
    /// Marked `!`: the school cannot loosen it.
    fixed: bool,
    audiences: &'static [Audience],
    recipients: &'static [Recipient],
}

macro_rules! categories {
    ($($variant:ident = $code:literal, $title:literal, $four_c:ident, $level:ident, $actions:expr, $fixed:literal,
       [$($audience:ident),*], [$($recipient:ident),*];)*) => {
        /// A kind of concern. The order is the order of CATEGORIES in the documentation.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "&'static str", try_from = "String")]
        pub enum Category { $($variant),* }

        impl Category {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            const fn row(self) -> &'static Row {
                match self {
                    $(Self::$variant => const { &Row {
                        code: $code, title: $title, four_c: FourC::$four_c, level: Level::$level, actions: $actions, fixed: $fixed,
                        audiences: &[$(Audience::$audience),*], recipients: &[$(Recipient::$recipient),*],
                    } }),*
                }
            }
        }
    };
}

const PASS: Actions = Actions::all(Action::Pass);
const FLAG: Actions = Actions::all(Action::Flag);
const WITHHOLD: Actions = Actions::all(Action::Withhold);
const HOLD_FROM_OUTSIDE: Actions = Actions { talk: Action::Flag, material: Action::Flag, from_outside: Action::Hold };
const HOLD_MATERIAL: Actions = Actions { talk: Action::Flag, material: Action::Hold, from_outside: Action::Flag };
const HOLD_MATERIAL_PASS_TALK: Actions = Actions { talk: Action::Pass, material: Action::Hold, from_outside: Action::Pass };

categories! {
    KnownImage = "known-image", "picture on a list of known indecent images", Content, Now, WITHHOLD, true, [Dsl, Head], [Dsl, Head];
    SuspectedNude = "suspected-nude", "suspected nude or semi-nude picture", Conduct, Now, WITHHOLD, true, [Dsl], [Dsl];
    Sextortion = "sextortion", "threat to share intimate pictures", Contact, Now, FLAG, false, [Dsl], [Dsl];
    Grooming = "grooming", "grooming or exploitation", Contact, Now, HOLD_FROM_OUTSIDE, false, [Dsl], [Dsl];
    Suicide = "suicide", "intent or plan of suicide", Content, Now, PASS, true, [Dsl], [Dsl];
    Disclosure = "disclosure", "a child tells of abuse or neglect", Contact, Now, PASS, true, [Dsl], [Dsl];
    Threat = "threat", "threat to life, weapon or attack", Conduct, Now, FLAG, false, [Dsl, Head], [Dsl, Head];
    StaffConcern = "staff-concern", "concern about a member of staff", Contact, Now, FLAG, true, [Head], [Head];
    HeadConcern = "head-concern", "concern about the headteacher", Contact, Now, FLAG, true, [Chair], [Chair];
    SelfHarm = "self-harm", "self-harm or eating disorder", Content, SameDay, PASS, true, [Dsl], [Dsl];
    Radicalisation = "radicalisation", "terrorist or extremist material, or talk of it", Content, SameDay, HOLD_MATERIAL_PASS_TALK, false, [Dsl], [Dsl];
    SexualHarassment = "sexual-harassment", "sexual harassment between children", Conduct, SameDay, FLAG, false, [Dsl], [Dsl];
    Exploitation = "exploitation", "county lines, gangs, supply of drugs, money mules", Contact, SameDay, FLAG, false, [Dsl], [Dsl];
    SexualContent = "sexual-content", "sexual content", Content, Day, HOLD_MATERIAL, false, [Dsl], [Dsl];
    Bullying = "bullying", "bullying or harassment", Conduct, Day, FLAG, false, [Dsl], [Pastoral, Dsl];
    Hate = "hate", "hate against a group of people", Content, Day, FLAG, false, [Dsl], [Pastoral, Dsl];
    Drugs = "drugs", "use of drugs, alcohol or vapes", Conduct, Day, FLAG, false, [Dsl], [Pastoral];
    Violence = "violence", "graphic violence", Content, Day, HOLD_MATERIAL, false, [Dsl], [Dsl];
    PrivateContact = "private-contact", "private contact between staff and pupil", Contact, Day, FLAG, false, [Dsl], [Dsl];
    PersonalData = "personal-data", "personal data sent unprotected", Conduct, Weekly, PASS, false, [Dsl], [DataProtection];
    Scam = "scam", "scam, phishing, malware or gambling", Commerce, Weekly, HOLD_FROM_OUTSIDE, false, [Dsl], [Technician];
    ChainMail = "chain-mail", "chain message or hoax", Content, Counted, PASS, false, [Dsl], [];
    Profanity = "profanity", "strong language alone", Conduct, Counted, PASS, false, [Dsl], [];
    Evasion = "evasion", "a message made to avoid being read", Conduct, Weekly, FLAG, false, [Dsl], [Technician];
    Incomplete = "incomplete", "not fully scanned", None, Weekly, PASS, false, [Dsl], [Technician];
    System = "system", "mailbox out of reach, notice undelivered or self-test failed", None, SameDay, PASS, false, [Dsl], [Technician, Dsl];
}

impl Category {
    pub fn code(self) -> &'static str {
        self.row().code
    }

    pub fn title(self) -> &'static str {
        self.row().title
    }

    pub fn four_c(self) -> FourC {
        self.row().four_c
    }

    pub fn level(self) -> Level {
        self.row().level
    }

    pub fn actions(self) -> Actions {
        self.row().actions
    }

    /// Whether the school's configuration may loosen the default action.
    pub fn fixed(self) -> bool {
        self.row().fixed
    }

    /// To whom a case of this category is sealed; the message of a withheld one goes to `Evidence` instead.
    pub fn audiences(self) -> &'static [Audience] {
        self.row().audiences
    }

    pub fn recipients(self) -> &'static [Recipient] {
        self.row().recipients
    }

    /// A child asks for help: delivered, never held or delayed (D17).
    pub fn cry_for_help(self) -> bool {
        matches!(self, Self::Suicide | Self::Disclosure | Self::SelfHarm)
    }
}

impl From<Category> for &'static str {
    fn from(category: Category) -> Self {
        category.code()
    }
}

impl TryFrom<String> for Category {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse().map_err(|()| format!("`{text}` is not a category"))
    }
}

impl FromStr for Category {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.iter().copied().find(|category| category.code() == text).ok_or(())
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_category_is_found_by_its_code() {
        assert_eq!(Category::ALL.len(), 26);
        for category in Category::ALL {
            assert_eq!(category.code().parse(), Ok(*category));
        }
    }

    #[test]
    fn no_cry_for_help_is_ever_held_by_default() {
        let held: Vec<_> = Category::ALL.iter().filter(|c| c.cry_for_help() && c.actions() != PASS).collect();
        assert!(held.is_empty(), "{held:?}");
    }

    #[test]
    fn a_level_rises_by_one_and_stops_at_five() {
        assert_eq!(Level::Counted.raised(), Level::Weekly);
        assert_eq!(Level::Now.raised(), Level::Now);
    }
}
