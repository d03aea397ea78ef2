//! What lies in a mailbox, and what a process asks a person.

use crate::supervisor::RestartFrom;
use crate::{
    Carried, Envelope, Exit, Failure, Kind, MessageNo, Millis, Op, Payload, ProcessId, Seq,
};
use serde::{Deserialize, Serialize};

/// Where something came from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// A process.
    Process(ProcessId),
    /// A person or program outside, by the name the API knows it by.
    External(String),
    /// The runtime itself.
    Runtime,
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Process(id) => id.fmt(f),
            Origin::External(who) => f.write_str(who),
            Origin::Runtime => f.write_str("greenroom"),
        }
    }
}

/// Where the reply to a call goes: the caller's waiting operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyTo {
    /// The caller.
    pub process: ProcessId,
    /// Its operation.
    pub op: Op,
}

/// The two lanes of a mailbox. Control is never refused and never waits
/// behind user messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// Exits, replies, answers, cancels.
    Control,
    /// What `recv` sees.
    User,
}

/// A message as it lies in a mailbox: durable from the commit that sent it to
/// the commit that consumes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// Its place in the store's order.
    pub no: MessageNo,
    /// Who sent it.
    pub from: Origin,
    /// What it says.
    pub content: Content,
    /// The request it all goes back to.
    pub root: String,
    /// How many messages and spawns lie between the root and this one.
    pub hops: u32,
}

/// What a message says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the fields are named after what they hold")]
pub enum Content {
    /// For the code to `recv`.
    User {
        topic: String,
        body: Payload,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reply_to: Option<ReplyTo>,
        /// What its envelope has beside root and hops.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        carried: Option<Box<Carried>>,
    },
    /// The answer to a call of operation `op`.
    Reply { op: Op, result: Result<Payload, Failure> },
    /// A monitored or spawned process has ended.
    Exited { op: Op, id: ProcessId, exit: Exit },
    /// A process that this one is linked to has ended, or never was.
    ExitSignal { id: ProcessId, exit: Exit },
    /// The sender has linked itself to this process.
    Link,
    /// A person's answer to the ask of operation `op`.
    Answer { op: Op, value: Payload },
    /// Please stop.
    Cancel {
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop: Option<Stop>,
        /// Its children, and theirs, are asked as well.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        tree: bool,
    },
    /// Stop now; the code is not run again.
    Kill {
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stop: Option<Stop>,
    },
    /// Hold effects back.
    Pause,
    /// Let effects go on; try a parked process again.
    Resume,
    /// Run on from `keep`, or from the start with fresh operations, unless
    /// another restart has come since there were `asked_at` events.
    Restart {
        keep: Option<Seq>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        asked_at: Option<Seq>,
    },
    /// Its supervisor starts it again, with other code if that is named.
    Revive {
        from: RestartFrom,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        kind: Option<Kind>,
    },
}

/// What becomes of a process that its supervisor stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stop {
    /// It ends for good.
    Final,
    /// It is kept, and will go on from where it was: nothing is undone.
    Resume,
    /// It is kept, and will begin again: what it did is undone first.
    Again,
}

impl Content {
    /// A wish to stop.
    pub fn cancel(reason: impl Into<String>) -> Content {
        Content::Cancel { reason: reason.into(), stop: None, tree: false }
    }

    /// An end without a word.
    pub fn kill(reason: impl Into<String>) -> Content {
        Content::Kill { reason: reason.into(), stop: None }
    }

    /// The ask that it answers, if it is an answer.
    pub fn answers(&self) -> Option<Op> {
        match self {
            Content::Answer { op, .. } => Some(*op),
            _ => None,
        }
    }

    /// The lane it travels in.
    pub fn lane(&self) -> Lane {
        match self {
            Content::User { .. } => Lane::User,
            _ => Lane::Control,
        }
    }

    /// What its envelope has beside root and hops, if anything.
    pub fn carried(&self) -> Option<&Carried> {
        match self {
            Content::User { carried, .. } => carried.as_deref(),
            _ => None,
        }
    }

    /// Every payload in it, for moving large ones to the blob store and back.
    pub fn payloads_mut(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        match self {
            Content::User { body, .. } => visit(body),
            Content::Reply { result: Ok(result), .. } => visit(result),
            Content::Exited { exit, .. } | Content::ExitSignal { exit, .. } => {
                exit.payloads_mut(visit);
            }
            Content::Answer { value, .. } => visit(value),
            Content::Reply { result: Err(_), .. }
            | Content::Link
            | Content::Cancel { .. }
            | Content::Kill { .. }
            | Content::Pause
            | Content::Resume
            | Content::Restart { .. }
            | Content::Revive { .. } => {}
        }
    }

    /// Whether it tells of the end of a supervised child or a linked process:
    /// no operation waits for that one, the code takes such news like messages.
    pub fn is_exit_for_code(&self) -> bool {
        matches!(self, Content::Exited { op: Op(0), .. } | Content::ExitSignal { .. })
    }

    /// How many bytes of payload it carries.
    pub fn bytes(&self) -> usize {
        match self {
            Content::User { body, .. } => body.bytes(),
            Content::Reply { result: Ok(result), .. } => result.bytes(),
            Content::Exited { exit: Exit::Normal(result), .. } => result.bytes(),
            Content::Answer { value, .. } => value.bytes(),
            _ => 0,
        }
    }

    /// Whether an ended process may still be sent it.
    pub fn reaches_ended(&self) -> bool {
        matches!(self, Content::Restart { .. } | Content::Revive { .. })
    }
}

/// A durable question to a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskSpec {
    /// The name the answer carries in the history, such as `approval`.
    pub name: String,
    /// The question, for people.
    pub question: String,
    /// The answers allowed; empty allows any JSON.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub choices: Vec<String>,
    /// When the default is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Millis>,
    /// The answer if nobody gives one in time. Without it the ask times out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default: Option<Payload>,
}

impl AskSpec {
    /// Every payload in it, for moving large ones to the blob store and back.
    pub fn payloads_mut(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        self.default.iter_mut().for_each(visit);
    }

    /// Whether `value` is one of the answers allowed.
    pub fn allows(&self, value: &Payload) -> bool {
        self.choices.is_empty()
            || value.read::<String>().is_ok_and(|answer| self.choices.contains(&answer))
    }
}

/// Which messages a `recv` takes. Plain data, so that code in another process
/// can ask the same. Empty takes any user message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filter {
    /// Only these topics, if any are named; patterns of topics as well.
    pub topics: Vec<String>,
    /// Only from this process.
    pub from: Option<ProcessId>,
    /// Not messages, but the ends of supervised children and linked processes.
    pub exits: bool,
    /// Only bodies that have this value at this JSON pointer (RFC 6901).
    pub field: Option<(String, serde_json::Value)>,
    /// What is done for the message is not paid by who has sent it.
    #[serde(default)]
    pub pays_itself: bool,
}

impl Filter {
    /// Whether it takes this message.
    pub fn takes(&self, message: &Message) -> bool {
        let has = |(pointer, wanted): &(String, serde_json::Value)| {
            message.field(pointer).as_ref() == Some(wanted)
        };
        self.takes_envelope(message) && self.field.as_ref().is_none_or(has)
    }

    /// Whether it takes it as far as can be said without reading its body.
    pub fn takes_envelope(&self, message: &Message) -> bool {
        let Content::User { topic, .. } = &message.content else {
            return self.exits && message.content.is_exit_for_code();
        };
        !self.exits && self.fits_envelope(&message.from, topic)
    }

    /// Whether it takes a user message of these parts.
    pub fn fits(&self, from: &Origin, topic: &str, body: &Payload) -> bool {
        let has = |(pointer, wanted): &(String, serde_json::Value)| {
            let body = body.read::<serde_json::Value>();
            body.is_ok_and(|body| body.pointer(pointer) == Some(wanted))
        };
        self.fits_envelope(from, topic) && self.field.as_ref().is_none_or(has)
    }

    fn fits_envelope(&self, from: &Origin, topic: &str) -> bool {
        let named = |wanted: &String| wanted == topic || crate::pattern::matches(wanted, topic);
        if !self.topics.is_empty() && !self.topics.iter().any(named) {
            return false;
        }
        if let Some(wanted) = &self.from
            && !matches!(from, Origin::Process(id) if id == wanted)
        {
            return false;
        }
        true
    }
}

impl Message {
    /// Its envelope, if that is not the one of a process of this root and so many
    /// hops.
    pub fn envelope(&self, root: &str, hops: u32) -> Option<Box<Envelope>> {
        let carried = self.content.carried();
        let foreign = self.root != root;
        if !foreign && self.hops == hops && carried.is_none() {
            return None;
        }
        Some(Box::new(Envelope {
            root: foreign.then(|| self.root.clone()),
            hops: self.hops,
            carried: carried.cloned().unwrap_or_default(),
        }))
    }

    /// The value at this JSON pointer (RFC 6901) of its body.
    pub fn field(&self, pointer: &str) -> Option<serde_json::Value> {
        let Content::User { body, .. } = &self.content else { return None };
        body.read::<serde_json::Value>().ok()?.pointer(pointer).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Millis;

    fn message(root: &str, hops: u32, carried: Option<Carried>) -> Message {
        let content = Content::User {
            topic: "t".into(),
            body: Payload::null(),
            reply_to: None,
            carried: carried.map(Box::new),
        };
        Message { no: MessageNo(1), from: Origin::Runtime, content, root: root.into(), hops }
    }

    #[test]
    fn an_envelope_is_kept_where_it_is_not_the_processs_own() {
        assert_eq!(message("a/b", 2, None).envelope("a/b", 2), None);
        let further = message("a/b", 3, None).envelope("a/b", 2).unwrap();
        assert_eq!((further.root, further.hops), (None, 3));
        let foreign = message("c/d", 2, None).envelope("a/b", 2).unwrap();
        assert_eq!(foreign.root.as_deref(), Some("c/d"));
        let carried = Carried { deadline: Some(Millis(7)), ..Carried::default() };
        let late = message("a/b", 2, Some(carried)).envelope("a/b", 2).unwrap();
        assert_eq!(serde_json::to_string(&late).unwrap(), r#"{"hops":2,"deadline":7}"#);
    }
}
