//! `kinds`: what there is code for.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::paint::Tone;

/// List kinds.
#[derive(clap::Args)]
pub struct Args {}

pub async fn run(app: &App, _args: Args) -> Done {
    // The node's code is what runs; without a node it would be this binary's.
    let (kinds, whose) = match app.node()? {
        Some(client) => (client.node().await?.kinds, "the node's"),
        None => {
            let kinds = app.registry.kinds().iter().map(ToString::to_string).collect();
            (kinds, "this binary's; no node is running")
        }
    };
    if app.json() {
        out::json(&kinds)?;
        return Ok(Code::Done);
    }
    for kind in &kinds {
        out::line(kind)?;
    }
    out::say(&app.paint.tone(Tone::Quiet, &format!("({} kinds, {whose})\n", kinds.len())));
    Ok(Code::Done)
}
