//! What a command means to the store: pure.

use super::cell::Facts;
use greenroom_journal::{HubWork, Outgoing, Publish, Spawn};
use greenroom_model::{
    Carried, Content, Envelope, Event, Exit, Failure, Given, GivenBack, InHand, Limits, Millis, Op,
    Origin, Place, ProcessId, ReplyTo, Segment, Seq, Shard, Standing, Supervised, failure,
};
use std::borrow::Cow;

/// Who sends, and for what.
#[derive(Clone, Copy)]
pub(super) struct Sender<'a> {
    pub facts: &'a Facts,
    /// The envelope of the message in hand; `None`: the process's own.
    pub in_hand: Option<&'a InHand>,
    /// The event that sends.
    pub seq: Seq,
}

impl Sender<'_> {
    fn root(&self) -> String {
        self.in_hand.map_or(&self.facts.root, |in_hand| &in_hand.root).clone()
    }

    fn hops(&self) -> u32 {
        self.in_hand.map_or(self.facts.hops, |in_hand| in_hand.hops).saturating_add(1)
    }

    /// The rest of the envelope of what it sends, with what that is given.
    fn carried(&self, given: &Given) -> Option<Box<Carried>> {
        let Given { deadline, .. } = *given;
        if self.in_hand.is_none() && *given == Given::default() {
            return None;
        }
        let carried = Carried {
            cause: Some(self.seq),
            deadline: Envelope::sooner(deadline, self.in_hand.and_then(|one| one.deadline)),
            account: self.in_hand.and_then(|one| one.account.clone()),
            crashes: Vec::new(),
        };
        Some(Box::new(carried))
    }

    fn says(&self, to: ProcessId, content: Content) -> Outgoing {
        let from = Origin::Process(self.facts.id.clone());
        Outgoing { to, from, content, root: self.root(), hops: self.hops() }
    }
}

fn until(deadline: Option<Millis>) -> Given {
    Given { deadline, ..Given::default() }
}

/// The message a sending command appends.
pub(super) fn outgoing(sender: Sender<'_>, event: &Event) -> Option<Outgoing> {
    let facts = sender.facts;
    let (to, content) = match event {
        Event::MessageSent { op, to, topic, body, call, deadline } => {
            let reply_to = call.then(|| ReplyTo { process: facts.id.clone(), op: *op });
            let (topic, body, carried) =
                (topic.clone(), body.clone(), sender.carried(&until(*deadline)));
            (to.clone(), Content::User { topic, body, reply_to, carried })
        }
        Event::ReplySent { to, result, .. } => {
            (to.process.clone(), Content::Reply { op: to.op, result: result.clone() })
        }
        Event::CancelSent { target, reason, tree, .. } => {
            let reason = reason.clone();
            (target.clone(), Content::Cancel { reason, stop: None, tree: *tree })
        }
        Event::ChildRestarted { id, from, kind, .. } => {
            (id.clone(), Content::Revive { from: *from, kind: kind.clone() })
        }
        Event::ChildStopped { id, reason, stop, tree, .. } => {
            let (reason, stop) = (reason.clone(), Some(*stop));
            (id.clone(), Content::Cancel { reason, stop, tree: *tree })
        }
        Event::ChildKilled { id, reason, stop, .. } => {
            (id.clone(), Content::Kill { reason: reason.clone(), stop: Some(*stop) })
        }
        _ => return None,
    };
    Some(sender.says(to, content))
}

/// What a caller hears of a process that ends without replying.
pub(super) fn no_reply(sender: Sender<'_>, owed: &ReplyTo) -> Outgoing {
    let words = format!("{} took the call and ended without a reply", sender.facts.id);
    call_fails(sender, owed, failure::NO_PROCESS, &words)
}

/// What a caller hears whose message is given up.
pub(super) fn call_fails(
    sender: Sender<'_>,
    caller: &ReplyTo,
    kind: impl Into<Cow<'static, str>>,
    reason: &str,
) -> Outgoing {
    let result = Err(Failure::fatal(kind, reason));
    sender.says(caller.process.clone(), Content::Reply { op: caller.op, result })
}

/// What a caller hears whose message was dropped to make room for others.
pub(super) fn dropped(facts: &Facts, caller: &ReplyTo, topic: &str) -> Outgoing {
    let words = format!("the mailbox of {} is full; `{topic}` made room for newer ones", facts.id);
    let result = Err(Failure::new(failure::MAILBOX_FULL, words));
    Outgoing {
        to: caller.process.clone(),
        from: Origin::Process(facts.id.clone()),
        content: Content::Reply { op: caller.op, result },
        root: facts.root.clone(),
        hops: facts.hops.saturating_add(1),
    }
}

/// What a supervisor hears of the end of one of its children.
pub(super) fn childs_exit(sender: Sender<'_>, supervised: &Supervised, exit: &Exit) -> Outgoing {
    let (id, exit) = (sender.facts.id.clone(), exit.clone());
    sender.says(supervised.by.clone(), Content::Exited { op: Op(0), id, exit })
}

/// A message that goes back into the process's own mailbox.
pub(super) fn to_itself(facts: &Facts, back: GivenBack) -> Outgoing {
    let GivenBack { from, content, envelope } = back;
    let (root, hops) = envelope.map_or((None, facts.hops), |kept| (kept.root, kept.hops));
    let root = root.unwrap_or_else(|| facts.root.clone());
    Outgoing { to: facts.id.clone(), from, content, root, hops }
}

/// Why a process is not started: it would be too far from its root, or too late.
pub(super) fn not_spawned(sender: Sender<'_>, limits: &Limits, event: &Event) -> Option<Outgoing> {
    let Event::ProcessSpawned { op, id, detached, supervised, given, .. } = event else {
        return None;
    };
    let deadline = sender.carried(given.as_deref().unwrap_or(&Given::default()));
    let deadline = deadline.and_then(|carried| carried.deadline);
    let why = limits.refuse(&sender.root(), sender.hops(), deadline)?;
    let op = match (supervised, detached) {
        (Some(_), _) => Op(0),
        (None, false) => *op,
        (None, true) => Op(u64::MAX),
    };
    let content = Content::Exited { op, id: id.clone(), exit: Exit::Error(why) };
    Some(sender.says(sender.facts.id.clone(), content))
}

/// The process a spawning command starts, and its first event.
pub(super) fn spawn(
    sender: Sender<'_>,
    seed: u64,
    at: Millis,
    event: &Event,
) -> Option<(Spawn, Event)> {
    let Event::ProcessSpawned { op, id, kind, input, detached, supervised, given } = event else {
        return None;
    };
    let facts = sender.facts;
    let given = given.as_deref().cloned().unwrap_or_default();
    let mut carried = sender.carried(&given);
    if let (Some(carried), Some(_)) = (&mut carried, given.budget) {
        carried.account = Some(id.clone());
    }
    let first = Event::WorkflowStarted(Box::new(Segment {
        kind: kind.clone(),
        input: input.clone(),
        seed,
        first_op: Op(1),
        state: std::collections::BTreeMap::new(),
        origin: Origin::Process(facts.id.clone()),
        root: sender.root(),
        supervised: supervised
            .map(|terms| Supervised { by: facts.id.clone(), restart: terms.restart }),
        supervises: false,
        pinned: false,
        standing: Standing::default(),
        hops: sender.hops(),
        carried,
    }));
    // A supervisor hears of ends by its children's own word: no operation waits.
    let op = if supervised.is_some() { Op(0) } else { *op };
    let spawn = Spawn {
        parent: Some((facts.id.clone(), op)),
        watched: !detached && supervised.is_none(),
        detached: *detached,
        revive: supervised.map(|terms| Content::Revive { from: terms.from, kind: None }),
        root: sender.root(),
        hops: sender.hops(),
        ..Spawn::begin(id.clone(), kind.clone(), at)
    };
    Some((spawn, first))
}

/// What a command does with names, groups and topics.
pub(super) fn hub(sender: Sender<'_>, event: &Event) -> Option<HubWork> {
    Some(match event {
        Event::PlaceTaken { op, place } => {
            let hears = matches!(place, Place::Name(_)).then_some(*op);
            HubWork::Join { place: place.clone(), op: hears }
        }
        Event::PlaceLeft { place, .. } => HubWork::Leave { place: place.clone() },
        Event::LookupStarted { op, lookup } => HubWork::Lookup { op: *op, lookup: lookup.clone() },
        Event::Published { op, to, topic, body, after, at_most } => {
            let (topic, body) = (topic.clone(), body.clone());
            HubWork::Publish(Publish {
                op: Some(*op),
                to: to.clone(),
                topic: topic.clone(),
                from: Origin::Process(sender.facts.id.clone()),
                content: Content::User {
                    topic,
                    body,
                    reply_to: None,
                    carried: sender.carried(&Given::default()),
                },
                root: sender.root(),
                hops: sender.hops(),
                after: after.unwrap_or_default(),
                at_most: *at_most,
            })
        }
        _ => return None,
    })
}

/// What never changes about a process that is started.
pub(super) fn facts(spawn: &Spawn) -> Facts {
    Facts {
        id: spawn.id.clone(),
        shard: Shard::of(&spawn.id),
        root: spawn.root.clone(),
        hops: spawn.hops,
    }
}
