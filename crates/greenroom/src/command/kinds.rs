//! `kinds`: what there is code for, and who runs it.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::paint::Tone;
use crate::problem::Problem;
use crate::source::Source;
use crate::table::{Align, Table};
use greenroom_api::wire::KindCount;

/// List kinds.
#[derive(clap::Args)]
pub struct Args {}

pub async fn run(app: &App, _args: Args) -> Done {
    // The node's code is what runs; without a node it would be this binary's.
    let (kinds, whose) = match app.source() {
        Ok(Source::Node(client)) => (client.kinds().await?, "the node's code"),
        Ok(Source::Store(journal)) => {
            let census = journal.census()?;
            (KindCount::of(&app.own_kinds(), &census), "this binary's code; no node is running")
        }
        // There is no store yet: looking makes none.
        Err(error) if is_no_node(&error) => {
            let kinds = KindCount::of(&app.own_kinds(), &[]);
            (kinds, "this binary's code; no node is running")
        }
        Err(error) => return Err(error),
    };
    if app.json() {
        out::json(&kinds)?;
        return Ok(Code::Done);
    }
    let columns =
        [("KIND", Align::Left), ("CODE", Align::Left), ("ALIVE", Align::Right), ("", Align::Left)];
    let mut table = Table::new(&columns);
    for KindCount { kind, code, alive, processes } in &kinds {
        let statuses = processes.iter().map(|(status, count)| format!("{count} {status}"));
        let (word, tone) = match (code, alive) {
            (true, _) => ("yes", Tone::Good),
            (false, 0) => ("no", Tone::Quiet),
            (false, _) => ("no", Tone::Bad),
        };
        table.row(vec![
            (kind.clone(), Tone::Plain),
            (word.to_owned(), tone),
            (alive.to_string(), Tone::Plain),
            (statuses.collect::<Vec<_>>().join(", "), Tone::Quiet),
        ]);
    }
    out::print(&table.render(app.paint))?;
    out::say(&app.paint.tone(Tone::Quiet, &format!("({} kinds, {whose})\n", kinds.len())));
    Ok(Code::Done)
}

fn is_no_node(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Problem>().is_some_and(|problem| problem.code == "no_node")
}
