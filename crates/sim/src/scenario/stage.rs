//! A pipeline of demand-driven stages: a source, one in the middle, two sinks,
//! and one that hears a broadcast. Whatever crashes, each event is handled once,
//! and never more are under way than were asked for.

use super::definition::{PLAIN, Scenario, effect, ends};
use crate::outside::{Outside, Script};
use crate::user::User;
use greenroom_model::stage::{Demand, Dispatcher};
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::{Ctx, Registry};

const EVENTS: u64 = 6;

pub(super) const SCENARIO: Scenario = Scenario {
    name: "stage",
    about: "demand-driven stages: producer, producer and consumer, consumers, a broadcast",
    registry: |outside| {
        let outside = outside.clone();
        Registry::new()
            .kind("pipe", pipe)
            .kind("source", source)
            .kind("double", double)
            .kind("sink", move |ctx, of| sink(ctx, of, outside.clone()))
    },
    outside: |outside| {
        outside.script("handle", Script { slow_ms: 3, value: 1, ..Script::default() });
    },
    users: || vec![User::new().starts("pipe", "a", "null")],
    expect: |run| {
        let mut wrong = ends(run, "pipe/a", "completed [2,4,6,8,10,12]");
        wrong.extend(effect(run, "handle", EVENTS));
        wrong
    },
    // Which sink gets an event is chance.
    exact: false,
    ..PLAIN
};

async fn pipe(ctx: Ctx, _: ()) -> Result<Vec<u64>, Failure> {
    let source = ctx.spawn("source", &()).await?;
    let double = ctx.spawn("double", source.id()).await?;
    let sinks = [ctx.spawn("sink", double.id()).await?, ctx.spawn("sink", double.id()).await?];
    let mut all = Vec::new();
    for sink in sinks {
        all.extend(sink.join::<Vec<u64>>().await?);
    }
    all.sort_unstable();
    Ok(all)
}

async fn source(ctx: Ctx, _: ()) -> Result<(), Failure> {
    let mut stage = ctx.produce(Dispatcher::Broadcast)?;
    let events: Vec<u64> = (1..=EVENTS).collect();
    stage.emit_all(&events).await
}

async fn double(ctx: Ctx, of: ProcessId) -> Result<(), Failure> {
    let mut stage = ctx.produce(Dispatcher::Demand)?;
    let mut consumer = ctx.consume(&of, Demand::new(3)).await?;
    loop {
        stage.demand().await?;
        let Some(event) = consumer.next::<u64>().await? else { return Ok(()) };
        stage.emit(&(event * 2)).await?;
    }
}

async fn sink(ctx: Ctx, of: ProcessId, outside: Outside) -> Result<Vec<u64>, Failure> {
    let mut consumer = ctx.consume(&of, Demand::new(2)).await?;
    let mut seen = Vec::new();
    while let Some(event) = consumer.next::<u64>().await? {
        outside.step(&ctx, "handle").await?;
        seen.push(event);
    }
    Ok(seen)
}
