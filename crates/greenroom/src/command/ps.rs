//! `ps`: processes as a list.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::paint::Tone;
use crate::problem::Problem;
use crate::program;
use crate::view;
use greenroom_journal::Listing;
use greenroom_model::Status;

/// List processes.
#[derive(clap::Args)]
pub struct Args {
    /// Ended ones too
    #[arg(long, short)]
    all: bool,
    /// Only these: running, receiving, sleeping, asking, joining, paused, parked, damaged, completed, failed, cancelled
    #[arg(long, short, value_name = "STATUS", value_delimiter = ',')]
    status: Vec<String>,
    /// Only this kind
    #[arg(long, short, value_name = "KIND")]
    kind: Option<String>,
    /// At most this many, the newest first
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
}

pub async fn run(app: &App, args: Args) -> Done {
    let statuses = if !args.status.is_empty() {
        args.status.iter().map(|word| status(word)).collect::<Result<_, _>>()?
    } else if args.all {
        Vec::new()
    } else {
        Status::ALL.into_iter().filter(|status| !status.is_ended()).collect()
    };
    let listing = Listing {
        statuses,
        kind: args.kind,
        newest_first: true,
        // One more, to know whether there are more.
        limit: args.limit.saturating_add(1),
        ..Listing::default()
    };
    let source = app.source()?;
    let mut processes = source.list(&listing).await?;
    let more = processes.len() > args.limit;
    processes.truncate(args.limit);
    if app.json() {
        out::json(&processes)?;
        return Ok(Code::Done);
    }
    let asking = processes.iter().any(|process| process.status == Status::Asking);
    let asks = if asking { source.asks(None).await? } else { Vec::new() };
    let text = view::processes(&processes, &asks, app.now(), app.paint);
    out::print(&program::in_its_name(&text))?;
    if more {
        let words = format!("… and more: --limit {}\n", args.limit.saturating_mul(10));
        out::say(&app.paint.tone(Tone::Quiet, &words));
    }
    Ok(Code::Done)
}

fn status(word: &str) -> Result<Status, Problem> {
    let found = Status::ALL.into_iter().find(|status| status.word() == word);
    found.ok_or_else(|| {
        let known: Vec<_> = Status::ALL.iter().map(|status| status.word()).collect();
        Problem::usage(format!("there is no status `{}`", view::short(word, 60)))
            .next(format!("there are: {}", known.join(", ")))
    })
}
