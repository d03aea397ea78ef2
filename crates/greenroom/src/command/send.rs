//! `send`: a message to a process.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::input;
use crate::out;
use greenroom_api::wire::MessageRequest;
use greenroom_model::ProcessId;

/// Send a message.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  greenroom send refund/1017 note '{\"text\":\"hurry\"}'")]
pub struct Args {
    /// The process
    id: String,
    /// Its topic [default: message], then its body: JSON, @FILE or -
    #[arg(value_name = "[TOPIC] JSON", required = true, num_args = 1..=2)]
    message: Vec<String>,
    /// The same message with the same key is taken once
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = ProcessId::parse(&args.id)?;
    let (topic, body) = match args.message.as_slice() {
        [topic, body] => (topic.as_str(), body.as_str()),
        [body] => ("message", body.as_str()),
        _ => ("message", "null"),
    };
    let message = MessageRequest { topic: topic.to_owned(), body: input::json(body)? };
    let taken = app.client()?.send(&id, &message, args.key.as_deref()).await?;
    if app.json() {
        out::json(&taken)?;
    } else if taken.repeated && args.key.is_some() {
        out::line(&format!("{id} had this message before"))?;
    } else {
        out::line(&format!("sent to {id}"))?;
    }
    Ok(Code::Done)
}
