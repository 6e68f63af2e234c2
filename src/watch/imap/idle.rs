//! Waiting for mail without asking.

use async_imap::imap_proto::{MailboxDatum, Response};
use tokio::time::{Instant, timeout};

use super::error::ImapError;
use super::selected::Selected;
use super::session::Session;

const IDLE: &str = "IDLE";
/// Why an IDLE is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IdleEnd {
    /// The caller's time or the ceiling came first.
    Deadline,
    /// The folder has grown, or may have.
    News,
}

impl Session {
    /// Waits until the open folder grows, until `until` is over, or for [`super::Limits::idle`]; then at most [`super::Limits::idle_end`] for
    /// the server to end it.
    ///
    /// # Errors
    /// [`ImapError::Unsupported`] where there is no IDLE, besides what every command fails with.
    pub async fn idle(&mut self, selected: &Selected, until: impl Future<Output = ()>) -> Result<IdleEnd, ImapError> {
        self.require_selected(IDLE, selected)?;
        if !self.capabilities.idle {
            return Err(ImapError::Unsupported { command: IDLE, capability: IDLE });
        }
        self.send(IDLE, "", 0).await?;
        let mut news = false;
        // Exchange tells its news before it says that it is idling.
        while let Some(idling) = self.next(|response| heard(response, &mut news)).await? {
            if idling {
                break;
            }
        }
        self.wait(&mut news, until).await?;
        self.deadline = Instant::now() + self.limits.idle_end;
        self.write(b"DONE\r\n").await?;
        while self.next(|response| heard(response, &mut news)).await?.is_some() {}
        self.stale = false;
        Ok(if news { IdleEnd::News } else { IdleEnd::Deadline })
    }

    async fn wait(&mut self, news: &mut bool, until: impl Future<Output = ()>) -> Result<(), ImapError> {
        let ceiling = self.limits.idle;
        let listening = async {
            while !*news {
                self.hear(|response| heard(response, news)).await?;
                if self.is_in_step() {
                    // The server ended what only the client may end.
                    return Err(ImapError::Malformed { command: IDLE });
                }
            }
            Ok(())
        };
        // Neither `* OK Still here` nor anything else that a server says renews the ceiling. What is cut
        // short here is one read, of which nothing is lost.
        tokio::select! {
            heard = timeout(ceiling, listening) => heard.unwrap_or(Ok(())),
            () = until => Ok(()),
        }
    }
}

/// Whether the server is idling now; notes whether the folder has grown.
fn heard(response: &Response<'_>, news: &mut bool) -> bool {
    *news |= matches!(response, Response::MailboxData(MailboxDatum::Exists(_) | MailboxDatum::Recent(_)));
    matches!(response, Response::Continue(_))
}
