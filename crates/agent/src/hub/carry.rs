//! Carries what boxes say to processes, and what is for boxes to them.

use super::mailbox::{
    ACKNOWLEDGE, BY, OWNER, PLACE, Placed, SUBSCRIBE, Start, TOPICS, TOPICS_MAX, UNSUBSCRIBE,
};
use super::place::{KIND, mailbox_id, mailbox_name, number, topic};
use super::rights::{granted, may_hear, may_send, may_send_to_box};
use greenroom_boxes::hub::{Delivery, Event, Hub, Later, Message, Refusal, Resident, Subscribed};
use greenroom_model::{Payload, ProcessId, pattern};
use greenroom_runtime::{Error, Node, PublishRequest, SendRequest, StartRequest};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// What may be tried again, may be after this.
const AGAIN_MS: u64 = 500;
/// How long the mailbox of a box that is no more may take to end.
const END_WITHIN: Duration = Duration::from_secs(10);

/// The hub of boxes on a node. Cheap to clone. Its registry must have
/// [`register`](super::register)'s kind.
#[derive(Clone, Default)]
pub struct BoxHub {
    node: Arc<Mutex<Option<Node>>>,
}

type State = BTreeMap<String, Payload>;

impl BoxHub {
    /// On this node.
    #[must_use]
    pub fn new(node: Node) -> BoxHub {
        let hub = BoxHub::default();
        hub.begin(node);
        hub
    }

    /// Carries from now on: a node's kinds may need its hub before there is the node. Until
    /// then boxes are told to wait.
    pub fn begin(&self, node: Node) {
        *self.held() = Some(node);
    }

    /// Carries no more, and holds the node no longer.
    pub fn end(&self) {
        *self.held() = None;
    }

    fn held(&self) -> MutexGuard<'_, Option<Node>> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn node(&self) -> Result<Node, Refusal> {
        let away = || Refusal::for_now("unavailable", "the node starts or stops", AGAIN_MS);
        self.held().clone().ok_or_else(away)
    }

    /// Ends the mailbox of a box that is disposed of, with what waits in it. Twice is once.
    ///
    /// # Errors
    /// The node does not take requests.
    pub async fn forget(&self, of: &Resident) -> Result<(), Refusal> {
        match self.node()?.kill(&id(of)?, "its box was disposed of", BY).await {
            Ok(()) | Err(Error::NoProcess { .. } | Error::Ended { .. }) => Ok(()),
            Err(error) => Err(refusal(error)),
        }
    }

    async fn opened(&self, of: &Resident) -> Result<(), Refusal> {
        let id = id(of)?;
        let name = mailbox_name(&of.name);
        match self.node()?.named(&name).await {
            Ok(there) if there == id => return Ok(()),
            Ok(there) if number(&there).is_some_and(|there| there < of.number) => {
                self.end_of(&there).await?;
            }
            Ok(there) => {
                let message = format!("{there} keeps what is for the box {}", of.name);
                return Err(Refusal::new("not_allowed", message, "this box was disposed of"));
            }
            Err(Error::NoName { .. }) => {}
            Err(error) => return Err(refusal(error)),
        }
        let (name, owner) = (of.name.clone(), of.owner.clone());
        let start = Start { name, owner, next: 0, topics: BTreeSet::new() };
        let request = StartRequest {
            kind: KIND.to_owned(),
            key: Some(id.key().to_owned()),
            input: Payload::of(&start).map_err(|error| refusal(error.into()))?,
            budget: None,
            by: BY.to_owned(),
        };
        self.node()?.start_process(request).await.map_err(refusal)?;
        self.until(&id, |state| state.contains_key(OWNER).then_some(())).await
    }

    async fn end_of(&self, mailbox: &ProcessId) -> Result<(), Refusal> {
        let node = self.node()?;
        let ended = match node.kill(mailbox, "its box's name is another one's", BY).await {
            Ok(()) => node.result(mailbox, Some(END_WITHIN)).await.map(drop),
            Err(Error::Ended { .. }) => Ok(()),
            Err(error) => Err(error),
        };
        ended.map_err(refusal)
    }

    async fn state(&self, id: &ProcessId) -> Result<State, Refusal> {
        let rows = self.node()?.state(id).await.map_err(refusal)?;
        Ok(rows.into_iter().map(|row| (row.key, row.value)).collect())
    }

    /// Waits until a process's state shows it.
    async fn until<T>(
        &self,
        id: &ProcessId,
        shows: impl Fn(&State) -> Option<T>,
    ) -> Result<T, Refusal> {
        let node = self.node()?;
        let seen = node.process(id).await.map_err(refusal)?.seq;
        let mut follow = node.follow(id, seen).await.map_err(refusal)?;
        drop(node);
        loop {
            if let Some(shown) = shows(&self.state(id).await?) {
                return Ok(shown);
            }
            match follow.next().await {
                Some(Ok(greenroom_runtime::Notice::Ended(_))) | None => return Err(gone()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(refusal(error)),
            }
        }
    }

    /// Tells a mailbox something.
    async fn tell<T: serde::Serialize + ?Sized>(
        &self,
        id: &ProcessId,
        topic: &str,
        body: &T,
    ) -> Result<(), Refusal> {
        let body = Payload::of(body).map_err(|error| refusal(error.into()))?;
        let request = SendRequest { topic: topic.to_owned(), body, by: BY.to_owned() };
        self.node()?.send(id, request).await.map(drop).map_err(refusal)
    }

    /// To whom, if it may.
    async fn addressee(&self, from: &Resident, to: &str) -> Result<ProcessId, Refusal> {
        // A person's command may own a box, too; nobody writes to that.
        let owner = from.owner.as_deref().filter(|owner| owner.parse::<ProcessId>().is_ok());
        if let Some(name) = to.strip_prefix("box:") {
            return self.box_addressee(from, name).await;
        }
        if to == "owner" || owner == Some(to) {
            let Some(owner) = owner else {
                let message = format!("no process owns the box {}", from.name);
                let next = "a box has an owner if a process has started it";
                return Err(Refusal::new("no_owner", message, next));
            };
            return owner.parse().map_err(|error: greenroom_model::Error| refusal(error.into()));
        }
        let id: ProcessId = to.parse().map_err(|_| {
            let message = format!("`{}` is no address", to.escape_debug());
            Refusal::new("bad_request", message, "write `owner`, KIND/KEY or box:NAME")
        })?;
        match id.kind() != KIND && granted(from, |rights| may_send(rights, &id)) {
            true => Ok(id),
            false => Err(not_allowed(from, to)),
        }
    }

    async fn box_addressee(&self, from: &Resident, name: &str) -> Result<ProcessId, Refusal> {
        let found = match self.node()?.named(&mailbox_name(name)).await {
            Ok(id) if id.kind() == KIND => Some(id),
            Ok(_) | Err(Error::NoName { .. }) => None,
            Err(error) => return Err(refusal(error)),
        };
        let same_owner = match &found {
            Some(id) if from.owner.is_some() => {
                let state = self.state(id).await?;
                read::<Option<String>>(&state, OWNER).flatten() == from.owner
            }
            _ => false,
        };
        // Said first, so that nobody learns which boxes there are.
        if !granted(from, |rights| may_send_to_box(rights, name, same_owner)) {
            return Err(not_allowed(from, &mailbox_name(name)));
        }
        found.ok_or_else(|| {
            let message = format!("no box `{}` listens", name.escape_debug());
            Refusal::new("no_box", message, "it is reached from its first start to its end")
        })
    }

    async fn given(
        &self,
        id: &ProcessId,
        topics: &[String],
        into: &mpsc::Sender<Event>,
    ) -> Result<(), Refusal> {
        let node = self.node()?;
        let seen = node.process(id).await.map_err(refusal)?.seq;
        let mut follow = node.follow(id, seen).await.map_err(refusal)?;
        drop(node);
        let mut given = BTreeSet::new();
        loop {
            let waiting = waiting(&self.state(id).await?);
            given.retain(|seq| waiting.contains_key(seq));
            for (seq, placed) in waiting {
                let wanted = topics.iter().any(|wanted| pattern::matches(wanted, &placed.topic));
                if wanted && given.insert(seq) && into.send(event(placed)?).await.is_err() {
                    return Ok(());
                }
            }
            match follow.next().await {
                Some(Ok(greenroom_runtime::Notice::Ended(_))) | None => return Err(gone()),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(refusal(error)),
            }
        }
    }
}

impl Hub for BoxHub {
    fn open<'a>(&'a self, of: &'a Resident) -> Later<'a, Result<(), Refusal>> {
        Box::pin(self.opened(of))
    }

    fn send<'a>(
        &'a self,
        from: &'a Resident,
        to: &'a str,
        message: Message,
    ) -> Later<'a, Result<Delivery, Refusal>> {
        Box::pin(async move {
            let to = self.addressee(from, to).await?;
            let (topic, body) = said(from, &message)?;
            let request = SendRequest { topic, body, by: by(from) };
            let sent = self.once(from, &message.key)?.send(&to, request).await.map_err(refusal)?;
            Ok(Delivery { repeated: sent.repeated, told: 1 })
        })
    }

    fn publish<'a>(
        &'a self,
        from: &'a Resident,
        message: Message,
    ) -> Later<'a, Result<Delivery, Refusal>> {
        Box::pin(async move {
            let (topic, body) = said(from, &message)?;
            let request = PublishRequest { topic, group: None, body, by: by(from) };
            let told = self.once(from, &message.key)?.publish(request).await.map_err(refusal)?;
            Ok(Delivery { repeated: false, told })
        })
    }

    fn subscribe<'a>(
        &'a self,
        of: &'a Resident,
        topics: &'a [String],
    ) -> Later<'a, Result<Subscribed, Refusal>> {
        Box::pin(async move {
            for topic in topics {
                pattern::check_pattern(topic)
                    .map_err(|why| Refusal::new("bad_request", why, ""))?;
            }
            let (hears, refused): (Vec<String>, Vec<String>) =
                topics.iter().cloned().partition(|topic| granted(of, |all| may_hear(all, topic)));
            let id = id(of)?;
            let there = topics_of(&self.state(&id).await?);
            let new: Vec<&String> = hears.iter().filter(|topic| !there.contains(*topic)).collect();
            if there.len() + new.len() > TOPICS_MAX {
                let message = format!("this box hears {} topics already", there.len());
                let next = "`greenroom-hub unsubscribe` some, or ask for a pattern of them";
                return Err(Refusal::new("too_many_topics", message, next));
            }
            if !new.is_empty() {
                self.tell(&id, SUBSCRIBE, &new).await?;
                let all = |state: &State| hears.iter().all(|one| topics_of(state).contains(one));
                self.until(&id, |state| all(state).then_some(())).await?;
            }
            Ok(Subscribed { refused })
        })
    }

    fn unsubscribe<'a>(
        &'a self,
        of: &'a Resident,
        topics: &'a [String],
    ) -> Later<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let id = id(of)?;
            self.tell(&id, UNSUBSCRIBE, topics).await?;
            let none = |state: &State| !topics.iter().any(|one| topics_of(state).contains(one));
            self.until(&id, |state| none(state).then_some(())).await
        })
    }

    fn events(
        &self,
        of: &Resident,
        topics: Vec<String>,
        into: mpsc::Sender<Event>,
    ) -> Later<'static, Result<(), Refusal>> {
        let (hub, id) = (self.clone(), id(of));
        Box::pin(async move { hub.given(&id?, &topics, &into).await })
    }

    fn acknowledge<'a>(&'a self, of: &'a Resident, seq: u64) -> Later<'a, Result<(), Refusal>> {
        Box::pin(async move {
            let id = id(of)?;
            // Gone from the state too when this returns: else whoever asks next is given it again.
            let state = self.state(&id).await?;
            if waiting(&state).contains_key(&seq) {
                self.tell(&id, ACKNOWLEDGE, &seq).await?;
                let gone = |state: &State| !waiting(state).contains_key(&seq);
                self.until(&id, |state| gone(state).then_some(())).await?;
            }
            Ok(())
        })
    }
}

impl BoxHub {
    fn once(&self, from: &Resident, key: &str) -> Result<Node, Refusal> {
        let key = format!("box:{}.{}:{key}", from.name, from.number);
        self.node()?.once(&key).map_err(refusal)
    }
}

fn id(of: &Resident) -> Result<ProcessId, Refusal> {
    mailbox_id(of).map_err(|error| refusal(error.into()))
}

/// As whom others see a box.
fn by(from: &Resident) -> String {
    mailbox_name(&from.name)
}

fn said(from: &Resident, message: &Message) -> Result<(String, Payload), Refusal> {
    let topic = topic(from, &message.topic);
    pattern::check_topic(&topic).map_err(|why| Refusal::new("bad_request", why, ""))?;
    let body = Payload::parse(&message.body).map_err(|error| refusal(error.into()))?;
    Ok((topic, body))
}

fn read<T: DeserializeOwned>(state: &State, key: &str) -> Option<T> {
    state.get(key)?.read().ok()
}

fn topics_of(state: &State) -> BTreeSet<String> {
    read(state, TOPICS).unwrap_or_default()
}

/// What waits for a box and is not acknowledged, by its number.
fn waiting(state: &State) -> BTreeMap<u64, Placed> {
    let places = state.iter().filter(|(key, _)| key.starts_with(PLACE));
    let placed = places.filter_map(|(_, value)| value.read::<Option<Placed>>().ok().flatten());
    placed.map(|placed| (placed.seq, placed)).collect()
}

fn event(placed: Placed) -> Result<Event, Refusal> {
    let Placed { seq, topic, from, body, cut_bytes } = placed;
    let text = body.text().unwrap_or("null").to_owned();
    let body = RawValue::from_string(text)
        .map_err(|error| Refusal::new("store", format!("event {seq}: {error}"), ""))?;
    Ok(Event { seq, topic, from, body, cut_bytes })
}

fn not_allowed(from: &Resident, to: &str) -> Refusal {
    let to = to.escape_debug();
    let message = format!("the box {} may not write to {to}", from.name);
    let next = "write to `owner`; others must be named in `send` of [hub] in its box.toml, and its \
                owner must not keep it from them";
    Refusal::new("not_allowed", message, next)
}

fn gone() -> Refusal {
    Refusal::new("ended", "what was for this box is no more: it was disposed of", "")
}

/// What the node says, for a program in a box.
fn refusal(error: Error) -> Refusal {
    match error.code() {
        code @ ("mailbox_full" | "stopped" | "unavailable" | "in_use") => {
            Refusal::for_now(code, error.to_string(), AGAIN_MS)
        }
        code => Refusal::new(code, error.to_string(), ""),
    }
}
