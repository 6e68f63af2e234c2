//! Asks a directory, page by page, whom it knows.

use std::time::Duration;

use ldap3::adapters::{Adapter, EntriesOnly, PagedResults};
use ldap3::{Ldap, LdapConnAsync, LdapConnSettings, LdapError, Scope, SearchEntry, StdStream};
use tokio::net::UnixStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::error::{DirectoryError, refusal, shortfall};
use super::reach::{reach, relay};
use crate::config::{Directory, Found, Group};

/// Connecting, signing in and all searches together may take this long: meanwhile a daemon that is reloaded feeds no watchdog.
const PATIENCE: Duration = Duration::from_secs(20);
/// Entries in one answer: Active Directory gives a thousand at most.
const PAGE: i32 = 500;
/// Entries of all searches together.
const MOST: usize = 100_000;
const LOST: &str = "the connection was lost";

type Chain = Vec<Box<dyn Adapter<'static, String, Vec<String>>>>;

/// Whom the searches find, in their order.
///
/// # Errors
/// When any of them does not bring all that there is.
pub async fn ask(directory: &Directory) -> Result<Vec<Found>, DirectoryError> {
    timeout(PATIENCE, converse(directory)).await.unwrap_or(Err(DirectoryError::Timeout))
}

async fn converse(directory: &Directory) -> Result<Vec<Found>, DirectoryError> {
    let outside = reach(directory).await?;
    let lost = |_| DirectoryError::Malformed(LOST);
    let (ours, inside) = UnixStream::pair().map_err(lost)?;
    let settings = LdapConnSettings::new().set_std_stream(StdStream::Unix(ours.into_std().map_err(lost)?));
    // The address says no more than what kind of a stream it is handed.
    let (connection, ldap) = LdapConnAsync::with_settings(settings, "ldapi:///").await.map_err(|_| DirectoryError::Malformed(LOST))?;
    // Tasks of their own: a panic of the client's is an answer that cannot be read, and the relay knows better why it came to an end.
    let mut driving = JoinSet::new();
    driving.spawn(async move { connection.drive().await.is_ok() });
    let (mut relaying, mut searching) = (JoinSet::new(), JoinSet::new());
    relaying.spawn(relay(outside, inside));
    searching.spawn(search_all(ldap, directory.clone()));
    let found = searching.join_next().await.and_then(Result::ok).unwrap_or(Err(DirectoryError::Malformed("it is not LDAP")));
    // Whoever asked is gone, and with it the relay.
    if let Err(DirectoryError::Malformed(_)) = &found
        && let Some(Ok(Err(refused))) = relaying.join_next().await
    {
        return Err(refused);
    }
    found
}

async fn search_all(mut ldap: Ldap, directory: Directory) -> Result<Vec<Found>, DirectoryError> {
    if let Some((user, password)) = &directory.login {
        let password = password.read().map_err(DirectoryError::Password)?;
        let answer = ldap.simple_bind(user, password.expose()).await.map_err(|error| unanswered(&error))?;
        if answer.rc != 0 {
            return Err(DirectoryError::SignIn(refusal(answer.rc, &answer.text)));
        }
    }
    let mut found = Vec::new();
    for search in 0..directory.people.len() {
        one_search(&mut ldap, &directory, search, &mut found).await?;
    }
    let _ = ldap.unbind().await;
    Ok(found)
}

async fn one_search(ldap: &mut Ldap, directory: &Directory, search: usize, found: &mut Vec<Found>) -> Result<(), DirectoryError> {
    let people = &directory.people[search];
    let by = if let Group::By(attribute) = &people.group { Some(attribute) } else { None };
    let wanted = [Some(&directory.attributes.address), directory.attributes.user.as_ref(), by];
    let wanted: Vec<String> = wanted.into_iter().flatten().cloned().collect();
    let chain: Chain = vec![Box::new(EntriesOnly::new()), Box::new(PagedResults::new(PAGE))];
    let mut stream = ldap
        .streaming_search_with(chain, &people.base, Scope::Subtree, &people.filter, wanted)
        .await
        .map_err(|error| unanswered(&error))?;
    while let Some(entry) = stream.next().await.map_err(|error| unanswered(&error))? {
        if found.len() == MOST {
            return Err(DirectoryError::Malformed("there are more entries than a trust of schools has people"));
        }
        let entry = SearchEntry::construct(entry);
        let value = |name: &String| first(values(&entry, name));
        found.push(Found {
            search,
            address: primary(values(&entry, &directory.attributes.address)),
            user: directory.attributes.user.as_ref().and_then(value),
            group: by.and_then(value),
            name: entry.dn,
        });
    }
    let answer = stream.finish().await;
    if answer.rc == 0 { Ok(()) } else { Err(shortfall(&people.filter, &people.base, answer.rc, &answer.text)) }
}

/// What the client says of itself may hold what it has read.
fn unanswered(error: &LdapError) -> DirectoryError {
    match error {
        LdapError::Timeout { .. } => DirectoryError::Timeout,
        LdapError::FilterParsing => DirectoryError::Malformed("a filter cannot be put into words"),
        _ => DirectoryError::Malformed(LOST),
    }
}

/// The values of an attribute, whatever the case in which the directory writes its name.
fn values<'e>(entry: &'e SearchEntry, name: &str) -> &'e [String] {
    entry.attrs.iter().find(|(written, _)| written.eq_ignore_ascii_case(name)).map_or(&[], |(_, values)| values)
}

fn first(values: &[String]) -> Option<String> {
    values.iter().map(|value| value.trim()).find(|value| !value.is_empty()).map(str::to_owned)
}

/// Of the addresses of Exchange (`proxyAddresses`) the one that it marks as the first, else the first of all.
fn primary(values: &[String]) -> Option<String> {
    const MARK: &str = "SMTP:";
    let marked = values.iter().find_map(|value| value.strip_prefix(MARK));
    marked.map(str::to_owned).or_else(|| first(values))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Attributes, People, Security};
    use crate::mail::Role;

    #[tokio::test(start_paused = true)]
    async fn a_directory_that_falls_silent_is_given_up() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let people = People { role: Role::Staff, base: "dc=x".to_owned(), filter: "(a=b)".to_owned(), group: Group::Role };
        let directory = Directory {
            host: "127.0.0.1".to_owned(),
            port: listener.local_addr().unwrap().port(),
            security: Security::Plaintext,
            ca_file: None,
            login: None,
            attributes: Attributes { address: "mail".to_owned(), user: None },
            server: None,
            people: vec![people],
        };
        let begun = tokio::time::Instant::now();
        assert!(matches!(ask(&directory).await, Err(DirectoryError::Timeout)));
        assert_eq!(begun.elapsed().as_secs(), PATIENCE.as_secs());
    }

    #[test]
    fn of_several_addresses_the_marked_one_counts() {
        let texts = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
        assert_eq!(primary(&texts(&["smtp:old@school.example", "SMTP:ann@school.example"])).as_deref(), Some("ann@school.example"));
        assert_eq!(primary(&texts(&[" ", "ann@school.example ", "b@school.example"])).as_deref(), Some("ann@school.example"));
        assert_eq!(primary(&[]), None);
    }
}
