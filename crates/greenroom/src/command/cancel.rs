//! `cancel`: end a process from outside.

use crate::app::{App, Done};
use crate::command::tree;
use crate::exit::Code;
use crate::out;
use crate::source::Source;
use greenroom_api::wire::{CancelRequest, Process};
use greenroom_model::ProcessId;
use std::collections::BTreeSet;
use std::time::Duration;

/// Ask a process to stop.
#[derive(clap::Args)]
pub struct Args {
    /// The process
    id: String,
    /// Why, for its history
    #[arg(long, short, default_value = "asked to stop")]
    reason: String,
    /// End it at once, without letting its code clean up
    #[arg(long)]
    kill: bool,
    /// And all it has spawned and not detached, down to the leaves
    #[arg(long, conflicts_with = "kill")]
    tree: bool,
    /// Wait until it has ended; with --tree, until all below it have
    #[arg(long, short)]
    wait: bool,
}

/// How long between two looks at a tree that ends.
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(200);

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let request = CancelRequest { reason: args.reason, kill: args.kill, tree: args.tree };
    let changed = app.client()?.cancel(&id, &request).await?;
    if !app.json() {
        out::line(&format!("{} {id}", if args.kill { "killed" } else { "asked to stop:" }))?;
    }
    if args.wait {
        await_ends(app, &id, args.tree).await?;
    }
    if app.json() {
        out::json(&changed)?;
    }
    Ok(Code::Done)
}

/// Looks again and again, and says how many are left whenever that changes.
async fn await_ends(app: &App, id: &ProcessId, tree: bool) -> anyhow::Result<()> {
    let source = Source::Node(app.client()?);
    let mut left_before = None;
    loop {
        let processes = match tree {
            true => tree::below(&source, id, usize::MAX).await?,
            false => vec![source.process(id).await?],
        };
        let (left, all) = (left(&processes), processes.len());
        if !app.json() && left_before != Some(left) {
            match left {
                0 => out::line(&format!("all {all} have ended"))?,
                left => out::line(&format!("{left} of {all} have not ended"))?,
            }
        }
        if left == 0 {
            return Ok(());
        }
        left_before = Some(left);
        app.env.sleep(LOOK_AGAIN_AFTER).await;
    }
}

/// How many have still to end: who is detached, and all below, need not.
fn left(processes: &[Process]) -> usize {
    let mut away: BTreeSet<&ProcessId> = BTreeSet::new();
    let mut left = 0;
    for (place, process) in processes.iter().enumerate() {
        let below = process.parent.as_ref().is_some_and(|parent| away.contains(parent));
        if place > 0 && (below || process.detached) {
            away.insert(&process.id);
        } else {
            left += usize::from(!process.status.is_ended());
        }
    }
    left
}
