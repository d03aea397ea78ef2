//! When a node that ran inside another command has ended with it: somebody
//! else has taken over already, or this command does.

use crate::app::App;
use crate::out;
use crate::problem::Problem;
use crate::serve::{self, Serving};
use greenroom_api::Client;
use greenroom_model::ProcessId;
use std::time::Duration;

/// The old node may take a while to let go: its steps may end first.
const LOOKS_MAX: usize = 150;
const LOOK_AGAIN_AFTER: Duration = Duration::from_millis(100);

/// Where it goes on.
pub enum Next {
    /// On another's node.
    Node(Client),
    /// On a node of this command's own.
    Own(Serving),
}

/// The next node. `None`: the old one does not let go.
///
/// # Errors
/// If none can be started here for another reason than that there is one.
pub async fn next(app: &App) -> anyhow::Result<Option<Next>> {
    for _ in 0..LOOKS_MAX {
        app.env.sleep(LOOK_AGAIN_AFTER).await;
        if let Some(client) = app.node()? {
            return Ok(Some(Next::Node(client)));
        }
        match serve::start(app, true).await {
            Ok(serving) => return Ok(Some(Next::Own(serving))),
            Err(error) if Problem::of(&error).code == "in_use" => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// Says so.
pub fn say(app: &App, id: &ProcessId) {
    if !app.json() {
        out::say(&format!("{id}: the command that ran it has ended; it goes on in this one\n"));
    }
}
