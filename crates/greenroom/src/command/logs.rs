//! `logs`: what a process does, line by line; with `-f` as it happens.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::pulse;
use crate::view::{Live, one_line};
use greenroom_api::wire::Turn;
use greenroom_api::{Client, Seen};
use greenroom_model::{ProcessId, Seq};

/// Show what a process does.
#[derive(clap::Args)]
pub struct Args {
    /// The process
    id: String,
    /// Go on until it ends, with the live values it emits
    #[arg(long, short)]
    follow: bool,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let mut live = Live::default();
    if !args.follow {
        for turn in app.source()?.history(&id).await? {
            turn_lines(app, &mut live, &turn)?;
        }
        return Ok(Code::Done);
    }
    let client = app.client()?;
    pulse::watched(app, &client, follow(app, &client, &id, &mut live)).await
}

async fn follow(app: &App, client: &Client, id: &ProcessId, live: &mut Live) -> Done {
    let mut events = client.events(id, Seq(0)).await?;
    loop {
        let seen = tokio::select! {
            seen = events.next() => seen?,
            _ = tokio::signal::ctrl_c() => return Ok(Code::Unfinished),
        };
        match seen {
            None => return Ok(Code::Unfinished),
            Some(Seen::Turn(turn)) => turn_lines(app, live, &turn)?,
            Some(Seen::Emitted(value)) if app.json() => {
                out::json(&serde_json::json!({ "emitted": value }))?;
            }
            Some(Seen::Emitted(value)) => {
                let text = value.read::<String>().unwrap_or_else(|_| value.to_string());
                out::line(&format!("         {}", one_line(&text)))?;
            }
            Some(Seen::Ended(exit)) => return Ok(Code::of(&exit)),
        }
    }
}

fn turn_lines(app: &App, live: &mut Live, turn: &Turn) -> anyhow::Result<()> {
    if app.json() {
        for (seq, event) in turn.numbered() {
            out::json(&serde_json::json!({ "seq": seq, "at": turn.at, "event": event }))?;
        }
        return Ok(());
    }
    for line in live.turn(turn, app.paint) {
        out::line(&line)?;
    }
    Ok(())
}
