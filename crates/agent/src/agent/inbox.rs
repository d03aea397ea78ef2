//! What reaches an agent from outside its loop: words of people, ends and notes of
//! the agents it has started. Waited for all the time, taken in between two calls
//! of its model.

use super::peer::{self, PEER};
use crate::context::{self, CHANGED, Changed};
use futures_util::FutureExt;
use futures_util::future::select_all;
use greenroom_model::{Exit, Failure, Origin, ProcessId};
use greenroom_runtime::{Ctx, Operation, Received};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::future::IntoFuture;

/// The topic of messages that are for an agent to read: a string. From a process that has
/// not started it they are that process's words, not a person's.
pub const SAY: &str = "say";
/// The topic of the message that ends a chat: a person's, or of who has started the agent.
pub const BYE: &str = "bye";
/// The topic of the message that takes the last compaction back.
pub const UNDO_COMPACTION: &str = "undo_compaction";
/// The topic of the message that keeps a message as it is: its number, from 1.
pub const PIN: &str = "pin";
/// What an agent tells the one that has started it: a [`Note`].
pub(super) const NOTE: &str = "note";
/// The answer of the one that has started an agent to its question.
pub(super) const ANSWER: &str = "answer";
/// Tools that an agent may not use any more: names.
pub(super) const REVOKE: &str = "revoke";

/// An answer to a question.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Answer {
    /// To which: an answer that comes too late is none to the next.
    pub question: String,
    /// It.
    pub words: String,
}

/// What an agent tells the one that has started it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Note {
    /// It waits for an answer.
    Question {
        /// What the answer is to name.
        id: String,
        /// In words.
        words: String,
    },
    /// Somebody else has answered its question.
    Answered(String),
    /// How far it is.
    Progress(String),
}

/// What has reached an agent.
pub(super) enum Heard {
    /// Words for the model, of a person or of who has started it.
    Words(String),
    /// Words of another process.
    Said(ProcessId, String),
    /// A note of another agent.
    Note(ProcessId, Note),
    /// An agent it has started has ended.
    Ended(ProcessId, Exit),
    /// A peer has told it something: the how manieth, and the words.
    Peer(u64, String),
    /// These tools are not to be used any more.
    Revoked(Vec<String>),
    /// A key it watches was changed.
    Changed(Changed),
    /// The last compaction is taken back.
    Undo,
    /// This message stays as it is.
    Pin(u32),
    /// The chat is over.
    Bye,
    /// Nothing that counts: a message from somebody who may not send it.
    Nothing,
}

/// What reaches an agent.
pub(super) struct Inbox {
    ctx: Ctx,
    next: Operation<Received>,
    /// What takes tools away. Heard by itself, also in the middle of a turn.
    revoke: Operation<Received>,
    team: Vec<(ProcessId, Operation<Exit>)>,
}

impl Inbox {
    pub fn open(ctx: &Ctx) -> Inbox {
        let (next, revoke) = (listen(ctx), listen_for_revoke(ctx));
        Inbox { ctx: ctx.clone(), next, revoke, team: Vec::new() }
    }

    /// Waits for the ends of these agents as well.
    pub fn watch(&mut self, team: &[ProcessId]) {
        for id in team {
            if !self.team.iter().any(|(watched, _)| watched == id) {
                self.team.push((id.clone(), self.ctx.monitor(id)));
            }
        }
    }

    /// What has come since the last look, if anything.
    pub fn look(&mut self) -> Result<Option<Heard>, Failure> {
        if let Some(received) = (&mut self.revoke).now_or_never() {
            return self.read_revoke(received).map(Some);
        }
        let ends = self.team.iter_mut().enumerate();
        for (place, (_, end)) in ends {
            if let Some(exit) = end.now_or_never() {
                return self.ended(place, exit).map(Some);
            }
        }
        (&mut self.next).now_or_never().map(|received| self.read(received)).transpose()
    }

    /// Waits until tools are taken away: which.
    pub async fn revoked(&mut self) -> Result<Vec<String>, Failure> {
        loop {
            let received = (&mut self.revoke).await;
            if let Heard::Revoked(names) = self.read_revoke(received)? {
                return Ok(names);
            }
        }
    }

    /// Waits for the next, for as long as it takes.
    pub async fn wait(&mut self) -> Result<Heard, Failure> {
        enum First {
            End(usize, Result<Exit, Failure>),
            Message(Result<Received, Failure>),
            Revoke(Result<Received, Failure>),
        }
        let revoke = (&mut self.revoke).map(First::Revoke).boxed();
        let message = (&mut self.next).map(First::Message).boxed();
        let ends = self.team.iter_mut().enumerate();
        let ends =
            ends.map(|(place, (_, end))| end.map(move |exit| First::End(place, exit)).boxed());
        // The order is the same on every replay.
        let all: Vec<_> = std::iter::once(revoke).chain(ends).chain([message]).collect();
        let (first, ..) = select_all(all).await;
        match first {
            First::End(place, exit) => self.ended(place, exit),
            First::Message(received) => self.read(received),
            First::Revoke(received) => self.read_revoke(received),
        }
    }

    fn read_revoke(&mut self, received: Result<Received, Failure>) -> Result<Heard, Failure> {
        let received = received?;
        self.revoke = listen_for_revoke(&self.ctx);
        let from = match &received.from {
            Origin::Process(id) => Some(id.clone()),
            _ => None,
        };
        // Who has started an agent may take its tools away, and nobody else.
        let may = from.is_some() && from == self.ctx.parent();
        Ok(match may {
            true => received.read().map_or(Heard::Nothing, Heard::Revoked),
            false => Heard::Nothing,
        })
    }

    fn ended(&mut self, place: usize, exit: Result<Exit, Failure>) -> Result<Heard, Failure> {
        let (id, _) = self.team.remove(place);
        Ok(Heard::Ended(id, exit?))
    }

    fn read(&mut self, received: Result<Received, Failure>) -> Result<Heard, Failure> {
        let received = received?;
        self.next = listen(&self.ctx);
        let from = match &received.from {
            Origin::Process(id) => Some(id.clone()),
            _ => None,
        };
        // A conversation is its person's, and of whoever has started it.
        let is_own = from.is_none() || from == self.ctx.parent();
        Ok(match (received.topic.as_str(), from) {
            (BYE | UNDO_COMPACTION | PIN, _) if !is_own => Heard::Nothing,
            (BYE, _) => Heard::Bye,
            (NOTE, Some(from)) => match received.read() {
                Ok(note) => Heard::Note(from, note),
                Err(_) => Heard::Nothing,
            },
            (CHANGED, from) if from.is_some() && from == self.ctx.get(context::STATE) => {
                received.read().map_or(Heard::Nothing, Heard::Changed)
            }
            (UNDO_COMPACTION, _) => Heard::Undo,
            (PIN, _) => received.read().map_or(Heard::Nothing, Heard::Pin),
            // Only the one that has started all of them hands on what peers say.
            (PEER, from) if from.is_some() && from == self.ctx.parent() => {
                let peer: peer::Heard = received.read()?;
                Heard::Peer(peer.number, peer.words)
            }
            (SAY, from) => {
                let words = match received.read()? {
                    Value::String(words) => words,
                    other => other.to_string(),
                };
                match from.filter(|_| !is_own) {
                    Some(from) => Heard::Said(from, words),
                    None => Heard::Words(words),
                }
            }
            _ => Heard::Nothing,
        })
    }
}

/// Whoever has told it something: what an agent does, it pays itself. Its next call of a
/// model is about all that was said to it, and one that has nothing left would stop it.
fn listen(ctx: &Ctx) -> Operation<Received> {
    let topics = [SAY, BYE, NOTE, PEER, UNDO_COMPACTION, PIN, CHANGED];
    let any = topics.iter().fold(ctx.recv(), |recv, topic| recv.topic(topic));
    any.pays_itself().into_future()
}

fn listen_for_revoke(ctx: &Ctx) -> Operation<Received> {
    ctx.recv().topic(REVOKE).pays_itself().into_future()
}
