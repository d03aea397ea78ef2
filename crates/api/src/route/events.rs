//! A process's events as they are committed, by server-sent events: `turn`,
//! `emitted`, `ended`, and `error` if the stream breaks off.

use crate::extract::{Asked, Target};
use crate::refusal::Refusal;
use crate::shutdown::Shutdown;
use crate::wire::{Turn, line};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures_util::stream::{self, Stream, StreamExt};
use greenroom_model::Seq;
use greenroom_runtime::{Node, Notice};
use serde::{Deserialize, Serialize};
use std::convert::Infallible;

#[derive(Deserialize)]
pub struct Query {
    /// Only the events after this one. The header `Last-Event-ID` says the
    /// same and wins, so that a browser goes on where it was cut off.
    after: Option<u64>,
}

/// Its history after a place, then what happens, up to its end.
pub async fn get(
    State(node): State<Node>,
    State(shutdown): State<Shutdown>,
    Target(id): Target,
    Asked(query): Asked<Query>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let after = last.and_then(|text| text.parse().ok()).or(query.after).unwrap_or(0);
    let follow = node.follow(&id, Seq(after)).await?;
    let events = stream::unfold(follow, |mut follow| async {
        let notice = follow.next().await?;
        Some((Ok(event(notice)), follow))
    });
    let events = events.take_until(shutdown.begun());
    Ok(Sse::new(events).keep_alive(KeepAlive::default()))
}

fn event(notice: Result<Notice, greenroom_runtime::Error>) -> Event {
    match notice {
        Ok(Notice::Turn(turn)) => {
            let turn = Turn::from(turn);
            named("turn", &turn).id(turn.last().to_string())
        }
        Ok(Notice::Emitted(value)) => named("emitted", &value),
        Ok(Notice::Ended(exit)) => named("ended", &exit),
        Err(error) => named("error", Refusal::from(error).words()),
    }
}

fn named<T: Serialize>(name: &str, value: &T) -> Event {
    match line(value) {
        Ok(text) => Event::default().event(name).data(text),
        Err(error) => Event::default().event("error").data(error.to_string()),
    }
}
