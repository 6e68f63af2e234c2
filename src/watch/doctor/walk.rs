//! One walk, from the token to the last permission, and nothing that a mailbox would show afterwards.

use std::sync::Arc;

use tokio_rustls::rustls::ClientConfig;

use super::roles::lacks_role;
use super::{Provider, Step, Walk};
use crate::config::{Login, Security, Watch, Watched};
use crate::watch::imap::{Folder, ImapError, Sasl, Session, UidSet};
use crate::watch::{Patience, Tokens, connect, imap};

/// Numbers among which a message to fetch is looked for.
const LATEST: u32 = 200;

/// Walks as far as it goes.
pub async fn walk(watched: &Watched, watch: &Watch, tls: Arc<ClientConfig>, tokens: &Tokens) -> Walk {
    let mut walk = Walk::begin(watched);
    if let Err((step, why)) = Box::pin(go(&mut walk, watched, watch, tls, tokens)).await {
        walk.failure = Some((step, why));
    }
    walk
}

async fn go(walk: &mut Walk, watched: &Watched, watch: &Watch, tls: Arc<ClientConfig>, tokens: &Tokens) -> Result<(), (Step, String)> {
    let token = matches!(watched.login, Login::Token { .. });
    let login = connect::credentials(&watched.login, tokens).await;
    let login = login.map_err(|trouble| (if token { Step::Token } else { Step::SignIn }, trouble.to_string()))?;
    if let imap::Login::Sasl(Sasl::Token { token, .. }) = &login {
        if let Some(role) = lacks_role(walk.provider, token.expose()) {
            return Err((Step::Token, format!("the token does not hold the permission {role}")));
        }
        walk.done.push(Step::Token);
    }
    let server = connect::server(watched, watch, tls);
    let (mut patience, mut greeted) = (Patience::default(), false);
    let signed_in = loop {
        let signed_in = match Box::pin(Session::connect(&server)).await {
            Ok(mut session) => {
                greeted = true;
                session.login(&login).await.map(|()| session)
            }
            Err(error) => Err(error),
        };
        if !patience.tries_again(signed_in.as_ref().err().and_then(ImapError::crowded)).await {
            break signed_in;
        }
    };
    if let (false, Err(error)) = (greeted, &signed_in) {
        return Err((reached(walk, error), error.to_string()));
    }
    walk.done.extend([Step::Resolve, Step::Connect]);
    if watched.server.security != Security::Plaintext {
        walk.done.push(Step::Tls);
    }
    let at = |step: Step| move |error: ImapError| (step, error.to_string());
    let mut session = signed_in.map_err(at(Step::SignIn))?;
    walk.done.push(Step::SignIn);

    let folders = session.list().await.map_err(at(Step::List))?;
    walk.folders = folders.iter().filter(|folder| folder.selectable).count();
    if walk.folders == 0 {
        return Err((Step::List, "the server shows no folder that can be opened".to_owned()));
    }
    walk.done.push(Step::List);
    if walk.provider == Provider::Google && !folders.iter().any(|folder| folder.special_use == Some(imap::SpecialUse::All)) {
        return Err((Step::List, "All Mail is hidden from IMAP".to_owned()));
    }

    let selected = session.examine(&Folder::inbox()).await.map_err(at(Step::Select))?;
    walk.done.push(Step::Select);
    let set = selected.uidnext.map_or_else(|| UidSet::from(1), |next| UidSet::from(next.saturating_sub(LATEST)));
    let listed = session.listing(&selected, &set).await.map_err(at(Step::Fetch))?;
    // The smallest: it is thrown away unread. An INBOX without mail has nothing to refuse.
    if let Some(message) = listed.into_iter().min_by_key(|message| message.arrival.size) {
        let mut fetch = session.fetch(&selected, &[message]).map_err(at(Step::Fetch))?;
        while fetch.next().await.map_err(at(Step::Fetch))?.is_some() {}
        if !fetch.missing().is_empty() {
            return Err((Step::Fetch, "the server lists a message and does not hand it over".to_owned()));
        }
    }
    walk.done.push(Step::Fetch);

    if !session.capabilities().uidplus {
        return Err((Step::Remove, "the server does not offer UIDPLUS: it cannot remove one message alone".to_owned()));
    }
    let opened = session.select(&Folder::inbox()).await.map_err(at(Step::Remove))?;
    if opened.read_only {
        return Err((Step::Remove, "INBOX opens for reading only".to_owned()));
    }
    walk.done.push(Step::Remove);
    session.logout().await;
    Ok(())
}

/// Which step of the connection failed; those before it went well.
fn reached(walk: &mut Walk, error: &ImapError) -> Step {
    let step = match error {
        ImapError::Resolve { .. } => Step::Resolve,
        ImapError::Tls { .. } => Step::Tls,
        _ => Step::Connect,
    };
    walk.done.extend([Step::Resolve, Step::Connect].into_iter().filter(|before| *before < step));
    step
}
