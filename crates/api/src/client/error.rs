//! What a request can come back with instead of an answer.

use crate::wire::{ErrorBody, ErrorWords};

/// A request that was not done, or of which nobody knows.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct ClientError {
    /// A short stable word: the node's, or `no_node`, `no_answer`, `broken`,
    /// `not_understood`.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do, where the message does not say it.
    pub next: Option<String>,
}

/// The code of a request that was sent, and not answered in time.
pub(super) const NO_ANSWER: &str = "no_answer";

impl ClientError {
    pub(super) fn new(code: &str, message: impl Into<String>) -> ClientError {
        ClientError { code: code.to_owned(), message: message.into(), next: None }
    }

    /// Whether nobody answers on the socket.
    #[must_use]
    pub fn is_no_node(&self) -> bool {
        self.code == "no_node"
    }

    /// The node's own words, if the body holds them.
    pub(super) fn of_body(status: u16, body: &[u8]) -> ClientError {
        match serde_json::from_slice::<ErrorBody>(body) {
            Ok(body) => body.error.into(),
            Err(_) => ClientError::new(
                "not_understood",
                format!("the node answered {status} without words"),
            ),
        }
    }
}

impl From<ErrorWords> for ClientError {
    fn from(words: ErrorWords) -> ClientError {
        ClientError { code: words.code, message: words.message, next: words.next }
    }
}

impl From<reqwest::Error> for ClientError {
    fn from(error: reqwest::Error) -> ClientError {
        if error.is_timeout() {
            let next = "it may be suspended (`kill -CONT` its process lets it go on), or have more \
                to do than it can; whether it did this is unknown";
            return ClientError {
                next: Some(next.to_owned()),
                ..ClientError::new(NO_ANSWER, "the node is there and does not answer")
            };
        }
        if error.is_connect() {
            return ClientError::new("no_node", "no node is running here");
        }
        ClientError {
            next: Some("the node may have stopped; whether it did this is unknown".to_owned()),
            ..ClientError::new(
                "broken",
                format!("the connection to the node broke: {}", causes(&error)),
            )
        }
    }
}

/// The innermost cause says most.
fn causes(error: &dyn std::error::Error) -> String {
    let mut inner = error;
    while let Some(source) = inner.source() {
        inner = source;
    }
    inner.to_string()
}
