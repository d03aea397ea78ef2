//! `asks`: questions that wait for a person.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::view;
use greenroom_model::ProcessId;

/// List questions.
#[derive(clap::Args)]
pub struct Args {
    /// Only this process's
    id: Option<String>,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = args.id.as_deref().map(ProcessId::parse).transpose()?;
    let asks = app.source()?.asks(id.as_ref()).await?;
    if app.json() {
        out::json(&asks)?;
    } else {
        out::print(&view::asks(&asks, app.now(), app.paint))?;
    }
    Ok(Code::Done)
}
