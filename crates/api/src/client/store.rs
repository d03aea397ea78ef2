//! Requests about the node and its store as a whole.

use super::connection::{Client, answered, read};
use super::error::ClientError;
use crate::wire::{
    DeadLetter, DeadLetters, DropRequest, Dropped, Imported, KindCount, Kinds, LetterQuery,
    NodeStatus, RequeueRequest, Requeued, Verified,
};
use futures_util::Stream;
use futures_util::TryStreamExt;
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

    /// Takes in an export, in pieces as they come.
    pub async fn import<S>(&self, pieces: S) -> Result<Imported, ClientError>
    where
        S: Stream<Item = std::io::Result<Vec<u8>>> + Send + 'static,
    {
        let request =
            self.request(Method::POST, "import").header("content-type", "application/x-ndjson");
        read(request.body(reqwest::Body::wrap_stream(pieces))).await
    }
}
