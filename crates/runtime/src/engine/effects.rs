//! What a command means to the store: pure.

use super::cell::Facts;
use greenroom_journal::{HubWork, Outgoing, Publish, Spawn};
use greenroom_model::{
    Content, Event, Exit, Failure, Millis, Op, Origin, Place, ReplyTo, Segment, Shard, Standing,
    Supervised, failure,
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
        Event::CancelSent { target, reason, .. } => (target.clone(), Content::cancel(reason)),
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

/// What a caller hears whose message is given up.
pub(super) fn poisoned(facts: &Facts, caller: &ReplyTo, reason: &str) -> Outgoing {
    let result = Err(Failure::fatal(failure::POISON, reason));
    Outgoing {
        to: caller.process.clone(),
        from: Origin::Process(facts.id.clone()),
        content: Content::Reply { op: caller.op, result },
        root: facts.root.clone(),
        hops: facts.hops.saturating_add(1),
    }
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
pub(super) fn childs_exit(facts: &Facts, supervised: &Supervised, exit: &Exit) -> Outgoing {
    Outgoing {
        to: supervised.by.clone(),
        from: Origin::Process(facts.id.clone()),
        content: Content::Exited { op: Op(0), id: facts.id.clone(), exit: exit.clone() },
        root: facts.root.clone(),
        hops: facts.hops.saturating_add(1),
    }
}

/// A message that goes back into the process's own mailbox.
pub(super) fn to_itself(facts: &Facts, from: Origin, content: Content) -> Outgoing {
    Outgoing { to: facts.id.clone(), from, content, root: facts.root.clone(), hops: facts.hops }
}

/// The process a spawning command starts, and its first event.
pub(super) fn spawn(facts: &Facts, seed: u64, at: Millis, event: &Event) -> Option<(Spawn, Event)> {
    let Event::ProcessSpawned { op, id, kind, input, detached, supervised } = event else {
        return None;
    };
    let first = Event::WorkflowStarted(Box::new(Segment {
        kind: kind.clone(),
        input: input.clone(),
        seed,
        first_op: Op(1),
        state: std::collections::BTreeMap::new(),
        origin: Origin::Process(facts.id.clone()),
        root: facts.root.clone(),
        supervised: supervised
            .map(|terms| Supervised { by: facts.id.clone(), restart: terms.restart }),
        supervises: false,
        pinned: false,
        standing: Standing::default(),
    }));
    // A supervisor hears of ends by its children's own word: no operation waits.
    let op = if supervised.is_some() { Op(0) } else { *op };
    let spawn = Spawn {
        parent: Some((facts.id.clone(), op)),
        watched: !detached && supervised.is_none(),
        detached: *detached,
        revive: supervised.map(|terms| Content::Revive { from: terms.from, kind: None }),
        root: facts.root.clone(),
        hops: facts.hops.saturating_add(1),
        ..Spawn::begin(id.clone(), kind.clone(), at)
    };
    Some((spawn, first))
}

/// What a command does with names, groups and topics.
pub(super) fn hub(facts: &Facts, event: &Event) -> Option<HubWork> {
    Some(match event {
        Event::PlaceTaken { op, place } => {
            let hears = matches!(place, Place::Name(_)).then_some(*op);
            HubWork::Join { place: place.clone(), op: hears }
        }
        Event::PlaceLeft { place, .. } => HubWork::Leave { place: place.clone() },
        Event::LookupStarted { op, lookup } => HubWork::Lookup { op: *op, lookup: lookup.clone() },
        Event::Published { op, to, topic, body, after } => {
            let (topic, body) = (topic.clone(), body.clone());
            HubWork::Publish(Publish {
                op: Some(*op),
                to: to.clone(),
                topic: topic.clone(),
                from: Origin::Process(facts.id.clone()),
                content: Content::User { topic, body, reply_to: None },
                root: facts.root.clone(),
                hops: facts.hops.saturating_add(1),
                after: after.unwrap_or_default(),
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
