//! `cancel`: end a process from outside.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use greenroom_api::wire::CancelRequest;
use greenroom_model::ProcessId;

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
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let request = CancelRequest { reason: args.reason, kill: args.kill };
    let changed = app.client()?.cancel(&id, &request).await?;
    if app.json() {
        out::json(&changed)?;
    } else {
        out::line(&format!("{} {id}", if args.kill { "killed" } else { "asked to stop:" }))?;
    }
    Ok(Code::Done)
}
