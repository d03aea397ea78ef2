//! The lines that go over the socket, each a JSON object.

use super::face::{Delivery, Event, Message, Refusal, Subscribed};
use super::quota::Quota;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::json;
use serde_json::value::RawValue;

/// The longest topic that a box gives, in bytes: its name is put before it.
const TOPIC_BYTES_MAX: usize = 100;
/// The longest key that it gives.
const KEY_BYTES_MAX: usize = 100;
/// The longest address.
const TO_BYTES_MAX: usize = 265;

/// What a box asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Request {
    Send { to: String, message: Message },
    Publish(Message),
    Subscribe(Vec<String>),
    Unsubscribe(Vec<String>),
    Acknowledge(u64),
}

/// As it is written. Nothing in it names the sender.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    op: String,
    to: Option<String>,
    topic: Option<String>,
    key: Option<String>,
    topics: Option<Vec<String>>,
    seq: Option<u64>,
    #[serde(default, deserialize_with = "there")]
    body: Option<Box<RawValue>>,
}

/// `null` is a body too.
fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

/// Reads a line. `fresh`: the key of a message that has none.
pub(super) fn read(line: &[u8], quota: &Quota, fresh: &str) -> Result<Request, Refusal> {
    let written: Written = serde_json::from_slice(line).map_err(|error| {
        bad(&format!("a request is one line of JSON, an object with `op`: {error}"))
    })?;
    let op = written.op.clone();
    let need = |what: &str| bad(&format!("`{op}` needs `{what}`"));
    let request = match op.as_str() {
        "send" => {
            check(&written, &["to", "topic", "key", "body"])?;
            let to = written.to.clone().ok_or_else(|| need("to"))?;
            if to.is_empty() || to.len() > TO_BYTES_MAX {
                return Err(bad("`to` is `owner`, KIND/KEY or box:NAME"));
            }
            Request::Send { to, message: message(written, fresh)? }
        }
        "publish" => {
            check(&written, &["topic", "key", "body"])?;
            Request::Publish(message(written, fresh)?)
        }
        "subscribe" | "unsubscribe" => {
            check(&written, &["topics"])?;
            let topics = written.topics.ok_or_else(|| need("topics"))?;
            if topics.is_empty() || topics.len() > quota.topics_max {
                return Err(bad(&format!("`topics` has 1 to {}", quota.topics_max)));
            }
            match op.as_str() {
                "subscribe" => Request::Subscribe(topics),
                _ => Request::Unsubscribe(topics),
            }
        }
        "ack" => {
            check(&written, &["seq"])?;
            Request::Acknowledge(written.seq.ok_or_else(|| need("seq"))?)
        }
        other => return Err(bad(&format!("there is no `op` {other:.20}"))),
    };
    Ok(request)
}

/// Whether it has only fields that belong to its `op`.
fn check(written: &Written, fields: &[&str]) -> Result<(), Refusal> {
    let there = [
        ("to", written.to.is_some()),
        ("topic", written.topic.is_some()),
        ("key", written.key.is_some()),
        ("topics", written.topics.is_some()),
        ("seq", written.seq.is_some()),
        ("body", written.body.is_some()),
    ];
    match there.into_iter().find(|(field, there)| *there && !fields.contains(field)) {
        Some((field, _)) => Err(bad(&format!("`{}` has no `{field}`", written.op))),
        None => Ok(()),
    }
}

fn message(written: Written, fresh: &str) -> Result<Message, Refusal> {
    let topic = written.topic.ok_or_else(|| bad("a message needs a `topic`"))?;
    let blank = |c: char| c.is_whitespace() || c.is_control();
    if topic.is_empty() || topic.len() > TOPIC_BYTES_MAX || topic.contains(blank) {
        let words = format!("a topic has 1 to {TOPIC_BYTES_MAX} bytes and no white space");
        return Err(bad(&words));
    }
    let key = written.key.unwrap_or_else(|| fresh.to_owned());
    let plain = key.bytes().all(|byte| byte.is_ascii_graphic());
    if key.is_empty() || key.len() > KEY_BYTES_MAX || !plain {
        return Err(bad(&format!("a key has 1 to {KEY_BYTES_MAX} plain characters")));
    }
    let body = written.body.ok_or_else(|| bad("a message needs a `body`: any JSON"))?;
    // Who takes it reads it so; what cannot be read must not lie in a mailbox.
    serde_json::from_str::<Value>(body.get())
        .map_err(|error| bad(&format!("the body cannot be read: {error}")))?;
    Ok(Message { topic, body: body.get().to_owned(), key })
}

fn bad(why: &str) -> Refusal {
    Refusal::new("bad_request", why, "`greenroom-hub --help` shows what there is")
}

/// What a message came to, as a line.
pub(super) fn delivered(key: &str, delivery: Delivery) -> String {
    let Delivery { repeated, told } = delivery;
    line(&json!({"ok": {"key": key, "repeated": repeated, "told": told}}))
}

/// What a subscription came to, as a line.
pub(super) fn subscribed(topics: &[String], subscribed: &Subscribed) -> String {
    let mut ok = json!({ "subscribed": topics });
    if !subscribed.refused.is_empty() {
        let words = "this box may not hear what is published under";
        let refused = subscribed.refused.join(", ");
        let next = "only what is sent to the box itself comes under it, unless its owner grants it";
        ok["warning"] = json!(format!("{words} {refused}: {next}"));
    }
    line(&json!({ "ok": ok }))
}

/// That there is nothing more to say, as a line.
pub(super) fn unsubscribed(topics: &[String]) -> String {
    line(&json!({"ok": {"unsubscribed": topics}}))
}

/// The same of an event.
pub(super) fn acknowledged(seq: u64) -> String {
    line(&json!({"ok": {"acknowledged": seq}}))
}

/// Why not, as a line.
pub(super) fn refused(refusal: &Refusal) -> String {
    line(&json!({ "error": refusal }))
}

/// An event, as a line. Its number comes first.
pub(super) fn event(event: &Event) -> String {
    #[derive(serde::Serialize)]
    struct Line<'a> {
        seq: u64,
        event: Inner<'a>,
    }
    #[derive(serde::Serialize)]
    struct Inner<'a> {
        topic: &'a str,
        from: &'a str,
        body: &'a RawValue,
        #[serde(skip_serializing_if = "Option::is_none")]
        cut_bytes: Option<u64>,
    }
    let Event { seq, topic, from, body, cut_bytes } = event;
    let inner = Inner { topic, from, body, cut_bytes: *cut_bytes };
    line(&Line { seq: *seq, event: inner })
}

/// Compact JSON has no line's end in it; but a body is as its sender wrote it.
fn line(value: &impl serde::Serialize) -> String {
    let mut text = serde_json::to_string(value).unwrap_or_default().replace(['\n', '\r'], " ");
    text.push('\n');
    text
}

#[cfg(test)]
mod tests;
