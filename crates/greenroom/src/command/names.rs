//! `names`, `groups`, `subscriptions`: who is found where.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::view;
use greenroom_model::Place;

/// List who is found where.
#[derive(clap::Args)]
pub struct Args {
    /// Only this one
    name: Option<String>,
    /// At most this many
    #[arg(long, short = 'n', default_value_t = 1000)]
    limit: usize,
}

/// `names`.
pub async fn names(app: &App, args: Args) -> Done {
    list(app, args, Place::Name, "NAME").await
}

/// `groups`.
pub async fn groups(app: &App, args: Args) -> Done {
    list(app, args, Place::Group, "GROUP").await
}

/// `subscriptions`.
pub async fn subscriptions(app: &App, args: Args) -> Done {
    list(app, args, Place::Topic, "PATTERN").await
}

async fn list(app: &App, args: Args, sort: fn(String) -> Place, heading: &'static str) -> Done {
    let like = sort(args.name.unwrap_or_default());
    let places = app.source()?.places(&like, args.limit).await?;
    if app.json() {
        out::json(&places)?;
    } else {
        out::print(&view::places(&places, heading, app.paint))?;
    }
    Ok(Code::Done)
}
