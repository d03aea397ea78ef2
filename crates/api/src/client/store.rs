//! Requests about the node and its store as a whole.

use super::connection::{Client, answered, read};
use super::error::ClientError;
use crate::wire::{DeadLetter, DeadLetters, Imported, NodeStatus, Verified};
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
