//! `restart`: run a process on from an earlier point.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use greenroom_api::wire::RestartFrom;
use greenroom_model::{ProcessId, Seq};

/// Restart a process.
#[derive(clap::Args)]
pub struct Args {
    /// The process
    id: String,
    /// From the beginning, with fresh steps
    #[arg(long)]
    fresh: bool,
    /// After this event of its history; what follows no longer counts
    #[arg(long, value_name = "SEQ", conflicts_with = "fresh")]
    at: Option<u64>,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let from = match (args.fresh, args.at) {
        (true, _) => RestartFrom::Start,
        (false, Some(seq)) => RestartFrom::At(Seq(seq)),
        (false, None) => RestartFrom::Failure,
    };
    let changed = app.client()?.restart(&id, from).await?;
    if app.json() {
        out::json(&changed)?;
    } else {
        out::line(&format!("restarted {id}"))?;
    }
    Ok(Code::Done)
}
