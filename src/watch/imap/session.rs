//! One conversation with a mail server: a command goes out, and nothing counts until the server said OK to it.

use std::collections::VecDeque;
use std::io;
use std::time::Duration;

use async_imap::Client;
use async_imap::imap_proto::{AttributeValue, Outcome, Response, ResponseCode, Status};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};

use super::bodies::STAND_IN;
use super::capability::Capabilities;
use super::error::ImapError;
use super::folders::Folder;
use super::framing::Refusal;
use super::guard::FrameGuard;
use super::limits::Limits;
use super::login::Login;
use super::reach::{Server, Stream, reach};
use super::text::quoted;
use crate::wire::MessageWriter;

/// A conversation, from the greeting on. One task uses it.
pub struct Session {
    client: Client<FrameGuard<Stream>>,
    pub(super) limits: Limits,
    pub(super) capabilities: Capabilities,
    /// How many folders were opened so far: tells a `Selected` of the current folder from an older one.
    pub(super) selections: u64,
    /// A folder is open of which the server may tell what it knew some time ago.
    pub(super) stale: bool,
    /// The folders that a survey found last, where each is asked about by itself.
    pub(super) surveyed: Vec<Folder>,
    /// The command that was answered last.
    pub(super) answered: &'static str,
    tags: u64,
    /// What was sent and not answered. When a command begins and finds something here, an earlier one was
    /// given up halfway and its answer is still to come: nothing read from now on could be believed.
    pending: VecDeque<Pending>,
    pub(super) deadline: Instant,
    /// The message that the last response brought and does not show.
    body: Option<io::Result<MessageWriter>>,
}

struct Pending {
    tag: String,
    command: &'static str,
}

impl Session {
    /// Connects and reads the greeting. Nothing secret has been said when this returns.
    ///
    /// # Errors
    /// When the server is out of reach, is not what its certificate should say, or does not want to talk.
    pub async fn connect(server: &Server) -> Result<Self, ImapError> {
        let reached = reach(server).await?;
        let mut session = Self {
            client: Client::new(FrameGuard::new(reached.stream, server.limits.frame)),
            limits: server.limits,
            capabilities: Capabilities::default(),
            selections: 0,
            stale: false,
            surveyed: Vec::new(),
            answered: "",
            tags: 0,
            pending: VecDeque::new(),
            deadline: Instant::now() + server.limits.command,
            body: None,
        };
        if !reached.greeted {
            session.greeting(server).await?;
        }
        Ok(session)
    }

    async fn greeting(&mut self, server: &Server) -> Result<(), ImapError> {
        const COMMAND: &str = "greeting";
        self.pending.push_back(Pending { tag: String::new(), command: COMMAND });
        let heard = self.read(|response| match response {
            Response::Data { status: Status::Ok, .. } => Ok(()),
            // PREAUTH among them: whose mailbox it opened, nobody could say.
            Response::Data { outcome, .. } => Err(server.no_greeting(&text(outcome))),
            _ => Err(server.no_greeting("another answer")),
        });
        match heard.await {
            Ok(greeting) => {
                self.pending.clear();
                greeting.unwrap_or(Ok(()))
            }
            Err(ImapError::Malformed { .. }) => Err(server.no_greeting("not a line of IMAP")),
            Err(other) => Err(other),
        }
    }

    /// Signs in and learns what the server can do.
    ///
    /// # Errors
    /// [`ImapError::LoginRefused`] for a wrong password as for a mailbox that may not be opened;
    /// [`ImapError::Throttled`] when the server wants to be asked later.
    pub async fn login(&mut self, login: &Login) -> Result<(), ImapError> {
        match login {
            Login::Master { user, master, separator, password } => {
                self.log_in(&format!("{user}{separator}{master}"), password.expose()).await
            }
            Login::Password { user, password } => self.log_in(user, password.expose()).await,
            Login::Sasl(sasl) => self.authenticate(sasl).await,
        }
    }

    async fn log_in(&mut self, name: &str, password: &str) -> Result<(), ImapError> {
        const COMMAND: &str = "LOGIN";
        let (Some(quoted_name), Some(quoted_password)) = (quoted(name), quoted(password)) else {
            return Err(ImapError::Unspeakable { command: COMMAND });
        };
        let mut line = self.stamp(COMMAND, 0)?;
        for (argument, quoted) in [(name, quoted_name), (password, quoted_password)] {
            line.push(' ');
            if argument.is_ascii() {
                line.push_str(&quoted);
            } else {
                line = format!("{line}{{{}}}\r\n", argument.len());
                self.write(line.as_bytes()).await?;
                self.continuation().await?;
                argument.clone_into(&mut line);
            }
        }
        line.push_str("\r\n");
        self.write(line.as_bytes()).await?;
        let mut offered = None;
        while let Some(more) = self.next(offered_in).await? {
            offered = more.or(offered);
        }
        self.learn(offered).await
    }

    /// Keeps what the server offered when it said yes, or asks for it.
    pub(super) async fn learn(&mut self, offered: Option<Capabilities>) -> Result<(), ImapError> {
        match offered {
            Some(capabilities) => self.capabilities = capabilities,
            None => self.ask_capabilities().await?,
        }
        Ok(())
    }

    async fn ask_capabilities(&mut self) -> Result<(), ImapError> {
        let mut offered = None;
        self.run("CAPABILITY", "", |response| offered = offered_in(response).or(offered)).await?;
        self.capabilities = offered.ok_or(ImapError::Malformed { command: "CAPABILITY" })?;
        Ok(())
    }

    /// What the server offers to this user; known since [`Session::login`].
    pub fn capabilities(&self) -> Capabilities {
        self.capabilities
    }

    /// Whether another command may be sent.
    pub fn is_in_step(&self) -> bool {
        self.pending.is_empty()
    }

    /// Lets the server say what it has to say, and keeps the session open.
    ///
    /// # Errors
    /// As every command: see [`ImapError`].
    pub async fn noop(&mut self) -> Result<(), ImapError> {
        self.run("NOOP", "", |_| ()).await
    }

    /// Says goodbye, and does not insist on an answer.
    pub async fn logout(mut self) {
        if self.send("LOGOUT", "", 0).await.is_ok() {
            while let Ok(Some(())) = self.next(|_| ()).await {}
        }
    }

    /// Runs one command to its OK, showing every response on the way, the tagged one included.
    pub(super) async fn run(&mut self, command: &'static str, arguments: &str, mut on: impl FnMut(&Response<'_>)) -> Result<(), ImapError> {
        self.send(command, arguments, 0).await?;
        while self.next(&mut on).await?.is_some() {}
        Ok(())
    }

    /// Sends one command, whose answer may bring so many octets.
    pub(super) async fn send(&mut self, command: &'static str, arguments: &str, octets: u64) -> Result<(), ImapError> {
        self.client.get_mut().take_aside();
        let mut line = self.stamp(command, octets)?;
        if !arguments.is_empty() {
            line.push(' ');
            line.push_str(arguments);
        }
        line.push_str("\r\n");
        self.write(line.as_bytes()).await
    }

    /// Sends several commands in one go.
    pub(super) async fn send_all(&mut self, commands: &[(&'static str, String)]) -> Result<(), ImapError> {
        self.require_in_step(commands.first().map_or("", |(command, _)| command))?;
        self.client.get_mut().take_aside();
        let line =
            |(command, arguments): &(&'static str, String)| format!("{} {arguments}", self.tag(command)).trim_end().to_owned() + "\r\n";
        let lines: Vec<String> = commands.iter().map(line).collect();
        self.deadline = Instant::now() + self.limits.command;
        self.write(lines.concat().as_bytes()).await
    }

    /// The tag and the name of a new command; from here on it is unanswered.
    pub(super) fn stamp(&mut self, command: &'static str, octets: u64) -> Result<String, ImapError> {
        self.require_in_step(command)?;
        self.deadline = Instant::now() + self.limits.command + Duration::from_secs(octets / self.limits.slowest.max(1));
        Ok(self.tag(command))
    }

    fn tag(&mut self, command: &'static str) -> String {
        self.tags += 1;
        let tag = format!("w{}", self.tags);
        let line = format!("{tag} {command}");
        self.pending.push_back(Pending { tag, command });
        line
    }

    fn require_in_step(&self, command: &'static str) -> Result<(), ImapError> {
        if self.is_in_step() { Ok(()) } else { Err(ImapError::OutOfStep { command }) }
    }

    pub(super) async fn write(&mut self, octets: &[u8]) -> Result<(), ImapError> {
        let command = self.command();
        let stream = self.client.get_mut();
        let written = timeout_at(self.deadline, async {
            stream.write_all(octets).await?;
            stream.flush().await
        });
        written.await.map_err(|_| ImapError::Timeout { command })?.map_err(|_| ImapError::ConnectionLost { command })
    }

    /// Waits for the server to ask for the rest of a command.
    pub(super) async fn continuation(&mut self) -> Result<(), ImapError> {
        while let Some(continues) = self.next(|response| matches!(response, Response::Continue(_))).await? {
            if continues {
                return Ok(());
            }
        }
        // OK to half a command.
        Err(ImapError::Malformed { command: "literal" })
    }

    /// Shows the next response to what was sent; none when all of it was answered with OK.
    ///
    /// # Errors
    /// A NO or BAD to one of the commands, besides all that [`Session::read`] fails with.
    pub(super) async fn next<R>(&mut self, mut on: impl FnMut(&Response<'_>) -> R) -> Result<Option<R>, ImapError> {
        let command = self.command();
        let shown = self.read(|response| match response {
            Response::Done { status, outcome, .. } => accepted(command, status, outcome).map(|()| on(response)),
            _ => Ok(on(response)),
        });
        shown.await?.transpose()
    }

    /// As [`Session::next`], but a NO or BAD is a response like any other.
    ///
    /// # Errors
    /// When the server falls silent, hangs up, says goodbye, or answers what cannot be read.
    pub(super) async fn read<R>(&mut self, mut on: impl FnMut(&Response<'_>) -> R) -> Result<Option<R>, ImapError> {
        let command = self.command();
        loop {
            let before = self.client.get_ref().received();
            let patience = self.deadline.min(Instant::now() + self.limits.silence);
            if let Ok(heard) = timeout_at(patience, self.hear(&mut on)).await {
                return heard;
            }
            // A large response may take longer than the silence allowed, but not longer than the command.
            if self.client.get_ref().received() == before || Instant::now() >= self.deadline {
                return Err(ImapError::Timeout { command });
            }
        }
    }

    /// As [`Session::read`], for as long as it takes. Dropped halfway, it has lost nothing.
    pub(super) async fn hear<R>(&mut self, mut on: impl FnMut(&Response<'_>) -> R) -> Result<Option<R>, ImapError> {
        while !self.pending.is_empty() {
            let command = self.command();
            let response = match self.client.read_response().await {
                Ok(Some(response)) => response,
                Ok(None) => return Err(ImapError::ConnectionLost { command }),
                Err(error) => return Err(self.unreadable(command, &error)),
            };
            match response.parsed() {
                Response::Data { status: Status::Bye, outcome } if command != "LOGOUT" => return Err(ImapError::bye(&text(outcome))),
                Response::Done { tag, .. } => {
                    // An answer to something that was never asked is no answer.
                    let Some(at) = self.pending.iter().position(|pending| pending.tag == tag.0) else { continue };
                    self.answered = self.pending.remove(at).map_or("", |pending| pending.command);
                }
                Response::Fetch(_, attributes) if attributes.iter().any(stands_in) => self.body = self.client.get_mut().bodies().next(),
                _ => {}
            }
            return Ok(Some(on(response.parsed())));
        }
        Ok(None)
    }

    /// `async-imap` puts what it could not read into its errors: nothing of their text goes on.
    fn unreadable(&self, command: &'static str, error: &io::Error) -> ImapError {
        match error.get_ref().map(|inner| inner.downcast_ref::<Refusal>()) {
            Some(Some(Refusal::Literal { octets, uid })) => {
                ImapError::LiteralTooLarge { command, uid: *uid, octets: *octets, limit: self.limits.frame.literal }
            }
            Some(Some(Refusal::Line | Refusal::Unreadable)) => ImapError::Malformed { command },
            Some(None) if error.kind() == io::ErrorKind::Other => ImapError::Malformed { command },
            _ => ImapError::ConnectionLost { command },
        }
    }

    /// The command that is being answered.
    pub(super) fn command(&self) -> &'static str {
        self.pending.front().map_or("", |pending| pending.command)
    }

    /// From here on the octets of messages are kept out of the responses, which show [`STAND_IN`] instead, or shown like all else.
    pub(super) fn keep_bodies(&mut self, keep: bool) {
        self.client.get_mut().bodies().want(keep);
    }

    /// The message that the last response showed a [`STAND_IN`] for.
    pub(super) fn take_body(&mut self) -> Option<io::Result<MessageWriter>> {
        self.body.take()
    }

    /// Untagged responses to the last command that no parser could read.
    pub(super) fn take_aside(&mut self) -> Vec<Vec<u8>> {
        self.client.get_mut().take_aside()
    }
}

/// # Errors
/// Unless the status is OK.
pub(super) fn accepted(command: &'static str, status: &Status, outcome: &Outcome<'_>) -> Result<(), ImapError> {
    match status {
        Status::Ok => Ok(()),
        Status::No => Err(ImapError::no(command, &text(outcome))),
        _ => Err(ImapError::bad(command, &text(outcome))),
    }
}

fn stands_in(attribute: &AttributeValue<'_>) -> bool {
    matches!(attribute, AttributeValue::BodySection { section: None, data: Some(data), .. } if **data == *STAND_IN)
}

fn text(outcome: &Outcome<'_>) -> String {
    outcome.information.as_deref().unwrap_or_default().to_owned()
}

pub(super) fn offered_in(response: &Response<'_>) -> Option<Capabilities> {
    match response {
        Response::Capabilities(list) => Some(Capabilities::of(list)),
        Response::Data { outcome, .. } | Response::Done { outcome, .. } => match &outcome.code {
            Some(ResponseCode::Capabilities(list)) => Some(Capabilities::of(list)),
            _ => None,
        },
        _ => None,
    }
}
