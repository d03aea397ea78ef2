//! `publish`: a message to all who want it.

use crate::app::{App, Done};
use crate::exit::Code;
use crate::input;
use crate::out;
use greenroom_api::wire::GroupRequest;

/// Publish a message.
#[derive(clap::Args)]
#[command(after_help = "Example:\n  greenroom publish orders.1017.created '{\"total\":12}'")]
pub struct Args {
    /// Its topic, in segments between dots
    topic: String,
    /// Its body: JSON, @FILE or -
    body: String,
    /// To all in this group, rather than to who has subscribed to the topic
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
    /// The same message with the same key is published once
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

pub async fn run(app: &App, args: Args) -> Done {
    let Args { topic, body, group, key } = args;
    let (client, body, key) = (app.client()?, input::json(&body)?, key.as_deref());
    let published = match group {
        None => client.publish(&topic, body, key).await?,
        Some(group) => {
            let request = GroupRequest { topic: topic.clone(), body };
            client.publish_to_group(&group, &request, key).await?
        }
    };
    if app.json() {
        out::json(&published)?;
    } else {
        out::line(&format!("{topic} published to {} processes", published.told))?;
    }
    Ok(Code::Done)
}
