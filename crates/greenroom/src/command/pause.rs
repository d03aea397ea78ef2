//! `pause`: hold a process's effects back.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use greenroom_model::ProcessId;

/// Pause a process.
#[derive(clap::Args)]
pub struct Args {
    /// The process
    id: String,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let changed = app.client()?.pause(&id).await?;
    if app.json() {
        out::json(&changed)?;
    } else {
        out::line(&format!("paused {id}"))?;
    }
    Ok(Code::Done)
}
