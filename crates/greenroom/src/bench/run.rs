//! Runs the benches asked for and prints what they measured.

use super::place::Place;
use super::plan::{Args, BenchName};
use super::{
    agents, boxes, latency, light, messages, model_call, model_server, recovery, replay, starts,
};
use super::{steps, waiting, wake, watchers};
use serde_json::{Map, Value};
use std::io::Write;
use std::path::Path;

/// Beside the user's own store, so that it is the same disk.
const DIR: &str = ".greenroom";

/// Runs one bench or all. `json`: one object a line, else a table for people.
pub fn run(args: &Args, store: Option<&str>, json: bool) -> anyhow::Result<()> {
    if args.name == BenchName::ModelServer {
        return model_server::serve(args);
    }
    // Boxes block.
    let boxes = || print(&boxes::run(&Place::new(Path::new(DIR), store)?, args)?, json);
    if args.name == BenchName::Box {
        return boxes();
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(run_all(args, store, json))?;
    if args.name == BenchName::All { boxes() } else { Ok(()) }
}

async fn run_all(args: &Args, store: Option<&str>, json: bool) -> anyhow::Result<()> {
    let dir = Path::new(DIR);
    if args.name == BenchName::RecoveryVictim {
        let store = store.ok_or_else(|| anyhow::anyhow!("the victim needs a store"))?;
        return recovery::victim(store, args).await;
    }
    let all = [
        BenchName::Steps,
        BenchName::Latency,
        BenchName::Starts,
        BenchName::Wake,
        BenchName::Waiting,
        BenchName::Recovery,
        BenchName::Replay,
        BenchName::Messages,
        BenchName::Spawn,
        BenchName::Pingpong,
        BenchName::Fanin,
        BenchName::Ring,
        BenchName::Restarts,
        BenchName::ModelCall,
        BenchName::Agents,
        BenchName::Watchers,
    ];
    let names =
        if args.name == BenchName::All { &all[..] } else { std::slice::from_ref(&args.name) };
    for name in names {
        let figures = one(*name, args, dir, store).await?;
        print(&figures, json)?;
    }
    Ok(())
}

async fn one(
    name: BenchName,
    args: &Args,
    dir: &Path,
    store: Option<&str>,
) -> anyhow::Result<Map<String, Value>> {
    let place = Place::new(dir, store)?;
    match name {
        BenchName::Steps => steps::run(&place, args).await,
        BenchName::Latency => latency::run(&place, args).await,
        BenchName::Starts => starts::run(&place, args).await,
        BenchName::Wake => wake::run(&place, args).await,
        BenchName::Waiting => waiting::run(&place, args).await,
        BenchName::Recovery => recovery::run(&place, args).await,
        BenchName::Messages => messages::run(&place, args).await,
        BenchName::Spawn => light::spawn(args).await,
        BenchName::Pingpong => light::pingpong(args).await,
        BenchName::Fanin => light::fanin(args).await,
        BenchName::Ring => light::ring(args).await,
        BenchName::Restarts => light::restarts(args).await,
        BenchName::ModelCall => model_call::run(&place, args).await,
        BenchName::Agents => agents::run(&place, args).await,
        BenchName::Watchers => watchers::run(&place, args).await,
        BenchName::Box
        | BenchName::Replay
        | BenchName::All
        | BenchName::RecoveryVictim
        | BenchName::ModelServer => replay::run(&place, args).await,
    }
}

fn print(figures: &Map<String, Value>, json: bool) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        writeln!(out, "{}", Value::Object(figures.clone()))?;
        return Ok(());
    }
    let width = figures.keys().map(String::len).max().unwrap_or(0);
    for (key, value) in figures {
        match value {
            Value::String(text) => writeln!(out, "{key:width$}  {text}")?,
            other => writeln!(out, "{key:width$}  {other}")?,
        }
    }
    writeln!(out)?;
    Ok(())
}
