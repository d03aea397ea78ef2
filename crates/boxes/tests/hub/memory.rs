//! A hub that keeps all in memory: what was sent, and what waits for each box.

use greenroom_boxes::hub::{Delivery, Event, Hub, Later, Message, Refusal, Resident, Subscribed};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, watch};

#[derive(Default)]
pub struct Kept {
    /// From whom, to whom, what.
    pub sent: Vec<(String, String, Message)>,
    pub boxes: BTreeMap<String, Mailbox>,
    /// What is refused for now: so often still.
    pub away: u32,
}

#[derive(Default)]
pub struct Mailbox {
    pub topics: BTreeSet<String>,
    pub waiting: BTreeMap<u64, (String, String, String)>,
    pub next: u64,
    pub acknowledged: Vec<u64>,
}

#[derive(Clone)]
pub struct MemoryHub {
    kept: Arc<Mutex<Kept>>,
    changed: Arc<watch::Sender<u64>>,
}

impl MemoryHub {
    pub fn new() -> MemoryHub {
        MemoryHub { kept: Arc::default(), changed: Arc::new(watch::channel(0).0) }
    }

    pub fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something for a box.
    pub fn put(&self, name: &str, topic: &str, from: &str, body: &str) -> u64 {
        let mut kept = self.kept();
        let mailbox = kept.boxes.entry(name.to_owned()).or_default();
        mailbox.next += 1;
        let seq = mailbox.next;
        mailbox.waiting.insert(seq, (topic.to_owned(), from.to_owned(), body.to_owned()));
        drop(kept);
        self.changed.send_modify(|count| *count += 1);
        seq
    }

    fn take(&self, from: &Resident, to: &str, message: Message) -> Result<Delivery, Refusal> {
        let mut kept = self.kept();
        if kept.away > 0 {
            kept.away -= 1;
            return Err(Refusal::for_now("unavailable", "the node starts", 20));
        }
        let from = from.name.clone();
        let before = |one: &&(String, String, Message)| one.0 == from && one.2.key == message.key;
        if let Some(before) = kept.sent.iter().find(before) {
            if before.2 != message {
                return Err(Refusal::new("key_reused", "the key was used", ""));
            }
            return Ok(Delivery { repeated: true, told: 1 });
        }
        kept.sent.push((from.clone(), to.to_owned(), message.clone()));
        drop(kept);
        if let Some(name) = to.strip_prefix("box:") {
            self.put(name, &message.topic, &format!("box:{from}"), &message.body);
        }
        Ok(Delivery { repeated: false, told: 1 })
    }
}

fn done<'a, T: Send + 'a>(value: T) -> Later<'a, T> {
    Box::pin(std::future::ready(value))
}

impl Hub for MemoryHub {
    fn open<'a>(&'a self, of: &'a Resident) -> Later<'a, Result<(), Refusal>> {
        self.kept().boxes.entry(of.name.clone()).or_default();
        done(Ok(()))
    }

    fn send<'a>(
        &'a self,
        from: &'a Resident,
        to: &'a str,
        message: Message,
    ) -> Later<'a, Result<Delivery, Refusal>> {
        let may = to == "owner" || from.rights.send.iter().any(|one| one == to);
        if !may {
            return done(Err(Refusal::new("not_allowed", "it may not", "ask its owner")));
        }
        done(self.take(from, to, message))
    }

    fn publish<'a>(
        &'a self,
        from: &'a Resident,
        message: Message,
    ) -> Later<'a, Result<Delivery, Refusal>> {
        done(self.take(from, "*", message))
    }

    fn subscribe<'a>(
        &'a self,
        of: &'a Resident,
        topics: &'a [String],
    ) -> Later<'a, Result<Subscribed, Refusal>> {
        let (hears, refused): (Vec<String>, Vec<String>) =
            topics.iter().cloned().partition(|topic| of.rights.hear.contains(topic));
        self.kept().boxes.entry(of.name.clone()).or_default().topics.extend(hears);
        done(Ok(Subscribed { refused }))
    }

    fn unsubscribe<'a>(
        &'a self,
        of: &'a Resident,
        topics: &'a [String],
    ) -> Later<'a, Result<(), Refusal>> {
        let mut kept = self.kept();
        let mailbox = kept.boxes.entry(of.name.clone()).or_default();
        mailbox.topics.retain(|topic| !topics.contains(topic));
        done(Ok(()))
    }

    fn events(
        &self,
        of: &Resident,
        topics: Vec<String>,
        into: mpsc::Sender<Event>,
    ) -> Later<'static, Result<(), Refusal>> {
        let (hub, name) = (self.clone(), of.name.clone());
        let mut changed = self.changed.subscribe();
        Box::pin(async move {
            let mut given = 0;
            loop {
                changed.mark_unchanged();
                let waiting = hub.kept().boxes.get(&name).map(|one| one.waiting.clone());
                for (seq, (topic, from, body)) in waiting.into_iter().flatten() {
                    if seq <= given || !topics.contains(&topic) {
                        continue;
                    }
                    let body = RawValue::from_string(body).expect("json");
                    let event = Event { seq, topic, from, body, cut_bytes: None };
                    if into.send(event).await.is_err() {
                        return Ok(());
                    }
                    given = seq;
                }
                changed.changed().await.expect("the hub lives");
            }
        })
    }

    fn acknowledge<'a>(&'a self, of: &'a Resident, seq: u64) -> Later<'a, Result<(), Refusal>> {
        let mut kept = self.kept();
        let mailbox = kept.boxes.entry(of.name.clone()).or_default();
        if mailbox.waiting.remove(&seq).is_some() {
            mailbox.acknowledged.push(seq);
        }
        done(Ok(()))
    }
}
