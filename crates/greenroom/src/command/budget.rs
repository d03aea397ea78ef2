//! `budget`: what a process may still use up, and giving it more.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::view;
use greenroom_model::ProcessId;
use greenroom_model::budget::Budget;

/// Show what a process may use up, or give it more.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  greenroom budget lead/1\n  \
    greenroom budget lead/1 --add messages=500,tokens=20000,money=2.50")]
pub struct Args {
    /// Whose
    id: ProcessId,
    /// Give so much more; who waits for it goes on
    #[arg(long, value_name = "messages=N,tokens=N,money=N")]
    add: Option<Budget>,
}

pub async fn run(app: &App, args: Args) -> Done {
    let client = app.client()?;
    let report = match args.add {
        Some(add) => client.raise_budget(&args.id, add).await?,
        None => client.budget(&args.id).await?,
    };
    if app.json() {
        out::json(&report)?;
    } else {
        out::print(&view::budget(&report, app.paint))?;
    }
    Ok(Code::Done)
}
