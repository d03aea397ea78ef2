//! Ephemeral processes: spawning, messages between two, many to one and in a
//! ring, restarts. Each bench is a process that drives others, so it pays for
//! what a user's code pays for.

use super::crowd::pause;
use super::machine::{Watch, cpu_us, object, round, rss_bytes};
use super::plan::Args;
use anyhow::bail;
use futures_util::future::{Either, select};
use greenroom_journal::Memory;
use greenroom_model::{Exit, Failure, Payload, ProcessId};
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;

/// 64 bytes that a process holds.
type State = [u64; 8];

struct Measured {
    node: Node,
    result: Payload,
    seconds: f64,
    cpu_us: f64,
}

/// Runs the kind `main` to its end on a node of its own.
async fn measure(registry: Registry, input: &impl serde::Serialize) -> anyhow::Result<Measured> {
    let node = Node::start(Arc::new(Memory::new()), registry, NodeOptions::default())?;
    let input = Payload::of(input)?;
    let (watch, cpu) = (Watch::start(), cpu_us());
    let exit = node.run_ephemeral("main", input, "bench").await?;
    let (seconds, cpu_us) = (watch.seconds(), cpu_us() - cpu);
    match exit {
        Exit::Normal(result) => Ok(Measured { node, result, seconds, cpu_us }),
        other => bail!("the bench's own process ended: {other}"),
    }
}

impl Measured {
    async fn figures(self, bench: &str, count: usize) -> Map<String, Value> {
        self.node.stop(Duration::from_secs(1)).await;
        object(json!({
            "bench": bench,
            "operations": count,
            "seconds": round(self.seconds),
            "per_s": round(count as f64 / self.seconds),
            "cpu_ns_per_op": round(self.cpu_us * 1e3 / count as f64),
        }))
    }
}

/// How many processes of the bench have begun. Not in the processes, whose size
/// is measured.
static BEGUN: AtomicUsize = AtomicUsize::new(0);

/// Waits until so many have begun, while the bench's own process runs.
async fn until_begun(
    count: usize,
    main: impl Future<Output = Result<Exit, greenroom_runtime::Error>>,
) -> anyhow::Result<(f64, f64, u64)> {
    let (watch, cpu) = (Watch::start(), cpu_us());
    let all = async {
        while BEGUN.load(Ordering::Relaxed) < count {
            pause(Duration::from_millis(1)).await;
        }
        (watch.seconds(), cpu_us() - cpu)
    };
    match select(std::pin::pin!(main), std::pin::pin!(all)).await {
        Either::Left((exit, _)) => bail!("the bench's own process ended: {exit:?}"),
        Either::Right(((seconds, cpu), _)) => Ok((seconds, cpu, rss_bytes()?)),
    }
}

async fn idle(ctx: Ctx, state: State) -> Result<u64, Failure> {
    BEGUN.fetch_add(1, Ordering::Relaxed);
    ctx.recv().await?;
    Ok(state.iter().sum())
}

/// Starts processes that wait for a message, and looks at them when all do.
pub(super) async fn spawn(args: &Args) -> anyhow::Result<Map<String, Value>> {
    let processes = args.processes.unwrap_or(1_000_000);
    let main = |ctx: Ctx, processes: u64| async move {
        let state: State = [1; 8];
        for _ in 0..processes {
            // The handle goes; the process stays until its parent ends.
            ctx.spawn("idle", &state).await?;
        }
        ctx.recv().await?;
        Ok::<(), Failure>(())
    };
    let registry = Registry::new().kind("idle", idle).kind("main", main);
    let node = Node::start(Arc::new(Memory::new()), registry, NodeOptions::default())?;
    let before = rss_bytes()?;
    BEGUN.store(0, Ordering::Relaxed);
    let main = node.run_ephemeral("main", Payload::of(&processes)?, "bench");
    let (seconds, cpu, after) = until_begun(processes, main).await?;
    node.stop(Duration::from_secs(1)).await;
    let count = processes as f64;
    Ok(object(json!({
        "bench": "spawn",
        "processes": processes,
        "seconds": round(seconds),
        "spawns_per_s": round(count / seconds),
        "cpu_ns_per_spawn": round(cpu * 1e3 / count),
        "bytes_per_process": round(after.saturating_sub(before) as f64 / count),
    })))
}

/// Two processes; a round trip is two messages.
pub(super) async fn pingpong(args: &Args) -> anyhow::Result<Map<String, Value>> {
    let rounds = args.messages.unwrap_or(2_000_000);
    let registry = Registry::new()
        .kind("pong", |ctx: Ctx, to: ProcessId| async move {
            loop {
                let n: u64 = ctx.recv().await?.read()?;
                ctx.try_send(&to, "pong", &n)?;
                if n == 0 {
                    return Ok::<(), Failure>(());
                }
            }
        })
        .kind("main", |ctx: Ctx, rounds: u64| async move {
            let pong = ctx.spawn("pong", &ctx.id()).await?;
            for n in (0..rounds).rev() {
                ctx.try_send(pong.id(), "ping", &n)?;
                ctx.recv().await?.read::<u64>()?;
            }
            Ok::<u64, Failure>(rounds)
        });
    let measured = measure(registry, &rounds).await?;
    Ok(measured.figures("pingpong", usize::try_from(rounds)?).await)
}

/// 1,000 senders and one receiver, whose mailbox bounds them.
pub(super) async fn fanin(args: &Args) -> anyhow::Result<Map<String, Value>> {
    let messages = args.messages.unwrap_or(4_000_000);
    let senders = args.processes.unwrap_or(1_000) as u64;
    let registry = Registry::new()
        .kind("sender", |ctx: Ctx, (to, count): (ProcessId, u64)| async move {
            for n in 0..count {
                ctx.send(&to, "n", &n).await?;
            }
            Ok::<(), Failure>(())
        })
        .kind("main", |ctx: Ctx, (senders, each): (u64, u64)| async move {
            for _ in 0..senders {
                ctx.spawn("sender", &(ctx.id(), each)).await?;
            }
            let mut sum = 0;
            for _ in 0..senders * each {
                sum += ctx.recv().await?.read::<u64>()?;
            }
            Ok::<u64, Failure>(sum)
        });
    let each = messages / senders.max(1);
    let measured = measure(registry, &(senders, each)).await?;
    anyhow::ensure!(
        measured.result.read::<u64>()? == senders * (each * each.saturating_sub(1) / 2),
        "messages were lost"
    );
    Ok(measured.figures("fanin", usize::try_from(senders * each)?).await)
}

/// One message that goes round 1,000 processes.
pub(super) async fn ring(args: &Args) -> anyhow::Result<Map<String, Value>> {
    let hops = args.messages.unwrap_or(4_000_000);
    let members = args.processes.unwrap_or(1_000) as u64;
    let registry = Registry::new()
        .kind("member", |ctx: Ctx, next: ProcessId| async move {
            loop {
                let left: u64 = ctx.recv().await?.read()?;
                if left == 0 {
                    // Back to who began, past the others.
                    if let Some(begun) = ctx.parent() {
                        ctx.try_send(&begun, "done", &0)?;
                    }
                    continue;
                }
                ctx.try_send(&next, "token", &(left - 1))?;
            }
            #[expect(unreachable_code, reason = "it names the result")]
            Ok::<(), Failure>(())
        })
        .kind("main", |ctx: Ctx, (members, hops): (u64, u64)| async move {
            // The last member sends to the first through this process.
            let mut next = ctx.id();
            for _ in 1..members {
                next = ctx.spawn("member", &next).await?.id().clone();
            }
            ctx.try_send(&next, "token", &hops)?;
            loop {
                let message = ctx.recv().await?;
                let left: u64 = message.read()?;
                if message.topic == "done" || left == 0 {
                    return Ok::<(), Failure>(());
                }
                ctx.try_send(&next, "token", &(left - 1))?;
            }
        });
    let measured = measure(registry, &(members, hops)).await?;
    Ok(measured.figures("ring", usize::try_from(hops)?).await)
}

async fn fragile(ctx: Ctx, _: ()) -> Result<(), Failure> {
    BEGUN.fetch_add(1, Ordering::Relaxed);
    ctx.recv().await?;
    Err(Failure::msg("on purpose"))
}

/// At least so many restarts are measured, in several rounds if need be.
const RESTARTS_MIN: usize = 200_000;

/// Supervised children that fail, all of them once in a round.
pub(super) async fn restarts(args: &Args) -> anyhow::Result<Map<String, Value>> {
    let children = args.children.unwrap_or(100_000);
    let rounds = RESTARTS_MIN.div_ceil(children.max(1)).max(1);
    let go = Arc::new(Notify::new());
    let gone = go.clone();
    let main = move |ctx: Ctx, (children, rounds): (usize, u32)| {
        let go = gone.clone();
        async move {
            let mut fragile = Vec::new();
            for _ in 0..children {
                let child = ctx.spawn("fragile", &()).restarts(rounds, Duration::from_secs(3600));
                fragile.push(child.await?.id().clone());
            }
            go.notified().await;
            for _ in 0..rounds {
                for child in &fragile {
                    ctx.send(child, "fail", &()).await?;
                }
            }
            ctx.recv().await?;
            Ok::<(), Failure>(())
        }
    };
    let registry = Registry::new().kind("fragile", fragile).kind("main", main);
    let node = Node::start(Arc::new(Memory::new()), registry, NodeOptions::default())?;
    BEGUN.store(0, Ordering::Relaxed);
    let main = node.run_ephemeral("main", Payload::of(&(children, rounds))?, "bench");
    let mut main = std::pin::pin!(main);
    until_begun(children, main.as_mut()).await?;
    go.notify_one();
    let (seconds, cpu, _) = until_begun(children * (rounds + 1), main).await?;
    node.stop(Duration::from_secs(1)).await;
    let count = (children * rounds) as f64;
    Ok(object(json!({
        "bench": "restarts",
        "children": children,
        "restarts": children * rounds,
        "seconds": round(seconds),
        "restarts_per_s": round(count / seconds),
        "cpu_ns_per_restart": round(cpu * 1e3 / count),
    })))
}
