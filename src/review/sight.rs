//! Which cases somebody may see: by her role, by whose keys open them, and never one that she is a party to.

use crate::casebook::{CaseRow, CasebookError, Filter, Involvement, ReadOnly};
use crate::config::Config;
use crate::desk::{Account, Role};
use crate::finding::{Audience, Category, Recipient};

/// Whether a case is one of hers. `involved` is what [`involvement`] says.
pub fn sees(account: &Account, row: &CaseRow, involved: &Involvement) -> bool {
    !involved.includes(row.id) && is_for(account.role, row.category, &row.audiences)
}

/// The cases that somebody sees, of those that pass. What is hidden from her is left out where they lie: it takes no time to read.
///
/// # Errors
/// When the casebook refuses.
pub fn seen(book: &ReadOnly, account: &Account, involved: &Involvement, filter: &Filter<'_>) -> Result<Vec<CaseRow>, CasebookError> {
    // Whoever has no audience of her own is shown of the safeguarding lead's.
    let audience = Some(opens(account.role).unwrap_or(Audience::Dsl));
    let rows = book.cases(&Filter { audience, but: Some(&involved.cases()), ..*filter })?;
    Ok(rows.into_iter().filter(|row| sees(account, row, involved)).collect())
}

/// Whether a case is in the numbers that somebody watches over the program with. The headteacher watches over all but what is for the
/// chair; the technician, who sees no case, counts what the safeguarding lead deals with: that there is a concern about one of few
/// colleagues is nothing that a number may tell (D6).
pub fn counts(account: &Account, row: &CaseRow, involved: &Involvement) -> bool {
    match account.role {
        Role::Head => !involved.hides(row, true),
        Role::Technician => !involved.includes(row.id) && is_for(Role::Dsl, row.category, &row.audiences),
        _ => sees(account, row, involved),
    }
}

/// Whether a role deals with such cases. The safeguarding team, the headteacher and the chair see what their own key opens;
/// the pastoral lead and the data protection officer see the facts of what the list of categories brings to them, and never
/// what the safeguarding lead may not see.
pub fn is_for(role: Role, category: Category, audiences: &[Audience]) -> bool {
    let first_told = |recipient| category.recipients().contains(&recipient) && audiences.contains(&Audience::Dsl);
    match role {
        Role::Chair => audiences.contains(&Audience::Chair),
        Role::DataProtection => first_told(Recipient::DataProtection),
        Role::Deputy | Role::Dsl => audiences.contains(&Audience::Dsl),
        Role::Head => audiences.contains(&Audience::Head),
        Role::Pastoral => first_told(Recipient::Pastoral),
        Role::Technician => false,
    }
}

/// Whose sealed sheets a role opens, with a key of its own.
pub fn opens(role: Role) -> Option<Audience> {
    match role {
        Role::Chair => Some(Audience::Chair),
        Role::Deputy | Role::Dsl => Some(Audience::Dsl),
        Role::Head => Some(Audience::Head),
        Role::DataProtection | Role::Pastoral | Role::Technician => None,
    }
}

/// The audience by whose key somebody opens the sheet of a case; none for whoever sees the facts alone.
pub fn opens_sheet(account: &Account, row: &CaseRow) -> Option<Audience> {
    opens(account.role).filter(|audience| row.audiences.contains(audience))
}

/// What keeps cases from somebody; `None` as long as the service has not keyed her addresses.
///
/// # Errors
/// When the casebook refuses.
pub fn involvement(book: &ReadOnly, account: &Account, config: &Config) -> Result<Option<Involvement>, CasebookError> {
    let mut involved = Involvement::default();
    for address in &account.addresses {
        let Some(by_address) = book.involvement(address)? else { return Ok(None) };
        involved.add(by_address, config.is_safeguarding(address));
    }
    Ok(Some(involved))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::case::CaseId;
    use crate::casebook::desk::{Desk, concern, place};
    use crate::casebook::{Ends, New, Party, Standing};
    use crate::desk::AccountId;
    use crate::finding::{Action, Level};

    /// Every role by a letter: the safeguarding lead, her deputy, the pastoral lead, the headteacher, the chair of governors, the data
    /// protection officer, the technician.
    const ROLES: [(char, Role); 7] = [
        ('L', Role::Dsl),
        ('D', Role::Deputy),
        ('P', Role::Pastoral),
        ('H', Role::Head),
        ('C', Role::Chair),
        ('O', Role::DataProtection),
        ('T', Role::Technician),
    ];

    /// Whose cases those of a category are, as long as nobody is a party to one.
    fn whose(category: Category) -> &'static str {
        match category {
            Category::Bullying | Category::Drugs | Category::Hate => "LDP",
            Category::ChainMail
            | Category::Disclosure
            | Category::Evasion
            | Category::Exploitation
            | Category::Grooming
            | Category::Incomplete
            | Category::PrivateContact
            | Category::Profanity
            | Category::Radicalisation
            | Category::Scam
            | Category::SelfHarm
            | Category::Sextortion
            | Category::SexualContent
            | Category::SexualHarassment
            | Category::Suicide
            | Category::SuspectedNude
            | Category::System
            | Category::Violence => "LD",
            Category::HeadConcern => "C",
            Category::KnownImage | Category::Threat => "LDH",
            Category::PersonalData => "LDO",
            Category::StaffConcern => "H",
        }
    }

    /// By which addresses somebody has written or received the message, whether concerns are brought to that address, and whether she
    /// sees the case for all that.
    const PARTIES: [(&[Party], bool, bool); 7] = [
        (&[], false, true),
        (&[Party::Sender], false, false),
        (&[Party::Recipient], false, false),
        (&[Party::Sender, Party::Recipient], false, false),
        (&[Party::Sender], true, false),
        (&[Party::Recipient], true, true),
        (&[Party::Sender, Party::Recipient], true, false),
    ];

    fn account(role: Role) -> Account {
        Account { id: AccountId(1), name: role.title().to_owned(), role, addresses: Vec::new(), keys: None, active: true }
    }

    fn row(category: Category, audiences: &[Audience]) -> CaseRow {
        CaseRow {
            id: CaseId(7),
            codename: "amber-heron-7".parse().unwrap(),
            category,
            level: Level::Now,
            action: Action::Flag,
            standing: Standing::Open,
            opened_at: Timestamp::UNIX_EPOCH,
            backscan: false,
            audiences: audiences.to_vec(),
            ends: Ends { sender: String::new(), recipients: Vec::new() },
            places: 1,
            not_back: None,
        }
    }

    fn involved(parties: &[Party], brings_concerns: bool) -> Involvement {
        let mut involved = Involvement::default();
        for party in parties {
            let mut by_address = Involvement::default();
            let cases = if *party == Party::Sender { &mut by_address.sent } else { &mut by_address.received };
            cases.insert(CaseId(7));
            involved.add(by_address, brings_concerns);
        }
        // Of another case she is always a party.
        involved.add(Involvement { sent: [CaseId(8)].into(), received: [CaseId(9)].into() }, false);
        involved
    }

    #[test]
    fn every_role_sees_the_cases_of_its_categories_and_none_that_she_is_a_party_to() {
        let mut tried = 0;
        for category in Category::ALL {
            let row = row(*category, category.audiences());
            for (letter, role) in ROLES {
                for (parties, brings_concerns, open) in PARTIES {
                    let (account, involved) = (account(role), involved(parties, brings_concerns));
                    let what = format!("{category}, {role}, {parties:?}, concerns are brought to her: {brings_concerns}");
                    let hers = open && whose(*category).contains(letter);
                    assert_eq!(sees(&account, &row, &involved), hers, "{what}");
                    // Who watches over others counts more than she sees, and never what is about her.
                    let counted = match role {
                        Role::Head => open && *category != Category::HeadConcern,
                        Role::Technician => open && whose(*category).contains('L'),
                        _ => hers,
                    };
                    assert_eq!(counts(&account, &row, &involved), counted, "{what}");
                    tried += 1;
                }
            }
        }
        assert_eq!(tried, Category::ALL.len() * ROLES.len() * PARTIES.len());
    }

    #[test]
    fn a_case_that_was_sealed_to_somebody_over_her_is_hers_no_more_and_whose_key_opens_it_sees_it() {
        for category in Category::ALL {
            // The safeguarding lead sent it herself; or the headteacher did.
            for (audience, theirs) in [(Audience::Head, "H"), (Audience::Chair, "C")] {
                let row = row(*category, &[audience]);
                let see: String =
                    ROLES.iter().filter(|(_, role)| sees(&account(*role), &row, &involved(&[], false))).map(|(letter, _)| letter).collect();
                assert_eq!(see, theirs, "{category}");
                let open: String =
                    ROLES.iter().filter(|(_, role)| opens_sheet(&account(*role), &row).is_some()).map(|(letter, _)| letter).collect();
                assert_eq!(open, theirs, "{category}");
            }
            let row = row(*category, category.audiences());
            for (letter, role) in ROLES {
                let sees_and_has_a_key = whose(*category).contains(letter) && !"PO".contains(letter);
                assert_eq!(opens_sheet(&account(role), &row).is_some(), sees_and_has_a_key, "{category}, {role}");
            }
        }
    }

    /// What the database leaves out before anything is read is what would have been left out afterwards, and nothing else.
    #[test]
    fn a_list_holds_every_case_that_somebody_sees_and_no_other() {
        let desk = Desk::new();
        for (number, category) in (1..).zip(Category::ALL) {
            for (copy, audiences) in (0..).zip([category.audiences(), &[Audience::Head], &[Audience::Chair]]) {
                let (number, mut concern) = (number * 3 + copy, concern(Level::Day, Action::Flag));
                concern.category = *category;
                let place = place("ann", number.into());
                desk.book.record(&New { place: &place, audiences, ..desk.plain(number, &concern) }).unwrap();
            }
        }
        let book = ReadOnly::open(&desk.folder.path().join("casebook.db")).unwrap();
        let all = book.cases(&Filter::default()).unwrap();
        assert_eq!(all.len(), 3 * Category::ALL.len());
        for (_, role) in ROLES {
            // She has written one in four of them, and received another one in four.
            let part = |rest: i64| all.iter().map(|row| row.id).filter(|id| id.0 % 4 == rest).collect();
            for involved in [Involvement::default(), Involvement { sent: part(0), received: part(1) }] {
                let account = account(role);
                let ids = |rows: Vec<CaseRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
                let expected: Vec<_> = all.iter().filter(|row| sees(&account, row, &involved)).map(|row| row.id).collect();
                assert_eq!(ids(seen(&book, &account, &involved, &Filter::default()).unwrap()), expected, "{role}");
                assert!(role == Role::Technician || !expected.is_empty() || !involved.cases().is_empty(), "{role}");
            }
        }
    }
}
