//! `dead`: messages that no process took.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::input;
use crate::out;
use crate::problem::Problem;
use crate::view;
use greenroom_api::wire::{DropRequest, RequeueRequest};
use greenroom_journal::LetterListing;
use greenroom_model::ProcessId;
use std::time::Duration;

/// List dead letters.
#[derive(clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  greenroom dead --to refund/1017\n  greenroom dead show 12\n  \
    greenroom dead requeue 12 13\n  greenroom dead drop --all --older-than 7d"
)]
pub struct Args {
    #[command(subcommand)]
    what: Option<What>,
    #[command(flatten)]
    which: Which,
    /// Only those before this number (for paging)
    #[arg(long, value_name = "NO")]
    before: Option<i64>,
    /// At most this many, the newest first
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
}

#[derive(clap::Args)]
struct Which {
    /// Only those for this process
    #[arg(long, value_name = "ID")]
    to: Option<String>,
    /// Only those whose reason contains this
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(clap::Subcommand)]
enum What {
    /// Show one in full: who sent it to whom, what it says, what it broke
    Show {
        /// Its number
        no: i64,
    },
    /// Send some again, as new messages: all of them or none
    Requeue {
        /// Their numbers
        #[arg(required = true, value_name = "NO")]
        numbers: Vec<i64>,
        /// To this process instead
        #[arg(long, value_name = "ID")]
        to: Option<String>,
    },
    /// Drop some for ever
    Drop(Discard),
}

#[derive(clap::Args)]
struct Discard {
    /// Their numbers
    #[arg(value_name = "NO", conflicts_with = "all")]
    numbers: Vec<i64>,
    /// All there are
    #[arg(long)]
    all: bool,
    /// Of all only those given up so long ago, such as 12h or 7d
    #[arg(long, requires = "all", value_name = "SPAN", value_parser = input::span)]
    older_than: Option<Duration>,
    #[command(flatten)]
    which: Which,
}

pub async fn run(app: &App, args: Args) -> Done {
    match args.what {
        Some(What::Show { no }) => show(app, no).await,
        Some(What::Requeue { numbers, to }) => requeue(app, numbers, to).await,
        Some(What::Drop(args)) => discard(app, args).await,
        None => list(app, args).await,
    }
}

async fn list(app: &App, args: Args) -> Done {
    let Args { which: Which { to, reason }, before, limit, .. } = args;
    let to = to.as_deref().map(ProcessId::parse).transpose()?;
    // One more, to know whether there are more.
    let listing = LetterListing { to, reason, before, limit: limit.saturating_add(1) };
    let mut letters = app.source()?.letters(&listing).await?;
    let more = letters.len() > limit;
    letters.truncate(limit);
    if app.json() {
        out::json(&letters)?;
        return Ok(Code::Done);
    }
    out::print(&view::dead(&letters, app.now(), app.paint))?;
    if let (true, Some(last)) = (more, letters.last()) {
        out::say(&format!("… and more: --before {}\n", last.no));
    }
    Ok(Code::Done)
}

async fn show(app: &App, no: i64) -> Done {
    let letter = app.source()?.letter(no).await?;
    if app.json() {
        out::json(&letter)?;
    } else {
        out::print(&view::letter(&letter, app.now(), app.paint))?;
    }
    Ok(Code::Done)
}

async fn requeue(app: &App, letters: Vec<i64>, to: Option<String>) -> Done {
    let to = to.as_deref().map(ProcessId::parse).transpose()?;
    let sent = app.client()?.requeue(&RequeueRequest { letters, to }).await?;
    if app.json() {
        out::json(&sent)?;
    } else {
        out::line(&format!("sent again: {}", view::numbers(&sent.requeued)))?;
    }
    Ok(Code::Done)
}

async fn discard(app: &App, args: Discard) -> Done {
    let Discard { numbers, all, older_than, which: Which { to, reason } } = args;
    if !all && numbers.is_empty() {
        let problem = Problem::usage("which ones?").next("name them by number, or say --all");
        return Err(problem.into());
    }
    if !all && (to.is_some() || reason.is_some()) {
        return Err(Problem::usage("--to and --reason choose among --all").into());
    }
    let to = to.as_deref().map(ProcessId::parse).transpose()?;
    let older_than_ms = older_than.map_or(0, |span| span.as_millis());
    let older_than_ms = u64::try_from(older_than_ms).unwrap_or(u64::MAX);
    let request = DropRequest { letters: numbers, all, older_than_ms, to, reason };
    let dropped = app.client()?.drop_letters(&request).await?;
    if app.json() {
        out::json(&dropped)?;
    } else {
        out::line(&format!("dropped {}", dropped.dropped))?;
    }
    Ok(Code::Done)
}
