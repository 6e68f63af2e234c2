//! Every page that is looked at in a real browser stands in one table. What is not in it is looked at by nobody.

use std::collections::BTreeSet;

use super::*;
use crate::review::routes::NOWHERE;

/// As `tests/browser/visitor.mjs` reads it, which fails where a state of it is not seen: a page, a state, and a script that brings it about.
const LOOKED_AT: &str = include_str!("../../../tests/browser/pages.tsv");
/// They answer with something else than a page of their own.
const NO_PAGE: [&str; 2] = ["/", "/assets/{name}"];

#[test]
fn every_page_has_its_states_in_the_table_of_what_is_looked_at_in_a_browser() {
    let lines: Vec<Vec<_>> = LOOKED_AT.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect()).collect();
    let looked_at: BTreeSet<_> = lines.iter().map(|line| line[0]).collect();
    let known: BTreeSet<_> = ROUTES.iter().chain([NOWHERE]).map(|route| route.path).collect();
    let pages = ROUTES.iter().chain([NOWHERE]).filter(|route| route.method == Method::GET && !NO_PAGE.contains(&route.path));
    let pages: BTreeSet<_> = pages.map(|route| route.path).collect();
    assert_eq!(pages.difference(&looked_at).collect::<Vec<_>>(), [&""; 0], "pages that nobody looks at");
    assert_eq!(looked_at.difference(&known).collect::<Vec<_>>(), [&""; 0], "what is no page");
    let states: BTreeSet<_> = lines.iter().map(|line| line[1]).collect();
    assert_eq!(states.len(), lines.len(), "each state has a name of its own");
}
