//! What a command means to the store: pure.

use super::cell::Facts;
use greenroom_journal::{Outgoing, Spawn};
use greenroom_model::{
    Content, Event, Failure, Millis, Op, Origin, ReplyTo, Segment, Shard, failure,
};

/// The message a sending command appends.
pub(super) fn outgoing(facts: &Facts, event: &Event) -> Option<Outgoing> {
    let (to, content) = match event {
        Event::MessageSent { op, to, topic, body, call } => {
            let reply_to = call.then(|| ReplyTo { process: facts.id.clone(), op: *op });
            let (topic, body) = (topic.clone(), body.clone());
            (to.clone(), Content::User { topic, body, reply_to })
        }
        Event::ReplySent { to, result, .. } => {
            (to.process.clone(), Content::Reply { op: to.op, result: result.clone() })
        }
        Event::CancelSent { target, reason, .. } => {
            (target.clone(), Content::Cancel { reason: reason.clone() })
        }
        _ => return None,
    };
    Some(Outgoing {
        to,
        from: Origin::Process(facts.id.clone()),
        content,
        root: facts.root.clone(),
        hops: facts.hops.saturating_add(1),
    })
}

/// What a caller hears of a process that ends without replying.
pub(super) fn no_reply(facts: &Facts, owed: &ReplyTo) -> Outgoing {
    let words = format!("{} took the call and ended without a reply", facts.id);
    let result = Err(Failure::fatal(failure::NO_PROCESS, words));
    Outgoing {
        to: owed.process.clone(),
        from: Origin::Process(facts.id.clone()),
        content: Content::Reply { op: owed.op, result },
        root: facts.root.clone(),
        hops: facts.hops.saturating_add(1),
    }
}

/// The process a spawning command starts, and its first event.
pub(super) fn spawn(facts: &Facts, seed: u64, at: Millis, event: &Event) -> Option<(Spawn, Event)> {
    let Event::ProcessSpawned { op, id, kind, input, detached } = event else {
        return None;
    };
    let first = Event::WorkflowStarted(Segment {
        kind: kind.clone(),
        input: input.clone(),
        seed,
        first_op: Op(1),
        state: std::collections::BTreeMap::new(),
        origin: Origin::Process(facts.id.clone()),
        root: facts.root.clone(),
    });
    let spawn = Spawn {
        parent: Some((facts.id.clone(), *op)),
        watched: !detached,
        root: facts.root.clone(),
        hops: facts.hops.saturating_add(1),
        ..Spawn::begin(id.clone(), kind.clone(), at)
    };
    Some((spawn, first))
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
