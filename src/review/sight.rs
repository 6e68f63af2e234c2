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
    use super::*;

    #[test]
    fn no_role_sees_what_is_for_another() {
        let seen_by = |category: Category, audiences: &[Audience]| {
            Role::ALL.into_iter().filter(|role| is_for(*role, category, audiences)).collect::<Vec<_>>()
        };
        let of = |category: Category| seen_by(category, category.audiences());
        assert_eq!(of(Category::StaffConcern), [Role::Head]);
        assert_eq!(of(Category::HeadConcern), [Role::Chair]);
        assert_eq!(of(Category::SuspectedNude), [Role::Deputy, Role::Dsl]);
        assert_eq!(of(Category::KnownImage), [Role::Deputy, Role::Dsl, Role::Head]);
        assert_eq!(of(Category::Bullying), [Role::Deputy, Role::Dsl, Role::Pastoral]);
        assert_eq!(of(Category::PersonalData), [Role::DataProtection, Role::Deputy, Role::Dsl]);
        assert_eq!(seen_by(Category::Bullying, &[Audience::Head]), [Role::Head], "the safeguarding lead herself sent it");
        assert!(Category::ALL.iter().all(|category| !is_for(Role::Technician, *category, &Audience::ALL)));
    }
}
