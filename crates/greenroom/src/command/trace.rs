//! `trace`: everything one request caused, across processes, in order.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::view::TraceLines;
use greenroom_model::{Event, Millis, ProcessId, Seq};
use serde::Serialize;

/// How much is read at a time: a long trace does not fill memory.
const PAGE: usize = 1_000;

/// Show what a request caused.
#[derive(clap::Args)]
pub struct Args {
    /// The process the request started: what `root` says of a process or a dead letter
    root: String,
}

/// An event as `--json` prints it, one on a line.
#[derive(Serialize)]
struct Raw<'a> {
    at: Millis,
    process: &'a ProcessId,
    seq: Seq,
    event: &'a Event,
}

pub async fn run(app: &App, args: Args) -> Done {
    let root = ProcessId::parse(&args.root)?;
    let source = app.source()?;
    let (mut lines, mut after) = (TraceLines::default(), None);
    loop {
        let page = source.trace(&root, after.as_deref(), PAGE).await?;
        for turn in &page.turns {
            if !app.json() {
                out::print(&lines.turn(turn, app.paint))?;
                continue;
            }
            for (place, event) in turn.events.iter().enumerate() {
                let (at, process) = (turn.at, &turn.process);
                out::json(&Raw { at, process, seq: turn.seq.plus(place), event })?;
            }
        }
        after = page.next;
        if after.is_none() {
            return Ok(Code::Done);
        }
    }
}
