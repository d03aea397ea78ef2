//! Requests about the node and its store as a whole.

use super::connection::{Client, answered, escaped, read};
use super::error::ClientError;
use crate::wire::{
    DeadLetter, DeadLetters, Given, GroupRequest, Imported, MessageRequest, MessageTaken,
    NodeStatus, Place, Places, PlacesQuery, Published, TopicRequest, Verified,
};
use futures_util::Stream;
use futures_util::TryStreamExt;
use reqwest::Method;

impl Client {
    /// The node.
    pub async fn node(&self) -> Result<NodeStatus, ClientError> {
        self.get("node").await
    }

    /// Dead letters, newest first.
    pub async fn dead(&self, limit: usize) -> Result<Vec<DeadLetter>, ClientError> {
        let found: DeadLetters = self.get(&format!("dead?limit={limit}")).await?;
        Ok(found.dead)
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
        let request = self.request(Method::POST, &format!("topics/{}", escaped(topic)));
        self.change(request.json(&TopicRequest { body }), request_key).await
    }

    /// Puts a message into the mailbox of each process in a group.
    pub async fn publish_to_group(
        &self,
        group: &str,
        request: &GroupRequest,
        request_key: Option<&str>,
    ) -> Result<Published, ClientError> {
        let to = self.request(Method::POST, &format!("groups/{}", escaped(group)));
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
        let found: Verified = self.get("verify").await?;
        Ok(found.problems)
    }

    /// Every process, a line each, in pieces as they come.
    pub async fn export(
        &self,
    ) -> Result<impl Stream<Item = Result<Vec<u8>, ClientError>> + Unpin, ClientError> {
        let response = answered(self.request(Method::GET, "export")).await?;
        let chunks = response.bytes_stream();
        Ok(Box::pin(chunks.map_ok(|chunk| chunk.to_vec()).map_err(ClientError::from)))
    }

    /// Takes in exported lines.
    pub async fn import(&self, lines: Vec<u8>) -> Result<Imported, ClientError> {
        let request =
            self.request(Method::POST, "import").header("content-type", "application/x-ndjson");
        read(request.body(lines)).await
    }
}
