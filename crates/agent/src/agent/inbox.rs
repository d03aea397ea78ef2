//! What people say to an agent: waited for all the time, taken in between two
//! calls of its model.

use futures_util::FutureExt;
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Operation, Received};
use serde_json::Value;
use std::future::IntoFuture;

/// The topic of messages that are for an agent to read: a string.
pub const SAY: &str = "say";
/// The topic of the message that ends a chat.
pub const BYE: &str = "bye";

/// What people say.
pub(super) struct Inbox {
    ctx: Ctx,
    next: Operation<Received>,
}

/// What a person has said.
pub(super) enum Heard {
    /// Words for the model.
    Words(String),
    /// The chat is over.
    Bye,
}

impl Inbox {
    pub fn open(ctx: &Ctx) -> Inbox {
        Inbox { ctx: ctx.clone(), next: listen(ctx) }
    }

    /// What has come since the last look, if anything.
    pub fn look(&mut self) -> Result<Option<Heard>, Failure> {
        (&mut self.next).now_or_never().map(|received| self.read(received)).transpose()
    }

    /// Waits for the next word, for as long as it takes.
    pub async fn wait(&mut self) -> Result<Heard, Failure> {
        let received = (&mut self.next).await;
        self.read(received)
    }

    fn read(&mut self, received: Result<Received, Failure>) -> Result<Heard, Failure> {
        let received = received?;
        self.next = listen(&self.ctx);
        if received.topic.as_str() == BYE {
            return Ok(Heard::Bye);
        }
        Ok(Heard::Words(match received.read()? {
            Value::String(words) => words,
            other => other.to_string(),
        }))
    }
}

fn listen(ctx: &Ctx) -> Operation<Received> {
    ctx.recv().topic(SAY).topic(BYE).into_future()
}
