//! After SIGKILL: another process of this program starts many processes and is
//! killed in the middle; how long until all of them are at work again here.

use super::crowd;
use super::machine::{Watch, object, round};
use super::place::Place;
use super::plan::Args;
use anyhow::{Context, ensure};
use greenroom_model::Failure;
use greenroom_runtime::{Ctx, Node, NodeOptions, Registry};
use serde_json::{Map, Value, json};
use std::collections::HashSet;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::sync::mpsc;

const STEPS: u64 = 3;

/// Starts processes whose second step never ends, says when all are in it, and
/// waits to be killed.
pub(super) async fn victim(store: &str, args: &Args) -> anyhow::Result<()> {
    let processes = args.processes.unwrap_or(10_000);
    let held = Arc::new(AtomicUsize::new(0));
    let counter = held.clone();
    let registry = Registry::new().kind("work", move |ctx: Ctx, _: ()| {
        let counter = counter.clone();
        async move {
            for n in 0..STEPS {
                let counter = counter.clone();
                ctx.step("work", move |_| {
                    let counter = counter.clone();
                    async move {
                        if n > 0 {
                            counter.fetch_add(1, Ordering::Relaxed);
                            std::future::pending::<()>().await;
                        }
                        Ok::<(), Failure>(())
                    }
                })
                .await?;
            }
            Ok::<(), Failure>(())
        }
    });
    let journal = greenroom_journal::open(store, &greenroom_journal::OpenOptions::default())?;
    let node = Node::start(journal, registry, NodeOptions::default())?;
    crowd::start(&node, "work", processes, "null").await?;
    while held.load(Ordering::Relaxed) < processes {
        crowd::pause(Duration::from_millis(5)).await;
    }
    println!("all at work");
    std::future::pending().await
}

pub(super) async fn run(place: &Place, args: &Args) -> anyhow::Result<Map<String, Value>> {
    let processes = args.processes.unwrap_or(10_000);
    kill_one(place, processes)?;
    let (at_work, mut news) = mpsc::unbounded_channel();
    let watch = Watch::start();
    // Taken where the step runs: the workers may be too busy to let this task
    // hear of it at once.
    let first = Arc::new(OnceLock::new());
    let first_step = first.clone();
    let registry = Registry::new().kind("work", move |ctx: Ctx, _: ()| {
        let (at_work, first) = (at_work.clone(), first_step.clone());
        async move {
            for _ in 0..STEPS {
                let (at_work, first, id) = (at_work.clone(), first.clone(), ctx.id());
                ctx.step("work", move |_| {
                    first.get_or_init(|| watch.seconds());
                    let _ = at_work.send(id.clone());
                    async { Ok::<(), Failure>(()) }
                })
                .await?;
            }
            Ok::<(), Failure>(())
        }
    });
    let node = Node::start(place.open()?, registry, NodeOptions::default())?;
    let mut seen = HashSet::new();
    while seen.len() < processes {
        let Some(id) = news.recv().await else { break };
        seen.insert(id);
    }
    let seconds = watch.seconds();
    let store = node.health().store;
    node.stop(Duration::from_secs(1)).await;
    Ok(object(json!({
        "bench": "recovery",
        "store": store,
        "processes": processes,
        "first_step_s": round(first.get().copied().unwrap_or(0.0)),
        "seconds": round(seconds),
    })))
}

/// Runs the victim until it says that all its processes are at work, then
/// kills it.
fn kill_one(place: &Place, processes: usize) -> anyhow::Result<()> {
    let program = std::env::current_exe().context("this program's own path is not known")?;
    let mut victim = Command::new(program)
        .args(["bench", "recovery-victim", "--store", place.store()])
        .args(["--processes", &processes.to_string()])
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the process to be killed")?;
    let mut said = String::new();
    if let Some(stdout) = victim.stdout.take() {
        BufReader::new(stdout).read_line(&mut said)?;
    }
    victim.kill()?;
    victim.wait()?;
    ensure!(said.trim() == "all at work", "the process to be killed ended early: {said:?}");
    Ok(())
}
