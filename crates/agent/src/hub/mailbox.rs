//! The process that keeps what is for a box, until the box has acknowledged it.
//!
//! It takes messages into its state, one in each of a few places; the hub reads them there and
//! gives them to the box, and tells the process which the box has. So nothing is in anybody's
//! memory alone, and nothing runs while the box is away.

use super::place::{KIND, mailbox_name};
use greenroom_model::{Failure, Origin, Payload};
use greenroom_runtime::{Ctx, KindOptions, Mailbox, Overflow, Received, Registry};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::time::Duration;

/// What the hub says of itself when it writes to a mailbox. Boxes and processes have other names.
pub(super) const BY: &str = "greenroom hub";
/// A box has got these: numbers.
pub(super) const ACKNOWLEDGE: &str = "greenroom.box.acknowledge";
/// It wants to hear these: patterns.
pub(super) const SUBSCRIBE: &str = "greenroom.box.subscribe";
/// It does not any more.
pub(super) const UNSUBSCRIBE: &str = "greenroom.box.unsubscribe";
/// The state that names what is heard.
pub(super) const TOPICS: &str = "topics";
/// The state that names the owner, when all is ready.
pub(super) const OWNER: &str = "owner";
/// The state that a message is in: this and its place.
pub(super) const PLACE: &str = "place/";

/// So many are taken out of the mailbox and not acknowledged.
const PLACES: usize = 64;
/// So many can wait in the mailbox; then the oldest goes, so that a box that does not listen
/// holds up nobody who writes to it.
const WAITING_MAX: usize = 10_000;
/// A box is given no larger body.
const BODY_BYTES_MAX: usize = Payload::INLINE_MAX_BYTES;
/// So many patterns a box hears.
pub(super) const TOPICS_MAX: usize = 64;
/// After so many messages the journal begins anew.
const MESSAGES_MAX: u32 = 200;

/// What goes on from one journal to the next.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Start {
    pub name: String,
    pub owner: Option<String>,
    #[serde(default)]
    pub next: u64,
    #[serde(default)]
    pub topics: BTreeSet<String>,
}

/// A message in its place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Placed {
    pub seq: u64,
    pub topic: String,
    pub from: String,
    pub body: Payload,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cut_bytes: Option<u64>,
}

/// Adds the kind of boxes' mailboxes.
pub fn register(registry: Registry) -> Registry {
    let mailbox = Mailbox {
        messages_max: WAITING_MAX,
        overflow: Overflow::DropOldest { topics: vec![">".to_owned()] },
        ..Mailbox::default()
    };
    let options = KindOptions { mailbox, ..KindOptions::default() };
    registry.kind(KIND, run).with_options(KIND, options)
}

async fn run(ctx: Ctx, mut start: Start) -> Result<(), Failure> {
    if start.next == 0 {
        take_name(&ctx, &start.name).await?;
        ctx.set(OWNER, &start.owner)?;
        start.next = 1;
    }
    let key = |place: usize| format!("{PLACE}{place:02}");
    let seq_of = |place| ctx.get::<Option<Placed>>(&key(place)).flatten().map(|one| one.seq);
    let mut places: Vec<Option<u64>> = (0..PLACES).map(seq_of).collect();
    for _ in 0..MESSAGES_MAX {
        let free = places.iter().position(Option::is_none);
        let received = match free {
            Some(_) => ctx.recv().await?,
            None => ctx.recv().topic(ACKNOWLEDGE).topic(SUBSCRIBE).topic(UNSUBSCRIBE).await?,
        };
        if received.from == Origin::External(BY.to_owned()) {
            told(&ctx, &mut start, &mut places, &received)?;
        } else if received.is_call() {
            let words = "a box does not reply to calls; send it a message";
            ctx.reply_failure(&received, Failure::fatal("no_reply", words));
        } else if let Some(free) = free {
            let placed = placed(start.next, &received);
            start.next += 1;
            ctx.set(&key(free), &placed)?;
            places[free] = Some(placed.seq);
        }
        // A message of somebody else under a topic of ours, and no place for it, is nobody's.
    }
    ctx.continue_as_new(&start)
}

/// One that had the name before is about to end, if it has not.
async fn take_name(ctx: &Ctx, name: &str) -> Result<(), Failure> {
    let mut left = 60;
    loop {
        match ctx.register(&mailbox_name(name)).await {
            Err(_) if left > 0 => left -= 1,
            done => return done,
        }
        ctx.sleep(Duration::from_millis(500)).await?;
    }
}

/// What the hub says.
fn told(
    ctx: &Ctx,
    start: &mut Start,
    places: &mut [Option<u64>],
    received: &Received,
) -> Result<(), Failure> {
    match &*received.topic {
        ACKNOWLEDGE => {
            let seq: u64 = received.read()?;
            for (place, taken) in places.iter_mut().enumerate() {
                if *taken == Some(seq) {
                    ctx.set(&format!("{PLACE}{place:02}"), &None::<Placed>)?;
                    *taken = None;
                }
            }
            Ok(())
        }
        SUBSCRIBE => {
            for topic in received.read::<Vec<String>>()? {
                if start.topics.len() < TOPICS_MAX && start.topics.insert(topic.clone()) {
                    ctx.subscribe(&topic)?;
                }
            }
            ctx.set(TOPICS, &start.topics)
        }
        UNSUBSCRIBE => {
            for topic in received.read::<Vec<String>>()? {
                if start.topics.remove(&topic) {
                    ctx.unsubscribe(&topic);
                }
            }
            ctx.set(TOPICS, &start.topics)
        }
        _ => Ok(()),
    }
}

fn placed(seq: u64, received: &Received) -> Placed {
    let whole = received.body.text().filter(|text| text.len() <= BODY_BYTES_MAX);
    let bytes = match &received.body {
        Payload::Blob(blob) => blob.bytes,
        body => u64::try_from(body.bytes()).unwrap_or(u64::MAX),
    };
    let (topic, from) = (received.topic.to_string(), received.from.to_string());
    let cut_bytes = whole.is_none().then_some(bytes);
    let body = if whole.is_some() { received.body.clone() } else { Payload::null() };
    Placed { seq, topic, from, body, cut_bytes }
}
