//! One connection of a box's program: requests, one after another, and the events it has asked
//! for in between.

use super::face::{Event, Hub, Later, Refusal, Resident};
use super::lines::{Line, Lines};
use super::quota::{Meter, Quota};
use super::wire::{self, Request};
use crate::network::clock::{pause, within};
use crate::sandbox::clock::now_ms;
use rustix::rand::{GetRandomFlags, getrandom};
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;

/// What a request may take; then it is said that nobody knows whether it was done.
const REQUEST_TIME_MAX: Duration = Duration::from_secs(30);
/// A refusal for the quota is held back for so long at most: a box that does not listen to it
/// is slowed down by it.
const HELD_BACK_MAX_MS: u64 = 100;

/// What still comes behind a line that is too long is thrown away, so long and so much.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);
const DRAIN_BYTES_MAX: usize = 8 << 20;

/// All that the connections of a box share.
pub(super) struct Post {
    pub resident: Resident,
    pub hub: Arc<dyn Hub>,
    pub quota: Quota,
    pub meter: Mutex<Meter>,
}

/// What a connection listens to.
struct Feed {
    running: Later<'static, Result<(), Refusal>>,
    events: mpsc::Receiver<Event>,
    /// Given here, and not acknowledged.
    given: BTreeSet<u64>,
}

enum Next {
    Line(io::Result<Line>),
    Event(Event),
    Failed(Refusal),
}

/// Serves one connection to its end.
pub(super) async fn serve(post: &Post, stream: UnixStream) {
    let (read, mut write) = stream.into_split();
    let mut lines = Lines::new(read, post.quota.line_bytes_max);
    let mut feed: Option<Feed> = None;
    // Who cannot be answered any more has gone.
    while let Ok(true) = one(post, &mut lines, &mut feed, &mut write).await {}
}

/// Whether there is more to come.
async fn one(
    post: &Post,
    lines: &mut Lines,
    feed: &mut Option<Feed>,
    write: &mut OwnedWriteHalf,
) -> io::Result<bool> {
    match next(post, lines, feed).await {
        Next::Line(line) => match line? {
            Line::Whole(line) => {
                let answer = answer(post, feed, &line).await;
                write.write_all(answer.as_bytes()).await?;
                Ok(true)
            }
            Line::TooLong => {
                let most = post.quota.line_bytes_max;
                let message = format!("a request has more than {most} bytes");
                let next = "put what is large into a file of the box, and send its path";
                let refusal = Refusal::new("too_long", message, next);
                write.write_all(wire::refused(&refusal).as_bytes()).await?;
                // Closed with something unread, it would take the answer back.
                within(DRAIN_TIME_MAX, lines.drain(DRAIN_BYTES_MAX)).await;
                Ok(false)
            }
            Line::End => Ok(false),
        },
        Next::Event(event) => {
            write.write_all(wire::event(&event).as_bytes()).await?;
            if let Some(feed) = feed {
                feed.given.insert(event.seq);
            }
            Ok(true)
        }
        Next::Failed(refusal) => {
            write.write_all(wire::refused(&refusal).as_bytes()).await?;
            Ok(false)
        }
    }
}

async fn next(post: &Post, lines: &mut Lines, feed: &mut Option<Feed>) -> Next {
    let Some(feed) = feed else { return Next::Line(lines.next().await) };
    let wanted = feed.given.len() < post.quota.events_max;
    tokio::select! {
        line = lines.next() => Next::Line(line),
        Some(event) = feed.events.recv(), if wanted => Next::Event(event),
        ended = &mut feed.running => Next::Failed(ended.err().unwrap_or_else(gone)),
    }
}

fn gone() -> Refusal {
    Refusal::for_now("unavailable", "what comes for this box is not told any more here", 500)
}

async fn answer(post: &Post, feed: &mut Option<Feed>, line: &[u8]) -> String {
    let bytes = u64::try_from(line.len()).unwrap_or(u64::MAX);
    let taken = post.meter.lock().unwrap_or_else(PoisonError::into_inner).take(bytes, now_ms());
    if let Err(over) = taken {
        pause(Duration::from_millis(over.retry_after_ms.min(HELD_BACK_MAX_MS))).await;
        let message = format!("this box asks too much of the hub: {}", over.what);
        return wire::refused(&Refusal::for_now("quota", message, over.retry_after_ms));
    }
    let done = match wire::read(line, &post.quota, &fresh_key()) {
        Ok(request) => match within(REQUEST_TIME_MAX, carry(post, feed, request)).await {
            Some(done) => done,
            None => {
                let message = "the node did not do it in time, and may do it yet: the same \
                               request under the same key is still one";
                Err(Refusal::for_now("unavailable", message, 1000))
            }
        },
        Err(refusal) => Err(refusal),
    };
    done.unwrap_or_else(|refusal| wire::refused(&refusal))
}

async fn carry(post: &Post, feed: &mut Option<Feed>, asked: Request) -> Result<String, Refusal> {
    let Post { hub, resident, .. } = post;
    hub.open(resident).await?;
    match asked {
        Request::Send { to, message } => {
            let key = message.key.clone();
            Ok(wire::delivered(&key, hub.send(resident, &to, message).await?))
        }
        Request::Publish(message) => {
            let key = message.key.clone();
            Ok(wire::delivered(&key, hub.publish(resident, message).await?))
        }
        Request::Subscribe(_) if feed.is_some() => {
            let message = "this connection has subscribed already";
            Err(Refusal::new("bad_request", message, "name all topics in one request"))
        }
        Request::Subscribe(topics) => {
            let subscribed = hub.subscribe(resident, &topics).await?;
            let answer = wire::subscribed(&topics, &subscribed);
            let (into, events) = mpsc::channel(1);
            let running = hub.events(resident, topics, into);
            *feed = Some(Feed { running, events, given: BTreeSet::new() });
            Ok(answer)
        }
        Request::Unsubscribe(topics) => {
            hub.unsubscribe(resident, &topics).await?;
            Ok(wire::unsubscribed(&topics))
        }
        Request::Acknowledge(seq) => {
            hub.acknowledge(resident, seq).await?;
            if let Some(feed) = feed {
                feed.given.remove(&seq);
            }
            Ok(wire::acknowledged(seq))
        }
    }
}

/// For a message without a key, which nobody can repeat.
fn fresh_key() -> String {
    let mut bytes = [0; 16];
    // The kernel gives these from its start on; without, two messages could be taken for one,
    // and the second would be refused.
    let _ = getrandom(&mut bytes, GetRandomFlags::empty());
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
