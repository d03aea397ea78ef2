//! `queues`: where steps wait, and for how long.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::view;

/// Show the queues that steps wait in.
#[derive(clap::Args)]
#[command(after_help = "Examples:\n  greenroom queues\n  greenroom queues openai --json")]
pub struct Args {
    /// Only this one
    name: Option<String>,
}

pub async fn run(app: &App, args: Args) -> Done {
    let mut queues = app.client()?.queues().await?;
    if let Some(name) = &args.name {
        queues.retain(|queue| queue.name == *name);
        if queues.is_empty() {
            let words = format!("the node has no queue `{}`", view::short(name, 60));
            let problem = crate::problem::Problem::new("no_queue", words);
            let next = "`greenroom queues` lists them; `Registry::queue` declares one";
            return Err(problem.next(next).exit(Code::Missing).into());
        }
    }
    if app.json() {
        out::json(&queues)?;
    } else {
        out::print(&view::queues(&queues, app.paint))?;
    }
    Ok(Code::Done)
}
