//! The postman: takes notices from the outbox and hands them to the school's SMTP server.
//!
//! A notice is written in the same transaction as its case and sent at least once, always under the same
//! Message-ID. A stolen one tells that there is a case, and nothing of it.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use lettre::message::header::ContentType;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport, Message as Letter, Tokio1Executor};
use tokio::time::timeout;

use super::oauth::Tokens;
use super::pulse::Worker;
use super::{Daemon, Trouble, openings, tell};
use crate::casebook::{self, About, CasebookError, Notice, OpenedCase, WeekOfOpenings};
use crate::config::{Config, Security, SmtpLogin};
use crate::fault::{At, Fault};
use crate::finding::{Category, Level};
use crate::steps::step;
use crate::wire::Message;

/// How often the outbox is looked through when nobody rings.
const ROUND: Duration = Duration::from_secs(2);
/// For one letter.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A notice that is due for so long is late.
const LATE: SignedDuration = SignedDuration::from_mins(5);
/// Cases that a weekly list names.
const MOST_CASES: usize = 100;
/// The wait before a notice that failed is tried again.
const RETRY: SignedDuration = SignedDuration::from_secs(60);

/// A way to the SMTP server.
pub type Transport = AsyncSmtpTransport<Tokio1Executor>;

/// Sends what is due until the daemon stops.
pub async fn run(daemon: Arc<Daemon>) {
    let mut stop = daemon.stop.subscribe();
    let (mut late, mut told) = (None, None);
    while !*stop.borrow() {
        openings::tell_or_show(&daemon, &mut told).await;
        send_due(&daemon).await;
        tell_of_late(&daemon, &mut late);
        tokio::select! {
            () = tokio::time::sleep(ROUND) => {}
            () = daemon.outbox.notified() => {}
            _ = stop.changed() => {}
        }
    }
}

/// Notices that stay undelivered are told of like any other trouble: on the board at once, and by a letter as soon as one
/// goes out. `late` is what was last told.
fn tell_of_late(daemon: &Daemon, late: &mut Option<bool>) {
    let now = Timestamp::now();
    match daemon.shelf.book(|book| book.undelivered(now)) {
        Ok(undelivered) => {
            let is_late = undelivered.oldest.is_some_and(|due| now.duration_since(due) >= LATE);
            match late.replace(is_late) {
                before if before == Some(is_late) => {}
                _ if is_late => tell::trouble(daemon, casebook::Trouble::NoticeUndelivered, None),
                _ => tell::trouble_over(daemon, casebook::Trouble::NoticeUndelivered, None),
            }
        }
        Err(error) => daemon.board.trouble("casebook", Some(error.to_string())),
    }
}

/// Sends everything that is due now, as far as the server takes it.
pub async fn send_due(daemon: &Daemon) {
    let config = daemon.config();
    let now = Timestamp::now();
    let due = match daemon.shelf.book(|book| Ok::<_, CasebookError>((book.due(now)?, book.undelivered(now)?))) {
        Ok((due, undelivered)) if due.is_empty() => {
            // One that failed may be none of anybody's business any more.
            if undelivered.count == 0 {
                daemon.board.trouble("notices", None);
            }
            return;
        }
        Ok((due, _)) => due,
        Err(error) => return daemon.board.trouble("casebook", Some(error.to_string())),
    };
    let transport = match transport(&config, &daemon.tokens).await {
        Ok(transport) => transport,
        Err(trouble) => return daemon.board.trouble("notices", Some(trouble.to_string())),
    };
    for letter in letters(due) {
        daemon.pulse.at_work(&Worker::Postman, TIMEOUT);
        let sent = match compose(&letter, &config) {
            Ok(composed) => send(daemon, &transport, &composed).await,
            Err(()) => Err("an address that no letter can carry".to_owned()),
        };
        if let (Err(_), Some(SmtpLogin::Token { user, issuer })) = (&sent, &config.notice.login) {
            daemon.tokens.distrust(issuer, user).await;
        }
        let ids: Vec<_> = letter.iter().map(|notice| notice.id).collect();
        let noted = match &sent {
            Ok(()) => {
                tracing::info!(notices = ids.len(), "notice delivered");
                daemon.shelf.book(|book| ids.iter().try_for_each(|id| book.delivered(Timestamp::now(), *id)))
            }
            Err(kind) => {
                tracing::warn!(notices = ids.len(), %kind, "notice not delivered");
                let again = Timestamp::now().saturating_add(RETRY).unwrap_or(Timestamp::MAX);
                daemon.shelf.book(|book| ids.iter().try_for_each(|id| book.failed(*id, kind, again)))
            }
        };
        daemon.board.trouble("notices", sent.err().map(|kind| format!("not delivered: {kind}")));
        daemon.board.trouble("casebook", noted.err().map(|error| error.to_string()));
    }
    daemon.pulse.at_rest(&Worker::Postman);
}

async fn send(daemon: &Daemon, transport: &Transport, letter: &Letter) -> Result<(), String> {
    let octets = letter.formatted();
    // Remembered first: it may be met in a contact's mailbox before the server has even answered. The line
    // break that ends the letter in SMTP may or may not become a part of it.
    for ending in [b"".as_slice(), b"\r\n"] {
        let arrived = Message::from_octets(&[&octets, ending].concat()).map_err(|error| error.to_string())?;
        daemon.shelf.book(|book| book.sending(&book.key_letter(&arrived.body_digest()))).map_err(|error| error.to_string())?;
    }
    step("notice.send");
    hand_over(transport, letter, &octets).await
}

/// The transport's own timeout ends with the connecting: a server that falls silent later would be waited for
/// for ever, and every other notice with it.
async fn hand_over(transport: &Transport, letter: &Letter, octets: &[u8]) -> Result<(), String> {
    match timeout(TIMEOUT, transport.send_raw(letter.envelope(), octets)).await {
        Ok(sent) => sent.map(drop).map_err(|error| kind_of(&error)),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// Connects to the SMTP server of a configuration and signs in, and sends nothing.
///
/// # Errors
/// With what went wrong, in words of our own.
pub async fn try_out(config: &Config, tokens: &Tokens) -> Result<(), String> {
    let transport = transport(config, tokens).await.map_err(|trouble| trouble.to_string())?;
    match timeout(TIMEOUT, transport.test_connection()).await {
        Ok(Ok(true)) => Ok(()),
        Ok(Ok(false)) => Err("it does not answer as an SMTP server".to_owned()),
        Ok(Err(error)) => Err(kind_of(&error)),
        Err(_) => Err("no answer in time".to_owned()),
    }
}

/// Urgent notices travel alone; the rest of what one person is due to hear shares a letter.
fn letters(due: Vec<Notice>) -> Vec<Vec<Notice>> {
    let mut letters: Vec<Vec<Notice>> = Vec::new();
    for notice in due {
        let shared = letters.iter_mut().find(|letter| letter[0].to == notice.to && !urgent(&letter[0]));
        match shared {
            Some(letter) if !urgent(&notice) => letter.push(notice),
            _ => letters.push(vec![notice]),
        }
    }
    letters
}

fn is_unread(notice: &Notice) -> bool {
    matches!(notice.about, About::Case { category: Category::Incomplete, .. })
}

fn urgent(notice: &Notice) -> bool {
    matches!(notice.about, About::Case { level, .. } if level > Level::Day)
}

fn compose(notices: &[Notice], config: &Config) -> Result<Letter, ()> {
    let first = notices.first().ok_or(())?;
    let from = format!("mailwarden <{}>", config.notice.from).parse().map_err(drop)?;
    let to = first.to.as_str().parse().map_err(drop)?;
    let id = format!("<notice-{}-{}@{}>", first.id, first.due.as_second(), config.notice.from.domain());
    let mut body = format!("{}\n", config.school.name);
    let (unread, cases): (Vec<_>, Vec<_>) = notices.iter().partition(|notice| is_unread(notice));
    for notice in cases {
        paragraph(&mut body, notice, config);
    }
    if !unread.is_empty() {
        let _ = write!(body, "\nNot fully scanned: {} messages.\n`mailwarden cases list` names them, and why.\n", unread.len());
    }
    // No line is longer than 76: so the letter travels as it is, and is known again by its octets.
    body.push_str("\nThis letter holds nothing of any message.\nDo not forward it to the people concerned.\n");
    let letter = Letter::builder().from(from).to(to).subject(subject(notices)).message_id(Some(id)).header(ContentType::TEXT_PLAIN);
    letter.body(body).map_err(drop)
}

fn subject(notices: &[Notice]) -> String {
    match notices {
        [Notice { about: About::Case { codename, level, .. }, .. }] => format!("mailwarden: {codename}, level {level}"),
        [Notice { about: About::Openings(week), .. }] => format!("mailwarden: openings, week of {}", week.monday),
        [Notice { about: About::System { trouble, .. }, .. }] => format!("mailwarden: {}", trouble.as_str()),
        many => format!("mailwarden: {} things to look at", many.len()),
    }
}

fn paragraph(text: &mut String, notice: &Notice, config: &Config) {
    let clock = &config.school.clock;
    let wall = |at: Timestamp| at.to_zoned(clock.zone.clone()).strftime("%a %-d %b %Y, %H:%M").to_string();
    let _ = match &notice.about {
        About::Case { codename, category, level, .. } => {
            let due = clock.due(*level, notice.due).unwrap_or(notice.due);
            let link = config.notice.link_to(codename.as_str()).map(|link| format!("Look at   {link}\n")).unwrap_or_default();
            write!(text, "\nCase      {codename}\nCategory  {}\nLevel     {level}\nDue       {}\n{link}", category.title(), wall(due))
        }
        About::Openings(week) => openings_of(text, week, config),
        About::System { trouble, mailbox, rule, since } => {
            let rule = rule.as_ref().map(|rule| format!("Rule      {rule}\nIt flags only, until it is changed.\n")).unwrap_or_default();
            let mailbox = mailbox.as_ref().map(|mailbox| format!("Mailbox   {mailbox}\n")).unwrap_or_default();
            write!(text, "\nTrouble   {}\n{rule}{mailbox}Since     {}\nLook at   mailwarden status\n", trouble.as_str(), wall(*since))
        }
    };
}

/// Codenames and counts. Who it was, the page says, to whom it is for.
fn openings_of(text: &mut String, week: &WeekOfOpenings, config: &Config) -> std::fmt::Result {
    writeln!(text, "\nOpenings of what is sealed\nWeek of   {}", week.monday.strftime("%-d %b %Y"))?;
    if week.cases.is_empty() {
        writeln!(text, "Nobody has opened anything.")?;
    }
    for OpenedCase { codename, openings, people } in week.cases.iter().take(MOST_CASES) {
        let (times, persons) = (if *openings == 1 { "time" } else { "times" }, if *people == 1 { "person" } else { "people" });
        writeln!(text, "{codename}: {openings} {times}, by {people} {persons}")?;
    }
    if let Some(more) = week.cases.len().checked_sub(MOST_CASES).filter(|more| *more > 0) {
        writeln!(text, "and {more} more cases")?;
    }
    match &config.review {
        Some(review) => writeln!(text, "Look at   {}/openings?week={}", review.origin(), week.monday),
        None => Ok(()),
    }
}

/// The way to the server of the configuration in force; the password is read anew each time.
async fn transport(config: &Config, tokens: &Tokens) -> Result<Transport, Trouble> {
    let notice = &config.notice;
    let tls = || -> Result<TlsParameters, Fault> {
        let fault = |why: String| Fault {
            what: "the SMTP server's certificate authority cannot be used".to_owned(),
            at: notice.ca_file.as_ref().map(At::file),
            why,
            hint: "give a file of PEM certificates as `notice.ca_file`, or leave it out for the system's".to_owned(),
        };
        let mut tls = TlsParameters::builder(notice.smtp_host.clone());
        if let Some(file) = &notice.ca_file {
            let pem = std::fs::read(file).map_err(|error| fault(error.to_string()))?;
            tls = tls.add_root_certificate(Certificate::from_pem(&pem).map_err(|error| fault(error.to_string()))?);
        }
        tls.build_rustls().map_err(|error| fault(error.to_string()))
    };
    let tls = match notice.security {
        Security::Plaintext => Tls::None,
        Security::StartTls => Tls::Required(tls().map_err(Trouble::Smtp)?),
        Security::Tls => Tls::Wrapper(tls().map_err(Trouble::Smtp)?),
    };
    let mut builder = Transport::builder_dangerous(notice.smtp_host.clone()).port(notice.smtp_port).tls(tls).timeout(Some(TIMEOUT));
    builder = match &notice.login {
        None => builder,
        Some(SmtpLogin::Password { user, password }) => {
            let password = password.read().map_err(Trouble::Password)?;
            builder.credentials(Credentials::new(user.clone(), password.expose().to_owned()))
        }
        Some(SmtpLogin::Token { user, issuer }) => {
            let token = tokens.token(issuer, user).await?;
            builder.authentication(vec![Mechanism::Xoauth2]).credentials(Credentials::new(user.clone(), token.expose().to_owned()))
        }
    };
    Ok(builder.build())
}

/// What went wrong, without a word of what the server said: it may quote the letter.
fn kind_of(error: &lettre::transport::smtp::Error) -> String {
    let kind = if error.is_permanent() {
        "refused"
    } else if error.is_transient() {
        "put off by the server"
    } else if error.is_timeout() {
        "no answer in time"
    } else if error.is_tls() {
        "no trusted TLS"
    } else {
        "server out of reach"
    };
    match error.status() {
        Some(code) => format!("{kind} ({code})"),
        None => kind.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_server_that_greets_and_falls_silent_is_not_waited_for_for_ever() {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            client.write_all(b"220 ready\r\n").await.unwrap();
            client
        });
        let transport = Transport::builder_dangerous("127.0.0.1").port(port).timeout(None).build();
        let to = |who| format!("{who}@school.example").parse().unwrap();
        let letter = Letter::builder().from(to("a")).to(to("b")).body(String::new()).unwrap();
        let sent = tokio::time::timeout(TIMEOUT * 2, hand_over(&transport, &letter, &letter.formatted())).await;
        assert_eq!(sent, Ok(Err("no answer in time".to_owned())));
        drop(server.await.unwrap());
    }
}
