//! `dead`: messages that no process took.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::view;

/// List dead letters.
#[derive(clap::Args)]
pub struct Args {
    /// At most this many, the newest first
    #[arg(long, short = 'n', default_value_t = 50)]
    limit: usize,
}

pub async fn run(app: &App, args: Args) -> Done {
    let letters = app.source()?.dead(args.limit).await?;
    if app.json() {
        out::json(&letters)?;
    } else {
        out::print(&view::dead(&letters, app.now(), app.paint))?;
    }
    Ok(Code::Done)
}
