//! The trace of a request that several processes worked on: every event of it
//! exactly once, causes first, and nothing of the others.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::run::{Run, Seen};
use crate::user::User;
use greenroom_journal::TraceTurn;
use greenroom_model::{Event, Failure, ProcessId, Seq};
use greenroom_runtime::{Ctx, Registry, join_all};
use std::collections::{BTreeMap, BTreeSet};

/// The requests, each the root of a trace.
const ORDERS: [&str; 2] = ["order/1", "order/2"];
/// How many children work on each.
const PACKERS: u64 = 2;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "trace",
    about: "what one request caused, across processes, in order",
    registry: |outside| {
        let (clerk_side, packer_side) = (outside.clone(), outside.clone());
        Registry::new()
            .kind("order", order)
            .kind("clerk", move |ctx, ()| clerk(ctx, clerk_side.clone()))
            .kind("packer", move |ctx, order| packer(ctx, order, packer_side.clone()))
    },
    outside: |outside| {
        outside.script("price", Script { slow_ms: 5, value: 7, ..Script::default() });
    },
    users: || {
        let user = User::new().starts("clerk", "c", "null");
        vec![user.starts("order", "1", "1").starts("order", "2", "2")]
    },
    expect: |run| {
        let mut wrong = ends(run, "clerk/c", "completed 2");
        wrong.extend(effect(run, "price", 2));
        wrong.extend(effect(run, "pack", 2 * PACKERS));
        for order in ORDERS {
            wrong.extend(ends(run, order, &format!("completed {}", 7 + PACKERS * 3)));
            wrong.extend(faults(run, order));
        }
        wrong
    },
    ..PLAIN
};

async fn order(ctx: Ctx, number: u64) -> Result<u64, Failure> {
    let clerk = ProcessId::new("clerk", "c")?;
    ctx.send(&clerk, "note", &format!("{number} begins")).await?;
    let mut sum: u64 = ctx.call(&clerk, "price", &number).await?;
    // There and back within a moment.
    for round in 1..=3 {
        ctx.call::<()>(&clerk, "check", &(number, round)).await?;
    }
    let mut packers = Vec::new();
    for _ in 0..PACKERS {
        packers.push(ctx.spawn("packer", &ctx.id()).await?);
    }
    for _ in 0..PACKERS * 2 {
        sum += ctx.recv().topic("packed").await?.read::<(String, u64)>()?.1;
    }
    join_all(packers.iter().map(|packer| packer.join::<()>())).await;
    ctx.send(&clerk, "done", &number).await?;
    Ok(sum)
}

/// Serves every order, and works on each for that one.
async fn clerk(ctx: Ctx, outside: Outside) -> Result<u64, Failure> {
    let mut done = 0;
    while done < ORDERS.len() as u64 {
        let message = ctx.recv().await?;
        match message.topic.as_str() {
            "price" => {
                let price = outside.step(&ctx, "price").await?;
                ctx.reply(&message, &price)?;
            }
            "check" => ctx.reply(&message, &())?,
            "done" => done += 1,
            _ => {}
        }
    }
    Ok(done)
}

/// Tells its order twice, from two turns.
async fn packer(ctx: Ctx, order: ProcessId, outside: Outside) -> Result<(), Failure> {
    ctx.send(&order, "packed", &(ctx.id(), 2)).await?;
    outside.step(&ctx, "pack").await?;
    ctx.send(&order, "packed", &(ctx.id(), 1)).await
}

/// An event: whose, and its place there.
type Place = (ProcessId, Seq);

/// What is wrong with the trace of a root, next to the journals.
fn faults(run: &Run, root: &str) -> Vec<String> {
    let (whole, pages) = match (run.seen.trace(root, usize::MAX), run.seen.trace(root, 2)) {
        (Ok(whole), Ok(pages)) => (events(whole), events(pages)),
        (Err(error), _) | (_, Err(error)) => return vec![format!("no trace of {root}: {error}")],
    };
    let (mut wrong, wanted) = (Vec::new(), wanted(&run.seen, root));
    for (how, told) in [("whole", &whole), ("paged", &pages)] {
        let places: BTreeSet<Place> = told.iter().map(|(place, _)| place.clone()).collect();
        if places.len() != told.len() {
            wrong.push(format!("the trace of {root}, {how}, tells an event twice"));
        }
        let missing = wanted.difference(&places).map(|place| ("misses", place));
        let surplus = places.difference(&wanted).map(|place| ("should not tell", place));
        for (what, (id, seq)) in missing.chain(surplus) {
            wrong.push(format!("the trace of {root}, {how}, {what} event {seq} of {id}"));
        }
    }
    wrong.extend(out_of_order(&whole).into_iter().map(|words| format!("trace of {root}: {words}")));
    wrong
}

fn events(turns: Vec<TraceTurn>) -> Vec<(Place, Event)> {
    let each = |turn: TraceTurn| {
        let (id, seq) = (turn.id, turn.place.seq);
        let place = move |offset: usize| (id.clone(), seq.plus(offset));
        turn.events.into_iter().enumerate().map(move |(offset, event)| (place(offset), event))
    };
    turns.into_iter().flat_map(each).collect()
}

/// From the journals: all of the processes of this root, and of the others what
/// follows a message of it, up to the next of another.
fn wanted(seen: &Seen, root: &str) -> BTreeSet<Place> {
    let mut places = BTreeSet::new();
    for loaded in &seen.processes {
        let own = loaded.row.root == root;
        let mut belongs = own;
        for turn in &loaded.turns {
            for (offset, event) in turn.events.iter().enumerate() {
                if let (false, Event::MessageReceived { envelope, .. }) = (own, event) {
                    let of = envelope.as_ref().and_then(|envelope| envelope.root.as_deref());
                    belongs = of == Some(root);
                }
                if belongs {
                    places.insert((loaded.row.id.clone(), turn.seq.plus(offset)));
                }
            }
        }
    }
    places
}

/// Events told before what led to them.
fn out_of_order(told: &[(Place, Event)]) -> Vec<String> {
    let mut before: BTreeSet<String> = BTreeSet::new();
    let mut last: BTreeMap<&ProcessId, Seq> = BTreeMap::new();
    let mut wrong = Vec::new();
    for ((id, seq), event) in told {
        if last.insert(id, *seq).is_some_and(|last| last >= *seq) {
            wrong.push(format!("event {seq} of {id} comes after a later one"));
        }
        // Each message here is told from every other by its sender and what it says.
        let cause = match event {
            Event::MessageReceived { from, topic, body, .. } => format!("{from} {topic} {body}"),
            Event::ReplyReceived { op, .. } => format!("reply {id} {op}"),
            Event::WorkflowStarted(segment) if segment.root != id.as_str() => {
                format!("spawn {id}")
            }
            Event::ProcessExited { id, .. } => format!("end {id}"),
            _ => String::new(),
        };
        if !cause.is_empty() && !before.contains(&cause) {
            wrong.push(format!("event {seq} of {id} comes before its cause, `{cause}`"));
        }
        before.extend(match event {
            Event::MessageSent { topic, body, .. } => Some(format!("{id} {topic} {body}")),
            Event::ReplySent { to, .. } => Some(format!("reply {} {}", to.process, to.op)),
            Event::ProcessSpawned { id, .. } => Some(format!("spawn {id}")),
            event if event.is_end() => Some(format!("end {id}")),
            _ => None,
        });
    }
    wrong
}
