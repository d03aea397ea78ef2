//! `result`: how a process ended.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::problem::Problem;
use crate::pulse;
use crate::view::plain_json;
use greenroom_model::{Exit, ProcessId, Status};
use std::time::Duration;

/// Print a result.
#[derive(clap::Args)]
pub struct Args {
    /// The process
    id: String,
    /// Wait until it ends
    #[arg(long, short)]
    wait: bool,
}

/// How long one request waits; then it is made again.
const WAIT: Duration = Duration::from_secs(30);

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let source = app.source()?;
    let process = source.process(&id).await?;
    if process.status == Status::Damaged {
        source.damage(&id).await?;
    }
    let exit = match process.exit {
        Some(exit) => exit,
        None if args.wait => {
            let client = app.client()?;
            loop {
                if let Some(exit) = pulse::watched(app, &client, client.result(&id, WAIT)).await? {
                    break exit;
                }
            }
        }
        None => {
            let words = format!("{id} has not ended, it is {}", process.status);
            let problem = Problem::new("not_ended", words).exit(Code::Unfinished);
            return Err(problem
                .next(format!("`greenroom result {id} --wait` waits for it"))
                .into());
        }
    };
    if app.json() {
        out::json(&serde_json::json!({ "id": id, "exit": exit }))?;
        return Ok(Code::of(&exit));
    }
    match &exit {
        Exit::Normal(result) => out::line(&plain_json(result.to_string()))?,
        other => {
            let problem = Problem::new("ended", format!("{id} ended: {other}"));
            return Err(problem.exit(Code::of(&exit)).into());
        }
    }
    Ok(Code::Done)
}
