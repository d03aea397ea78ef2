//! `history`: what happened to a process.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::view::{self, Detail};
use greenroom_model::{Event, Millis, ProcessId, Seq};
use serde::Serialize;

/// Show a history.
#[derive(clap::Args)]
pub struct Args {
    /// The process
    id: String,
    /// Every event, also what a restart has taken back
    #[arg(long, short)]
    all: bool,
    /// Values unabridged
    #[arg(long)]
    full: bool,
}

/// An event as `--json` prints it.
#[derive(Serialize)]
struct Raw<'a> {
    seq: Seq,
    at: Millis,
    event: &'a Event,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let source = app.source()?;
    let turns = source.history(&id).await?;
    if app.json() {
        let events = turns
            .iter()
            .flat_map(|turn| turn.numbered().map(|(seq, event)| Raw { seq, at: turn.at, event }));
        out::json(&events.collect::<Vec<_>>())?;
        return Ok(Code::Done);
    }
    let process = source.process(&id).await?;
    let now = app.now();
    let detail = Detail { all: args.all, full: args.full, live: source.is_live() };
    let header = view::header(&process, now, app.paint);
    let facts = view::facts(&turns, now, detail);
    out::print(&format!("{header}{}", view::render(&facts, app.paint)))?;
    Ok(Code::Done)
}
