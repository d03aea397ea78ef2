//! `resume`: let a paused or parked process go on.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use greenroom_model::ProcessId;

/// Let a process go on.
#[derive(clap::Args)]
pub struct Args {
    /// The process
    id: String,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let changed = app.client()?.resume(&id).await?;
    if app.json() {
        out::json(&changed)?;
    } else {
        out::line(&format!("resumed {id}"))?;
    }
    Ok(Code::Done)
}
