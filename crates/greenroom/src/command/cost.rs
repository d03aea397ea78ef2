//! `cost`: what a process and all below it have paid for.

use super::tree::below;
use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::view::{self, Cost};
use greenroom_model::ProcessId;

/// Show what the models of a process and of all below it took.
#[derive(clap::Args)]
#[command(
    after_help = "Each process's own, and the sum. Money is by the prices that the call was \
    made with; a model without\na price costs tokens alone. Examples:\n  greenroom cost lead/1\n  \
    greenroom cost lead/1 --calls --json"
)]
pub struct Args {
    /// Whose
    id: ProcessId,
    /// Each call by itself
    #[arg(long)]
    calls: bool,
    /// At most this many processes
    #[arg(long, short = 'n', default_value_t = 1000)]
    limit: usize,
}

pub async fn run(app: &App, args: Args) -> Done {
    let source = app.source()?;
    let mut costs = Vec::new();
    for process in below(&source, &args.id, args.limit).await? {
        let turns = source.history(&process.id).await?;
        costs.push(Cost::of(process.id, &turns));
    }
    match (app.json(), args.calls) {
        (true, _) => out::json(&costs)?,
        (false, true) => out::print(&view::payments(&costs, app.paint))?,
        (false, false) => out::print(&view::costs(&costs, app.paint))?,
    }
    Ok(Code::Done)
}
