//! What an agent is made of, as the node has it now. Knows no run of it.

use crate::boxes::Boxes;
use crate::definition::Definition;
use crate::models::Models;
use crate::skill::Skills;
use crate::tool::mcp::McpServers;
use crate::tool::workspace::Workspace;
use crate::tool::{BadTool, Toolbox};
use crate::workspace::Site;
use std::sync::Arc;

/// What an agent is made of.
#[derive(Clone)]
pub(super) struct Parts {
    pub definition: Definition,
    pub tools: Toolbox,
    pub models: Arc<dyn Models>,
    pub skills: Skills,
    pub mcp: Option<McpServers>,
    /// The agents it leads.
    pub agents: Vec<String>,
    /// Those of them that have a workspace of their own.
    pub isolated: Vec<String>,
    /// Those of them that work in a branch of its box.
    pub branched: Vec<String>,
    /// The boxes there may be.
    pub boxes: Option<Boxes>,
    /// The folder it works in, if any.
    pub folder: Option<Folder>,
    /// The first tool that could not be given to it.
    pub problem: Option<BadTool>,
}

/// The folder that an agent works in.
#[derive(Clone)]
pub(super) struct Folder {
    /// Its tools.
    pub tools: Workspace,
    /// The workspaces below it.
    pub site: Site,
}
