//! `queues`: where steps wait, and for how long; opening one again.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::view;

/// Show the queues that steps wait in, or open one again.
#[derive(clap::Args)]
#[command(
    after_help = "Examples:\n  greenroom queues\n  greenroom queues openai --json\n  \
                        greenroom queues reopen openai",
    args_conflicts_with_subcommands = true
)]
pub struct Args {
    /// Only this one
    name: Option<String>,
    #[command(subcommand)]
    action: Option<Action>,
}

#[derive(clap::Subcommand)]
enum Action {
    /// Let steps in at once: end the wish of what lies behind the queue to be left
    /// alone, and close its circuit
    Reopen {
        /// Which queue
        name: String,
    },
}

pub async fn run(app: &App, args: Args) -> Done {
    let client = app.client()?;
    let (name, reopens) = match args.action {
        Some(Action::Reopen { name }) => (Some(name), true),
        None => (args.name, false),
    };
    let mut queues = client.queues().await?;
    if let Some(name) = &name {
        queues.retain(|queue| queue.name == *name);
        if queues.is_empty() {
            let words = format!("the node has no queue `{}`", view::short(name, 60));
            let problem = crate::problem::Problem::new("no_queue", words);
            let next = "`greenroom queues` lists them; `Registry::queue` declares one";
            return Err(problem.next(next).exit(Code::Missing).into());
        }
        if reopens {
            queues = vec![client.reopen_queue(name).await?];
        }
    }
    if app.json() {
        out::json(&queues)?;
    } else {
        out::print(&view::queues(&queues, app.paint))?;
    }
    Ok(Code::Done)
}
