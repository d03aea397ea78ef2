//! Requests about the node and its store as a whole.

use super::connection::{Client, answered, escaped, read};
use super::error::ClientError;
use crate::wire::{
    DeadLetter, DeadLetters, DropRequest, Dropped, Given, GroupRequest, Imported, KindCount, Kinds,
    LetterQuery, MessageRequest, MessageTaken, NodeStatus, Place, Places, PlacesQuery, Published,
    Queues, RequeueRequest, Requeued, TopicRequest, Verified,
};
use futures_util::Stream;
use futures_util::TryStreamExt;
use greenroom_model::queue::QueueView;
use reqwest::Method;

impl Client {
    /// The node.
    pub async fn node(&self) -> Result<NodeStatus, ClientError> {
        self.get("node").await
    }

    /// Each version of each kind: whether there is code, and who runs it.
    pub async fn kinds(&self) -> Result<Vec<KindCount>, ClientError> {
        let found: Kinds = self.get("kinds").await?;
        Ok(found.kinds)
    }

    /// What each queue is doing.
    pub async fn queues(&self) -> Result<Vec<QueueView>, ClientError> {
        let found: Queues = self.get("queues").await?;
        Ok(found.queues)
    }

    /// Ends a queue's hold and closes its circuit.
    pub async fn reopen_queue(&self, name: &str) -> Result<QueueView, ClientError> {
        self.post(&format!("queues/{name}/reopen"), &serde_json::json!({})).await
    }

    /// The newest dead letters.
    pub async fn dead(&self, limit: usize) -> Result<Vec<DeadLetter>, ClientError> {
        self.letters(&LetterQuery { limit: Some(limit), ..LetterQuery::default() }).await
    }

    /// Dead letters, newest first.
    pub async fn letters(&self, query: &LetterQuery) -> Result<Vec<DeadLetter>, ClientError> {
        let found: DeadLetters = self.get_with("dead", query).await?;
        Ok(found.dead)
    }

    /// One of them.
    pub async fn letter(&self, no: i64) -> Result<DeadLetter, ClientError> {
        self.get(&format!("dead/{no}")).await
    }

    /// Sends dead letters again.
    pub async fn requeue(&self, request: &RequeueRequest) -> Result<Requeued, ClientError> {
        self.post("dead/requeue", request).await
    }

    /// Drops dead letters.
    pub async fn drop_letters(&self, request: &DropRequest) -> Result<Dropped, ClientError> {
        self.post("dead/drop", request).await
    }

    /// Who is found where; `sort` is `names`, `groups` or `subscriptions`.
    pub async fn places(
        &self,
        sort: &str,
        name: Option<&str>,
        limit: usize,
    ) -> Result<Vec<Place>, ClientError> {
        let query = PlacesQuery { name: name.map(str::to_owned), limit: Some(limit) };
        let found: Places = self.get_with(sort, &query).await?;
        Ok(found.places)
    }

    /// Publishes under a topic. With a key, doing it again is harmless.
    pub async fn publish(
        &self,
        topic: &str,
        body: Given,
        request_key: Option<&str>,
    ) -> Result<Published, ClientError> {
        let request = self.long_request(Method::POST, &format!("topics/{}", escaped(topic)));
        self.change(request.json(&TopicRequest { body }), request_key).await
    }

    /// Puts a message into the mailbox of each process in a group.
    pub async fn publish_to_group(
        &self,
        group: &str,
        request: &GroupRequest,
        request_key: Option<&str>,
    ) -> Result<Published, ClientError> {
        let to = self.long_request(Method::POST, &format!("groups/{}", escaped(group)));
        self.change(to.json(request), request_key).await
    }

    /// Puts a message into the mailbox of who has a name.
    pub async fn send_to_name(
        &self,
        name: &str,
        message: &MessageRequest,
        request_key: Option<&str>,
    ) -> Result<MessageTaken, ClientError> {
        let to = self.request(Method::POST, &format!("names/{}/messages", escaped(name)));
        self.change(to.json(message), request_key).await
    }

    /// Everything in the store that cannot be right.
    pub async fn verify(&self) -> Result<Vec<String>, ClientError> {
        let found: Verified = read(self.long_request(Method::GET, "verify")).await?;
        Ok(found.problems)
    }

    /// Every process, a line each, in pieces as they come.
    pub async fn export(
        &self,
    ) -> Result<impl Stream<Item = Result<Vec<u8>, ClientError>> + Unpin, ClientError> {
        let response = answered(self.long_request(Method::GET, "export")).await?;
        let chunks = response.bytes_stream();
        Ok(Box::pin(chunks.map_ok(|chunk| chunk.to_vec()).map_err(ClientError::from)))
    }

    /// Takes in an export, in pieces as they come.
    pub async fn import<S>(&self, pieces: S) -> Result<Imported, ClientError>
    where
        S: Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static,
    {
        let request = self
            .long_request(Method::POST, "import")
            .header("content-type", "application/x-ndjson");
        read(request.body(reqwest::Body::wrap_stream(pieces))).await
    }
}
