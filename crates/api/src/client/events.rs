//! Following a process.

use super::error::ClientError;
use super::sse::{Message, Parser};
use crate::wire::{ErrorWords, Turn};
use greenroom_model::{Exit, Payload};
use reqwest::Response;
use serde::de::DeserializeOwned;

/// What a follower sees.
#[derive(Clone, Debug)]
pub enum Seen {
    /// A commit.
    Turn(Turn),
    /// A value of the live stream.
    Emitted(Payload),
    /// The end of the process, and of the stream.
    Ended(Exit),
}

/// The events of one process as they come.
pub struct Events {
    response: Response,
    parser: Parser,
    over: bool,
}

impl Events {
    pub(super) fn new(response: Response) -> Events {
        Events { response, parser: Parser::default(), over: false }
    }

    /// The next one. `None`: the stream is over; without [`Seen::Ended`]
    /// before it the node has stopped, and the process goes on with it.
    /// Dropping this future loses nothing.
    ///
    /// # Errors
    /// [`ClientError`]; then the stream is over.
    pub async fn next(&mut self) -> Result<Option<Seen>, ClientError> {
        while !self.over {
            if let Some(message) = self.parser.next() {
                if let Some(seen) = seen(&message)? {
                    self.over = matches!(seen, Seen::Ended(_));
                    return Ok(Some(seen));
                }
                continue;
            }
            match self.response.chunk().await {
                Ok(Some(bytes)) => self.parser.push(&bytes),
                Ok(None) => self.over = true,
                // A node that was killed does not end its streams well.
                Err(error) if error.is_body() || error.is_decode() => self.over = true,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(None)
    }
}

fn seen(message: &Message) -> Result<Option<Seen>, ClientError> {
    match message.name.as_str() {
        "turn" => parse(message).map(Seen::Turn).map(Some),
        "emitted" => parse(message).map(Seen::Emitted).map(Some),
        "ended" => parse(message).map(Seen::Ended).map(Some),
        "error" => Err(parse::<ErrorWords>(message)?.into()),
        // Of a later version.
        _ => Ok(None),
    }
}

fn parse<T: DeserializeOwned>(message: &Message) -> Result<T, ClientError> {
    serde_json::from_str(&message.data).map_err(|error| {
        ClientError::new("not_understood", format!("an event cannot be read: {error}"))
    })
}
