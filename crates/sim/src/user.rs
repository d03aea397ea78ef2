//! People outside: they want things in order, at their time, and ask again
//! when the node did not answer. They live through crashes.

use crate::door::{Door, Visit};
use crate::faulty::READ_FAILED;
use crate::machine::Machine;
use crate::outside::Outside;
use futures_util::future::BoxFuture;
use greenroom_journal::Scope;
use greenroom_model::budget::Budget;
use greenroom_model::{AskId, Event, Payload, ProcessId, Seq, Status};
use greenroom_runtime::{Error, Node, PublishRequest, RestartFrom, SendRequest, StartRequest};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// One thing somebody wants.
#[derive(Clone, Debug)]
pub enum Wish {
    Start {
        kind: &'static str,
        key: String,
        input: String,
    },
    /// With a budget.
    StartWith {
        kind: &'static str,
        key: String,
        budget: Budget,
    },
    /// Gives more to a process's budget.
    Raise {
        id: String,
        by: Budget,
    },
    Send {
        to: String,
        topic: &'static str,
        body: String,
    },
    /// Answers a process's ask of this name, once it is open.
    Answer {
        to: String,
        ask: &'static str,
        value: String,
    },
    Cancel {
        id: String,
    },
    /// With all below it.
    CancelTree {
        id: String,
    },
    Publish {
        topic: String,
        body: String,
    },
    Kill {
        id: String,
    },
    Pause {
        id: String,
    },
    Resume {
        id: String,
    },
    Restart {
        id: String,
        from: RestartFrom,
    },
    /// Restarts a process that has failed, as somebody else may at the same
    /// moment: that it is no time for it is well.
    RestartAlso {
        id: String,
    },
    /// Restarts at the process's first event of this name.
    RestartAt {
        id: String,
        event: &'static str,
    },
    /// Forks at the process's last event of this name, once there is one.
    Fork {
        id: String,
        event: &'static str,
        key: String,
    },
    /// Sends all dead letters again, once there are so many.
    Requeue {
        count: usize,
    },
    /// What has failed outside under this name works from now on.
    Repair {
        name: &'static str,
    },
    /// What works outside under this name fails from now on.
    Break {
        name: &'static str,
    },
    /// Waits for a process's end, as `greenroom run` does.
    Await {
        id: String,
    },
    /// Has the node stop in good order; another starts.
    Stop,
    /// Waits until a process has this status.
    Until {
        id: String,
        status: Status,
    },
}

/// Somebody with wishes, each not before its time (in milliseconds).
#[derive(Clone, Debug, Default)]
pub struct User {
    /// When, and what.
    pub wishes: Vec<(u64, Wish)>,
}

impl Wish {
    /// What it asks for depends on what it sees.
    fn looks_first(&self) -> bool {
        matches!(
            self,
            Wish::RestartAt { .. } | Wish::Fork { .. } | Wish::Answer { .. } | Wish::Requeue { .. }
        )
    }
}

impl User {
    /// Somebody without wishes yet.
    pub fn new() -> User {
        User::default()
    }

    /// Adds a wish.
    pub fn at(mut self, at_ms: u64, wish: Wish) -> User {
        self.wishes.push((at_ms, wish));
        self
    }

    /// Wants a process started at once.
    pub fn starts(self, kind: &'static str, key: &str, input: &str) -> User {
        self.at(0, Wish::Start { kind, key: key.to_owned(), input: input.to_owned() })
    }

    /// Whether a node has to stop for it.
    pub fn stops_nodes(&self) -> bool {
        self.wishes.iter().any(|(_, wish)| matches!(wish, Wish::Stop))
    }

    /// Waits for the end of a process.
    pub fn awaits(self, at_ms: u64, id: &str) -> User {
        self.at(at_ms, Wish::Await { id: id.to_owned() })
    }

    /// Answers a process's ask of this name, once it is open.
    pub fn answers(self, at_ms: u64, to: &str, ask: &'static str, value: &str) -> User {
        self.at(at_ms, Wish::Answer { to: to.to_owned(), ask, value: value.to_owned() })
    }

    /// Wants a process cancelled, with all below it.
    pub fn fells(self, at_ms: u64, id: &str) -> User {
        self.at(at_ms, Wish::CancelTree { id: id.to_owned() })
    }

    /// Wants a message sent.
    pub fn sends(self, at_ms: u64, to: &str, topic: &'static str, body: &str) -> User {
        self.at(at_ms, Wish::Send { to: to.to_owned(), topic, body: body.to_owned() })
    }
}

/// What became of the users' wishes.
pub type Complaints = Arc<Mutex<Vec<String>>>;

/// How much longer a user waits each time before asking again.
const AGAIN_AFTER_MS: u64 = 50;
/// How often a user asks before complaining.
const TRIES_MAX: u64 = 400;

/// A user's life.
pub fn live(
    number: usize,
    user: User,
    machine: Arc<Machine>,
    door: Arc<Door>,
    complaints: Complaints,
    outside: Outside,
) -> BoxFuture<'static, ()> {
    Box::pin(async move {
        for (place, (at_ms, wish)) in user.wishes.into_iter().enumerate() {
            let early = at_ms.saturating_sub(machine.now_ms());
            if early > 0 {
                machine.sleep(early).await;
            }
            match wish {
                Wish::Repair { name } => outside.repair(name),
                Wish::Break { name } => outside.fail(name),
                _ => {}
            }
            let key = format!("user-{number}-{place}");
            if let Err(words) = insist(&wish, &key, &machine, &door).await {
                complaints.lock().unwrap_or_else(PoisonError::into_inner).push(words);
            }
            if matches!(wish, Wish::Stop) {
                door.knock_down();
            }
        }
    })
}

async fn insist(
    wish: &Wish,
    key: &str,
    machine: &Arc<Machine>,
    door: &Arc<Door>,
) -> Result<(), String> {
    // Whether an earlier try may have been done without our hearing of it.
    let mut unsure = false;
    let mut last = String::new();
    for tried in 1..=TRIES_MAX {
        let answer = match door.enter() {
            Some((boot, node)) => {
                let work = Box::pin(fulfil(node, wish.clone(), key.to_owned()));
                Visit::new(door.clone(), boot, work).await
            }
            None => None,
        };
        match answer {
            Some(Ok(())) => return Ok(()),
            None | Some(Err(Error::Stopped { .. })) => unsure = true,
            // A read that failed has changed nothing.
            Some(Err(Error::Store(error))) if error.is_transient() => {
                unsure |= !error.to_string().contains(READ_FAILED);
            }
            Some(Err(Error::NotNow { .. })) if matches!(wish, Wish::RestartAlso { .. }) => {
                return Ok(());
            }
            // With its key the same request is answered as it was, but who looks
            // first may see what the first try did, and ask for something else.
            Some(Err(_)) if unsure && wish.looks_first() => return Ok(()),
            Some(Err(
                error @ (Error::NotOpen { .. }
                | Error::NotNow { .. }
                | Error::NoProcess { .. }
                | Error::Ended { .. }),
            )) => last = error.to_string(),
            Some(Err(error)) => return Err(format!("{wish:?} was refused: {error}")),
        }
        machine.sleep(AGAIN_AFTER_MS * tried).await;
    }
    Err(format!("{wish:?} was never fulfilled: {last}"))
}

async fn fulfil(node: Node, wish: Wish, key: String) -> Result<(), Error> {
    let node = node.once(&key)?;
    match wish {
        Wish::Start { kind, key, input } => {
            start(&node, kind, key, Payload::parse(&input)?, None).await
        }
        Wish::StartWith { kind, key, budget } => {
            start(&node, kind, key, Payload::null(), Some(budget)).await
        }
        Wish::Raise { id, by } => node.raise_budget(&id.parse()?, by).await.map(drop),
        Wish::Send { to, topic, body } => {
            let request = SendRequest {
                topic: topic.to_owned(),
                body: Payload::parse(&body)?,
                by: "user".to_owned(),
            };
            node.send(&to.parse()?, request).await.map(drop)
        }
        Wish::Answer { to, ask, value } => answer(&node, &to.parse()?, ask, &value).await,
        Wish::Cancel { id } => node.cancel(&id.parse()?, "no longer wanted", "user").await,
        Wish::CancelTree { id } => node.cancel_tree(&id.parse()?, "no longer wanted", "user").await,
        Wish::Publish { topic, body } => {
            let (body, by) = (Payload::parse(&body)?, "user".to_owned());
            let request = PublishRequest { topic, group: None, body, by };
            node.publish(request).await.map(drop)
        }
        Wish::Kill { id } => node.kill(&id.parse()?, "enough", "user").await,
        Wish::Pause { id } => node.pause(&id.parse()?, "user").await,
        Wish::Resume { id } => node.resume(&id.parse()?, "user").await,
        Wish::Restart { id, from } => node.restart(&id.parse()?, from, "user").await,
        Wish::RestartAlso { id } => node.restart(&id.parse()?, RestartFrom::Failure, "user").await,
        Wish::RestartAt { id, event } => {
            let id: ProcessId = id.parse()?;
            let seq =
                places(&node, &id, event).await?.first().copied().ok_or_else(|| not_yet(&id))?;
            node.restart(&id, RestartFrom::At(seq), "user").await
        }
        Wish::Fork { id, event, key } => {
            let id: ProcessId = id.parse()?;
            let seq =
                places(&node, &id, event).await?.last().copied().ok_or_else(|| not_yet(&id))?;
            node.fork(&id, Some(seq), Some(&key), "user").await.map(drop)
        }
        Wish::Requeue { count } => {
            let letters = node.dead(usize::MAX).await?;
            if letters.len() < count {
                return Err(Error::NotOpen { ask: format!("{count} dead letters") });
            }
            let letters: Vec<i64> = letters.iter().map(|letter| letter.no).collect();
            node.requeue(&letters, None).await
        }
        Wish::Repair { .. } | Wish::Break { .. } => Ok(()),
        Wish::Await { id } => {
            let id: ProcessId = id.parse()?;
            let wait = Some(Duration::from_secs(90 * 24 * 3600));
            node.result(&id, wait).await?.map(drop).ok_or_else(|| not_yet(&id))
        }
        Wish::Stop => {
            node.stop(Duration::from_millis(20)).await;
            Ok(())
        }
        Wish::Until { id, status } => {
            let id: ProcessId = id.parse()?;
            match node.process(&id).await?.status == status {
                true => Ok(()),
                false => Err(not_yet(&id)),
            }
        }
    }
}

async fn start(
    node: &Node,
    kind: &str,
    key: String,
    input: Payload,
    budget: Option<Budget>,
) -> Result<(), Error> {
    let (kind, key, by) = (kind.to_owned(), Some(key), "user".to_owned());
    node.start_process(StartRequest { kind, key, input, budget, by }).await.map(drop)
}

async fn answer(node: &Node, id: &ProcessId, name: &str, value: &str) -> Result<(), Error> {
    let open = node.asks(Some(id)).await?;
    let named = open.iter().find(|ask| ask.spec.name == name);
    let Some(ask) = named else { return Err(not_yet(id)) };
    let ask = AskId { process: id.clone(), op: ask.op };
    node.answer(&ask, Payload::parse(value)?, "user").await
}

/// The places of a process's events of this name.
async fn places(node: &Node, id: &ProcessId, name: &str) -> Result<Vec<Seq>, Error> {
    let turns = node.history(id, Scope::Whole).await?;
    let events = turns.iter().flat_map(|turn| {
        turn.events.iter().enumerate().map(|(place, event)| (turn.seq.plus(place), event))
    });
    let named = |event: &Event| event.name() == name;
    Ok(events.filter(|(_, event)| named(event)).map(|(seq, _)| seq).collect())
}

fn not_yet(id: &ProcessId) -> Error {
    Error::NotOpen { ask: id.to_string() }
}
