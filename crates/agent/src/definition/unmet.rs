//! Names of tools in a definition that no tool has: a guard that is mistyped guards
//! nothing. Pure.

#[cfg(test)]
mod tests;

use super::Definition;
use crate::nearest::nearest;
use crate::tool::Pattern;

/// What a definition names in vain.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unmet {
    /// Why it cannot run at all: what was to be asked for would be done unasked.
    pub refused: Vec<String>,
    /// What whoever starts it should be told.
    pub warnings: Vec<String>,
}

/// Tools of ours that not every agent has.
const OURS: &str = "agent answer_agent ask Bash context_get context_get_file context_list \
    context_put_file context_set context_watch diff_agent discard_agent Edit Glob Grep LS \
    memory_save memory_search merge_agent Read read_result report revoke_tools skill start_agent \
    stop_agent tell_agent tell_peer Write";

/// Tools that other programs have, whose agents' files are read here too.
const OTHERS: &str = "Agent AskUserQuestion BashOutput EnterPlanMode EnterWorktree ExitPlanMode \
    ExitWorktree KillBash KillShell ListMcpResources ListMcpResourcesTool LSP Monitor MultiEdit \
    NotebookEdit NotebookRead ReadMcpResource ReadMcpResourceTool SendMessage Skill SlashCommand \
    Task TaskCreate TaskGet TaskList TaskOutput TaskStop TaskUpdate TodoRead TodoWrite ToolSearch \
    WebFetch WebSearch";

/// Whether some agents have a tool of this name.
pub(super) fn is_ours(name: &str) -> bool {
    OURS.split(' ').any(|tool| tool == name)
}

/// The MCP servers of a node, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Servers {
    /// Those that did not say which tools they have.
    pub silent: Vec<String>,
    /// Those that were not asked: the agent may use nothing of them.
    pub unused: Vec<String>,
}

/// What of `approve`, `disallowedTools` and `toolPolicy` meets no tool. `tools` are the
/// names of all that the node has for the agent, before its definition takes any away.
pub fn unmet(definition: &Definition, tools: &[String], servers: &Servers) -> Unmet {
    let mut unmet = Unmet::default();
    let known = Known { tools, servers };
    for name in definition.approve.keys() {
        match known.look_up(name) {
            Found::Here => {}
            Found::Elsewhere(words) => unmet.warnings.push(format!("approve: {words}")),
            Found::Nowhere(words) => unmet.refused.push(format!(
                "approve: {words}. What it is to ask for would be done unasked: mend the name, \
                 or take it out"
            )),
        }
    }
    for name in &definition.disallowed_tools {
        match known.look_up(name) {
            Found::Here => {}
            Found::Elsewhere(words) => unmet.warnings.push(format!("disallowedTools: {words}")),
            Found::Nowhere(words) => unmet
                .warnings
                .push(format!("disallowedTools: {words}: NOTHING is taken away by this entry")),
        }
    }
    for name in definition.tool_policy.keys() {
        match known.look_up(name) {
            Found::Here => {}
            Found::Elsewhere(words) => unmet.warnings.push(format!("toolPolicy: {words}")),
            Found::Nowhere(words) => unmet.refused.push(format!("toolPolicy: {words}")),
        }
    }
    unmet
}

struct Known<'a> {
    tools: &'a [String],
    servers: &'a Servers,
}

enum Found {
    Here,
    /// It may be right, but says nothing here; in words.
    Elsewhere(String),
    Nowhere(String),
}

impl Known<'_> {
    fn look_up(&self, name: &str) -> Found {
        let pattern = match Pattern::new(name) {
            Ok(pattern) => pattern,
            Err(words) => return Found::Nowhere(words),
        };
        let ours = || self.tools.iter().map(String::as_str).chain(OURS.split(' '));
        if ours().any(|tool| pattern.is_met_by(tool)) {
            return Found::Here;
        }
        if OTHERS.split(' ').any(|tool| pattern.is_met_by(tool)) {
            return Found::Elsewhere(format!("`{name}` is a tool of another program, not of this"));
        }
        let rest = name.trim().strip_prefix("mcp__");
        let server = rest.map(|rest| rest.split("__").next().unwrap_or_default());
        let is_of = |servers: &[String], server: &str| {
            let named = Pattern::new(server);
            named.is_ok_and(|named| servers.iter().any(|one| named.is_met_by(one)))
        };
        if let Some(server) = server.filter(|server| is_of(&self.servers.silent, server)) {
            let words = "does not answer: it is not known whether it has";
            return Found::Elsewhere(format!("the MCP server `{server}` {words} `{name}`"));
        }
        if let Some(server) = server.filter(|server| is_of(&self.servers.unused, server)) {
            let words = "is not the agent's to use, so this says nothing:";
            return Found::Elsewhere(format!("the MCP server `{server}` {words} `{name}`"));
        }
        let like = nearest(name, ours()).map(|like| format!("; did you mean `{like}`?"));
        Found::Nowhere(format!("there is no tool `{name}`{}", like.unwrap_or_default()))
    }
}
