//! A kind that does what its input says: a list of operations and amounts.

use crate::world::{World, pause};
use greenroom_runtime::model::budget::{Account, Budget, Spend};
use greenroom_runtime::model::{Failure, Payload, ProcessId};
use greenroom_runtime::{Ctx, Registry, Reserved, StartRequest};
use serde_json::Value;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the step of `priced` finds.
pub static PRICE: AtomicU64 = AtomicU64::new(0);

pub fn registry() -> Registry {
    Registry::new().kind("script", script).kind("sink", sink).kind("listener", listener)
}

/// An amount of tokens, as a number.
fn tokens(amount: &Value) -> Spend {
    Spend::tokens(amount.as_u64().unwrap_or_default())
}

async fn script(ctx: Ctx, ops: Vec<Value>) -> Result<Vec<String>, Failure> {
    let (mut reserved, mut log) = (Vec::new(), Vec::new());
    let mut place = 0;
    while let Some(op) = ops.get(place) {
        place += 1;
        let done = match op[0].as_str() {
            Some("loop") => {
                place = 0;
                continue;
            }
            _ => one(&ctx, op, &mut reserved).await,
        };
        match done {
            Err(failure) if failure.is("cancelled") && !insists(op) => return Err(failure),
            Err(failure) if log.len() < 50 => log.push(failure.kind.to_string()),
            Ok(said) if log.len() < 50 => log.push(said),
            _ => {}
        }
        if place == ops.len() {
            ctx.set("log", &log)?;
        }
    }
    Ok(log)
}

/// Whether it goes on after a cancel.
fn insists(op: &Value) -> bool {
    op[0].as_str().is_some_and(|name| name.starts_with("try to "))
}

async fn one(ctx: &Ctx, op: &Value, reserved: &mut Vec<Reserved>) -> Result<String, Failure> {
    let (name, on) = (op[0].as_str().unwrap_or_default(), &op[1]);
    let to = || on.as_str().unwrap_or_default().parse::<ProcessId>();
    match name {
        "reserve" => reserved.push(ctx.reserve(tokens(on)).await?),
        "priced" => {
            let look = |_| async { Ok::<_, Failure>(PRICE.load(Ordering::SeqCst)) };
            let price = ctx.step("price", look).await?;
            reserved.push(ctx.reserve(Spend::tokens(price)).await?);
        }
        "try" => reserved.push(ctx.try_reserve(tokens(on))?),
        "settle" => reserved.pop().map_or((), |one| one.settle(tokens(on))),
        "charge" => ctx.charge(tokens(on))?,
        "send" | "try to reach" => ctx.send(&to()?, "word", &0).await?,
        "try to send" => ctx.try_send(&to()?, "word", &0)?,
        "publish" => {
            return Ok(ctx.publish(on.as_str().unwrap_or_default(), &0).await?.to_string());
        }
        "recv" => drop(ctx.recv().await?),
        "sleep" | "try to sleep" => {
            ctx.sleep(std::time::Duration::from_millis(on.as_u64().unwrap_or(1))).await?;
        }
        "spawn" => {
            let mut spawn = ctx.spawn("script", on).detached();
            if let Some(key) = op[2].as_str() {
                spawn = spawn.key(key);
            }
            if let Some(budget) = op[3].as_str() {
                spawn = spawn.budget(budget.parse::<Budget>().map_err(Failure::msg)?);
            }
            drop(spawn.await?);
        }
        "crowd" => {
            for _ in 0..on.as_u64().unwrap_or_default() {
                let mut spawn = ctx.spawn("script", &op[2]).detached();
                if let Some(budget) = op[3].as_str() {
                    spawn = spawn.budget(budget.parse::<Budget>().map_err(Failure::msg)?);
                }
                drop(spawn.await?);
            }
        }
        other => return Err(Failure::msg(format!("{other}?"))),
    }
    Ok("ok".to_owned())
}

async fn sink(ctx: Ctx, _: ()) -> Result<u64, Failure> {
    loop {
        ctx.recv().await?;
    }
}

async fn listener(ctx: Ctx, _: ()) -> Result<u64, Failure> {
    ctx.subscribe("news")?;
    loop {
        ctx.recv().await?;
    }
}

/// Starts one with a budget.
pub async fn run(world: &World, id: &str, budget: &str, ops: &str) -> ProcessId {
    let id: ProcessId = id.parse().expect("an id");
    let request = StartRequest {
        kind: id.kind().into(),
        key: Some(id.key().into()),
        input: Payload::parse(ops).expect("json"),
        budget: Some(budget.parse().expect("a budget")),
        by: "test".into(),
    };
    assert!(world.node.start_process(request).await.expect("started").created);
    id
}

pub async fn account(world: &World, id: &ProcessId) -> Account {
    world.node.budget(id).await.expect("read").accounts.remove(0)
}

pub async fn raise(world: &World, id: &ProcessId, by: &str) {
    let by = by.parse().expect("a budget");
    world.node.raise_budget(id, by).await.expect("raised");
}

/// How many wait, once it is so many.
pub async fn until_waiting(world: &World, waiting: usize) {
    let mut found = 0;
    for _ in 0..600 {
        found = world.node.health().budgets.iter().map(|one| one.waiting).sum();
        if found == waiting && world.node.health().committing == 0 {
            return;
        }
        pause(if waiting > 1_000 { 100 } else { 10 }).await;
    }
    panic!("{found} wait, not {waiting}");
}

/// Until so much of it is used up, and no more.
async fn until_spent(world: &World, id: &ProcessId, amount: impl Fn(&Spend) -> u64, wanted: u64) {
    let mut found = 0;
    for _ in 0..1_000 {
        found = amount(&account(world, id).await.spent);
        if found >= wanted {
            pause(30).await;
            found = amount(&account(world, id).await.spent);
            break;
        }
        pause(5).await;
    }
    assert_eq!(found, wanted, "of {id}");
}

pub async fn until_tokens(world: &World, id: &ProcessId, tokens: u64) {
    until_spent(world, id, |spent| spent.tokens, tokens).await;
}

pub async fn until_messages(world: &World, id: &ProcessId, messages: u64) {
    until_spent(world, id, |spent| spent.messages, messages).await;
}
