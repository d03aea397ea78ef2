//! `state`: what a process has set for others to read.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::out;
use crate::paint::Tone;
use crate::problem::Problem;
use crate::view;
use greenroom_model::ProcessId;

/// Show a state.
#[derive(clap::Args)]
pub struct Args {
    /// The process
    id: String,
    /// Only this entry's value
    key: Option<String>,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let entries = app.source()?.state(&id).await?;
    if let Some(key) = &args.key {
        let Some(entry) = entries.iter().find(|entry| entry.key == *key) else {
            let words = format!("{id} has set nothing called `{}`", view::short(key, 60));
            return Err(Problem::new("no_state", words).exit(Code::Missing).into());
        };
        out::json(&entry.value)?;
    } else if app.json() {
        let values = entries.iter().map(|entry| (&entry.key, &entry.value));
        out::json(&values.collect::<std::collections::BTreeMap<_, _>>())?;
    } else {
        let width = entries.iter().map(|entry| entry.key.chars().count()).max().unwrap_or(0);
        for entry in &entries {
            let key = app.paint.tone(Tone::Strong, &format!("{:<width$}", entry.key));
            out::line(&format!("{key}  {}", view::one_line(&entry.value.to_string())))?;
        }
    }
    Ok(Code::Done)
}
