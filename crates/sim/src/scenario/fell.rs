//! A tree that somebody cancels as a whole: the runtime passes the wish on to
//! the leaves, also to those spawned by who has not heard yet, over segments and
//! past who has ended; each undoes what it did, and who is detached goes on.

use super::definition::{PLAIN, Scenario, ends};
use crate::outside::{Outside, Script};
use crate::user::{User, Wish};
use greenroom_model::{Event, Failure, Status};
use greenroom_runtime::{Ctx, Registry};

pub(super) const SCENARIO: Scenario = Scenario {
    name: "fell",
    about: "cancel of a tree by the runtime, to its leaves, with compensation",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new()
            .kind("node", move |ctx, place| node(ctx, place, outside.clone()))
            .kind("away", away)
    },
    outside: |outside| {
        outside.script("release", Script { slow_ms: 10, ..Script::default() });
    },
    users: || {
        let cancel = Wish::CancelTree { id: "node/root".to_owned() };
        // At once: each crash shifts how far the tree has grown by then.
        vec![
            User::new().starts("node", "root", "[4,false]").at(0, cancel.clone()).at(
                60_000,
                Wish::Send { to: "away/1".to_owned(), topic: "go", body: "1".to_owned() },
            ),
        ]
    },
    expect: |run| {
        let mut wrong = ends(run, "node/root", "cancelled cancelled: no longer wanted");
        wrong.extend(ends(run, "away/1", "completed 1"));
        for loaded in &run.seen.processes {
            if loaded.row.id.kind() == "node" && !loaded.row.status.is_ended() {
                wrong.push(format!("{} is {}", loaded.row.id, loaded.row.status));
            }
            // What was done was undone: two steps, or none.
            let events = loaded.turns.iter().flat_map(|turn| &turn.events);
            let done = events.filter(|event| matches!(event, Event::StepCompleted { .. })).count();
            if loaded.row.status == Status::Cancelled && done % 2 != 0 {
                wrong.push(format!("{} has undone {done} steps by halves", loaded.row.id));
            }
        }
        wrong
    },
    // How far it has grown by then is chance.
    exact: false,
    ..PLAIN
};

/// How many are below it, and whether it is in its second segment.
type Place = (u64, bool);

async fn node(ctx: Ctx, place: Place, outside: Outside) -> Result<(), Failure> {
    let (depth, again) = place;
    if depth == 4 && !again {
        ctx.spawn("away", &()).key("1").detached().await?;
        ctx.spawn("node", &(3, false)).await?;
        return ctx.continue_as_new(&(4, true));
    }
    let undo = outside.clone();
    outside
        .step(&ctx, "reserve")
        .compensate("release", move |step| undo.call(step, "release"))
        .await?;
    if depth > 0 && depth < 4 {
        ctx.spawn("node", &(depth - 1, false)).await?;
    }
    // One in the middle ends before its child.
    if depth != 2 {
        ctx.recv().await?;
    }
    Ok(())
}

async fn away(ctx: Ctx, _: ()) -> Result<u64, Failure> {
    ctx.recv().await?.read()
}
