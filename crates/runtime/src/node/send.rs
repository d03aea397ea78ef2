//! Messages from outside.

use super::handle::Node;
use crate::engine::External;
use crate::{Error, Result};
use greenroom_journal::Outgoing;
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
    /// A second request with the same key does nothing.
    pub request_key: Option<String>,
}

/// The longest topic, in bytes.
const TOPIC_MAX_BYTES: usize = 200;

impl Node {
    /// Appends a message to a process's mailbox. Durable when it returns.
    ///
    /// # Errors
    /// `no_process`; `ended`; `repeated` if the request's key was used before.
    pub async fn send(&self, to: &ProcessId, request: SendRequest) -> Result<()> {
        let SendRequest { topic, body, by, request_key } = request;
        if topic.is_empty() || topic.len() > TOPIC_MAX_BYTES {
            return Err(Error::BadRequest("a topic has 1 to 200 bytes".to_owned()));
        }
        let content = Content::User { topic, body, reply_to: None };
        // A key is the sender's word for one message to one process.
        let request = request_key.map(|key| format!("{to} {key}"));
        self.append(to, content, &by, request).await
    }

    pub(super) async fn append(
        &self,
        to: &ProcessId,
        content: Content,
        by: &str,
        request: Option<String>,
    ) -> Result<()> {
        let row = self.reachable(to).await?;
        if row.status.is_ended() && !content.reaches_ended() {
            return Err(Error::Ended { id: to.clone(), status: row.status });
        }
        let from = Origin::External(by.to_owned());
        let send = Outgoing { to: to.clone(), from, content, root: row.root, hops: 0 };
        let external = External { sends: vec![send], request, ..External::default() };
        let receipt = self.request(external).await?;
        match receipt.undeliverable.first() {
            None => Ok(()),
            Some(lost) => match lost.ended {
                Some(status) => Err(Error::Ended { id: to.clone(), status }),
                None => Err(Error::NoProcess { id: to.clone() }),
            },
        }
    }
}
