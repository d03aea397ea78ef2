//! `fork`: a new process that shares another's history.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use greenroom_api::wire::ForkRequest;
use greenroom_model::{ProcessId, Seq};

/// Fork a process.
#[derive(clap::Args)]
pub struct Args {
    /// The process
    id: String,
    /// The last event they share [default: the last there is]
    #[arg(long, value_name = "SEQ")]
    at: Option<u64>,
    /// The key of the new process [default: a random one]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let request = ForkRequest { at: args.at.map(Seq), key: args.key };
    let forked = app.client()?.fork(&id, &request).await?;
    if app.json() {
        out::json(&forked)?;
    } else {
        out::line(forked.id.as_str())?;
    }
    Ok(Code::Done)
}
