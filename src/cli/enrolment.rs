//! `dsl:Robin Finch=age1…`: who is enrolled, and into which audience.

use std::str::FromStr;

use crate::finding::Audience;
use crate::vault::Member;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Enrolment {
    pub audience: Audience,
    pub member: Member,
}

impl FromStr for Enrolment {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (audience, member) = text.split_once(':').ok_or_else(|| format!("`{text}` is not `AUDIENCE:NAME=age1…`"))?;
        let audience = audience.parse().map_err(|()| {
            let known = Audience::ALL.map(|audience| format!("`{audience}`")).join(", ");
            format!("`{audience}` is not an audience; it is one of {known}")
        })?;
        Ok(Self { audience, member: member.parse()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::MemberIdentity;

    #[test]
    fn an_enrolment_names_the_audience_the_person_and_her_key() {
        let key = MemberIdentity::generate().recipient();
        let enrolment: Enrolment = format!("dsl:Robin Finch={key}").parse().unwrap();
        assert_eq!((enrolment.audience, enrolment.member.name.as_str()), (Audience::Dsl, "Robin Finch"));
        assert!(enrolment.member.recipient == key);
    }

    #[test]
    fn an_audience_that_is_misspelt_is_answered_with_all() {
        let told = "dls:Robin=age1".parse::<Enrolment>().unwrap_err();
        assert_eq!(told, "`dls` is not an audience; it is one of `chair`, `dsl`, `evidence`, `head`");
        assert_eq!("Robin=age1".parse::<Enrolment>().unwrap_err(), "`Robin=age1` is not `AUDIENCE:NAME=age1…`");
    }
}
