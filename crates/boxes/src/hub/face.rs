//! What the hub asks of whoever carries messages, and what it is told: plain data.

use crate::spec::Rights;
use serde::Serialize;
use std::pin::Pin;
use tokio::sync::mpsc;

/// What comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A box, as who serves its socket knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resident {
    /// Its name.
    pub name: String,
    /// What tells it from boxes that had the name before: higher than theirs, and the same for
    /// as long as it exists, whether it runs or not.
    pub number: u64,
    /// The process that owns it.
    pub owner: Option<String>,
    /// What it may do beside writing to its owner.
    pub rights: Rights,
    /// What its owner lets it do of that; `None`: all of it.
    pub within: Option<Rights>,
}

/// What a box says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its topic: one line, 1 to 100 bytes.
    pub topic: String,
    /// JSON, checked: not nested so deeply that a reader would refuse it.
    pub body: String,
    /// Unlike that of any other message of this box; the same one comes with the same key.
    pub key: String,
}

/// What came of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// It was taken under its key before; nothing was done now.
    pub repeated: bool,
    /// In how many mailboxes it is.
    pub told: u64,
}

/// Something for a box. Given again until it is acknowledged.
#[derive(Clone, Debug, Serialize)]
pub struct Event {
    /// The same each time it is given, and rising.
    pub seq: u64,
    /// Its topic.
    pub topic: String,
    /// Who sent or published it.
    pub from: String,
    /// What it says.
    pub body: Box<serde_json::value::RawValue>,
    /// The body was this long, which is too much for a box: it is `null` instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut_bytes: Option<u64>,
}

/// What is heard from now on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscribed {
    /// Of these only what is sent to the box itself: it may not hear what is published there.
    pub refused: Vec<String>,
}

/// Why something was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// A short stable word for programs.
    pub code: String,
    /// What happened, and why.
    pub message: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// It may work after so long.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

impl Refusal {
    /// One for good.
    #[must_use]
    pub fn new(code: &str, message: impl Into<String>, next: &str) -> Refusal {
        let next = (!next.is_empty()).then(|| next.to_owned());
        Refusal { code: code.to_owned(), message: message.into(), next, retry_after_ms: None }
    }

    /// One for now.
    #[must_use]
    pub fn for_now(code: &str, message: impl Into<String>, retry_after_ms: u64) -> Refusal {
        let retry_after_ms = Some(retry_after_ms);
        Refusal { code: code.to_owned(), message: message.into(), next: None, retry_after_ms }
    }
}

/// Who carries messages. Each call names the box it is for; none of it is the box's own word.
/// What has returned `Ok` is durable.
pub trait Hub: Send + Sync {
    /// Makes the place where what is sent to the box waits, if it is not there. Called when the
    /// socket is first served, and before anything else is asked for the box.
    fn open<'a>(&'a self, of: &'a Resident) -> Later<'a, Result<(), Refusal>>;

    /// A message to one.
    fn send<'a>(
        &'a self,
        from: &'a Resident,
        to: &'a str,
        message: Message,
    ) -> Later<'a, Result<Delivery, Refusal>>;

    /// A message to all who listen.
    fn publish<'a>(
        &'a self,
        from: &'a Resident,
        message: Message,
    ) -> Later<'a, Result<Delivery, Refusal>>;

    /// What is published under these waits for the box from now on, until it is unsubscribed.
    fn subscribe<'a>(
        &'a self,
        of: &'a Resident,
        topics: &'a [String],
    ) -> Later<'a, Result<Subscribed, Refusal>>;

    /// It does not any more. What waits already, does.
    fn unsubscribe<'a>(
        &'a self,
        of: &'a Resident,
        topics: &'a [String],
    ) -> Later<'a, Result<(), Refusal>>;

    /// Gives what waits under these topics and is not acknowledged, each once, the oldest first,
    /// then what comes, until it is dropped or an error ends it.
    fn events(
        &self,
        of: &Resident,
        topics: Vec<String>,
        into: mpsc::Sender<Event>,
    ) -> Later<'static, Result<(), Refusal>>;

    /// It does not wait any more. Of one that does not wait: nothing.
    fn acknowledge<'a>(&'a self, of: &'a Resident, seq: u64) -> Later<'a, Result<(), Refusal>>;
}
