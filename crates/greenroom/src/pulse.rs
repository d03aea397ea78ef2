//! Whether the node still answers, while a command waits for something without
//! bound. Knows nothing of what is waited for.

use crate::app::App;
use crate::out;
use greenroom_api::Client;
use std::future::Future;
use std::time::Duration;

/// How often the node is asked.
const ASK_EVERY: Duration = Duration::from_secs(3);

/// What is told of a node that is silent.
const SILENT: &str = "the node is there and does not answer: it may be suspended (`kill -CONT` \
    its process lets it go on), or have more to do than it can; waiting for it";

/// Waits for `work`, and says beside the output when the node does not answer,
/// and when it does again.
pub async fn watched<T>(app: &App, client: &Client, work: impl Future<Output = T>) -> T {
    watched_by(app, client, say, work).await
}

/// The same; `tell` hears whether it answers, each time that changes.
pub async fn watched_by<T>(
    app: &App,
    client: &Client,
    tell: impl Fn(bool),
    work: impl Future<Output = T>,
) -> T {
    tokio::select! {
        done = work => done,
        never = watch(app, client, tell) => match never {},
    }
}

/// Says it on standard error.
pub fn say(answers: bool) {
    let words = if answers { "the node answers again" } else { SILENT };
    out::say(&format!("{words}\n"));
}

async fn watch(app: &App, client: &Client, tell: impl Fn(bool)) -> std::convert::Infallible {
    let mut answering = true;
    loop {
        app.env.sleep(ASK_EVERY).await;
        let answers = client.answers().await;
        if answers != answering {
            tell(answers);
            answering = answers;
        }
    }
}
