//! Messages from outside.

use super::handle::Node;
use super::once::Wish;
use crate::code::{Doors, Room};
use crate::engine::External;
use crate::{Error, Result};
use greenroom_journal::{Outgoing, Receipt};
use greenroom_model::{Content, Origin, Payload, ProcessId};

/// A message from outside: a signal.
#[derive(Clone, Debug)]
pub struct SendRequest {
    /// Its topic.
    pub topic: String,
    /// What it says.
    pub body: Payload,
    /// Who sends it.
    pub by: String,
}

/// A message that is in the mailbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// A request with the same key ([`Node::once`]) put it there before.
    pub repeated: bool,
}

/// The longest topic, in bytes.
const TOPIC_MAX_BYTES: usize = 200;

impl Node {
    /// Appends a message to a process's mailbox. Durable when it returns.
    ///
    /// # Errors
    /// `no_process`; `ended`; `mailbox_full`.
    pub async fn send(&self, to: &ProcessId, request: SendRequest) -> Result<Sent> {
        let SendRequest { topic, body, by } = request;
        if topic.is_empty() || topic.len() > TOPIC_MAX_BYTES {
            return Err(Error::BadRequest("a topic has 1 to 200 bytes".to_owned()));
        }
        let wish = self.wish("send", &[to.as_str(), &topic, body.text().unwrap_or_default()]);
        if let Some(done) = self.done(&wish).await? {
            return taken(to, &done.receipt).map(|()| Sent { repeated: true });
        }
        if self.engine.rooms.room(to, &topic) != Room::Open {
            return Err(Error::MailboxFull { id: to.clone() });
        }
        let content = Content::User { topic, body, reply_to: None, carried: None };
        let repeated = self.append(to, content, &by, wish).await?;
        Ok(Sent { repeated })
    }

    /// Puts something into a mailbox. `true`: that was done before.
    pub(super) async fn append(
        &self,
        to: &ProcessId,
        content: Content,
        by: &str,
        wish: Wish,
    ) -> Result<bool> {
        let row = self.reachable(to).await?;
        if row.status.is_ended() && !content.reaches_ended() {
            return Err(Error::Ended { id: to.clone(), status: row.status });
        }
        let from = Origin::External(by.to_owned());
        let send = Outgoing { to: to.clone(), from, content, root: row.root, hops: 0 };
        let request = self.keyed(wish, "");
        let external = External { sends: vec![send], request, ..External::default() };
        let carried = self.request(external).await?;
        taken(to, &carried.receipt)?;
        Ok(carried.before.is_some())
    }
}

/// Whether a mailbox took what was sent.
pub(super) fn taken(to: &ProcessId, receipt: &Receipt) -> Result<()> {
    match receipt.undeliverable.first() {
        None => Ok(()),
        Some(lost) => match lost.ended {
            Some(status) => Err(Error::Ended { id: to.clone(), status }),
            None => Err(Error::NoProcess { id: to.clone() }),
        },
    }
}
