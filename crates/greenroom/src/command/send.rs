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
    /// The process, or name:NAME for whoever has that name
    id: String,
    /// Its topic [default: message], then its body: JSON, @FILE or -
    #[arg(value_name = "[TOPIC] JSON", required = true, num_args = 1..=2)]
    message: Vec<String>,
    /// The same message with the same key is taken once
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

pub async fn run(app: &App, args: Args) -> Done {
    let id = &args.id;
    let process = match id.strip_prefix("name:") {
        Some(_) => None,
        None => Some(ProcessId::parse(id)?),
    };
    let (topic, body) = match args.message.as_slice() {
        [topic, body] => (topic.as_str(), body.as_str()),
        [body] => ("message", body.as_str()),
        _ => ("message", "null"),
    };
    let message = MessageRequest { topic: topic.to_owned(), body: input::json(body)? };
    let (client, key) = (app.client()?, args.key.as_deref());
    let taken = match process {
        Some(process) => client.send(&process, &message, key).await?,
        None => client.send_to_name(id.trim_start_matches("name:"), &message, key).await?,
    };
    if app.json() {
        out::json(&taken)?;
    } else if taken.repeated && args.key.is_some() {
        out::line(&format!("{id} had this message before"))?;
    } else {
        out::line(&format!("sent to {id}"))?;
    }
    Ok(Code::Done)
}
