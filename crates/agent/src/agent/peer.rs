//! An agent among peers: the tool by which it speaks to them, and how it says that it
//! has nothing to do. What is said goes over the process that has started them all.
//! Knows no run.

use super::parts::Parts;
use crate::tool::Tool;
use greenroom_model::{Failure, ProcessId};
use greenroom_runtime::Ctx;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::sync::Arc;

/// The tool that tells peers something.
pub(super) const TELL_PEER: &str = "tell_peer";

/// The topic of what an agent tells its peers: [`Told`], to the one that has started it.
pub(crate) const TELL: &str = "tell_peer";
/// The topic of what peers tell an agent: [`Heard`].
pub(crate) const PEER: &str = "peer";
/// The topic by which an agent says that it has nothing to do: [`Idle`].
pub(crate) const IDLE: &str = "idle";

/// All peers.
pub(crate) const ALL: &str = "all";

/// What an agent tells its peers.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Told {
    /// Whom: a name, or `all`.
    pub to: String,
    /// What they are told. They see nothing else of your work.
    pub message: String,
}

/// What an agent is told by a peer.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Heard {
    /// How many it was told with this one.
    pub number: u64,
    /// In words.
    pub words: String,
}

/// An agent has nothing to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Idle {
    /// The last message of its peers that it has taken in.
    pub heard: u64,
    /// Its last words.
    pub words: String,
}

/// What an agent is made of, with what it needs to speak to its peers.
pub(super) fn among(parts: Arc<Parts>, peers: &[String]) -> Arc<Parts> {
    if peers.is_empty() {
        return parts;
    }
    let mut parts = (*parts).clone();
    let mut tool = Tool::verb(TELL_PEER, DESCRIPTION, tell);
    let names: Vec<&str> = peers.iter().map(String::as_str).chain([ALL]).collect();
    tool.spec.schema["properties"]["to"]["enum"] = json!(names);
    if let Err(problem) = parts.tools.add(tool) {
        parts.problem.get_or_insert(problem);
    }
    Arc::new(parts)
}

const DESCRIPTION: &str = "Tells a peer something, or all of them. Answers come as messages of \
    their own. Say only what they need: all of you have a limited number of messages.";

async fn tell(ctx: Ctx, told: Told) -> Result<&'static str, Failure> {
    let Some(parent) = ctx.parent() else {
        return Err(Failure::fatal("no_process", "nobody has started you: there are no peers"));
    };
    ctx.send(&parent, TELL, &told).await?;
    Ok("sent")
}

/// Says that there is nothing to do.
pub(super) fn idle(ctx: &Ctx, parent: &ProcessId, idle: &Idle) {
    // One that has ended, or that cannot take it in, waits for nobody.
    let _ = ctx.try_send(parent, IDLE, idle);
}
