//! A tool of a server as an agent has seen it: plain data, to be journaled, so that
//! replay sees the same whatever the server says by then.

#[cfg(test)]
mod tests;

use super::config::ServerConfig;
use crate::provider::ToolSpec;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// The longest name that every provider takes.
const NAME_MAX: usize = 64;

/// What a server says of a tool is cut or left out beyond this, in bytes.
const DESCRIPTION_MAX: usize = 8 << 10;
const SCHEMA_MAX: usize = 64 << 10;

/// A tool of an MCP server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct McpTool {
    /// The server's name.
    pub server: String,
    /// The tool's name as the server knows it.
    pub tool: String,
    /// What the model is told of it; its name is `mcp__SERVER__TOOL`.
    pub spec: ToolSpec,
    /// The server says that it changes nothing.
    pub read_only: bool,
    /// The server says that a second call changes nothing more.
    #[serde(default)]
    pub idempotent: bool,
    /// How long one call may take.
    pub timeout_ms: u64,
}

impl McpTool {
    /// How long one call may take.
    pub fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Whether the server says that a second call does no harm.
    pub fn may_be_repeated(&self) -> bool {
        self.read_only || self.idempotent
    }
}

/// The tools of a server that its configuration gives to agents, by name.
pub fn listing(server: &str, config: &ServerConfig, tools: &[rmcp::model::Tool]) -> Vec<McpTool> {
    let mut given: Vec<&rmcp::model::Tool> =
        tools.iter().filter(|tool| config.gives(&tool.name)).collect();
    given.sort_by(|a, b| a.name.cmp(&b.name));
    given.dedup_by(|a, b| a.name == b.name);
    let mut names = BTreeSet::new();
    given.into_iter().map(|tool| one(server, config, tool, &mut names)).collect()
}

fn one(
    server: &str,
    config: &ServerConfig,
    tool: &rmcp::model::Tool,
    names: &mut BTreeSet<String>,
) -> McpTool {
    let hints = tool.annotations.as_ref();
    let name = free_name(server, &tool.name, names);
    let words = tool.description.as_deref().or(tool.title.as_deref()).unwrap_or_default();
    let words = if words.trim().is_empty() { &*tool.name } else { words };
    let description = cut(words, DESCRIPTION_MAX).to_owned();
    McpTool {
        server: server.to_owned(),
        tool: tool.name.to_string(),
        spec: ToolSpec { name, description, schema: schema(&tool.input_schema) },
        read_only: hints.and_then(|hints| hints.read_only_hint).unwrap_or(false),
        idempotent: hints.and_then(|hints| hints.idempotent_hint).unwrap_or(false),
        timeout_ms: u64::try_from(config.timeout.as_millis()).unwrap_or(u64::MAX),
    }
}

/// `mcp__SERVER__TOOL` in letters that providers take, not longer than they take, and
/// not another tool's. It depends on the tools' names alone, not on their order.
fn free_name(server: &str, tool: &str, names: &mut BTreeSet<String>) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let plain: String = tool.chars().map(plain).collect();
    let full = format!("mcp__{server}__{plain}");
    if full.len() <= NAME_MAX && plain == tool && names.insert(full.clone()) {
        return full;
    }
    if full.len() <= NAME_MAX && !names.contains(&full) {
        names.insert(full.clone());
        return full;
    }
    let sum = short_sum(tool);
    let kept = cut(&full, NAME_MAX - 9);
    let name = format!("{kept}_{sum:08x}");
    names.insert(name.clone());
    name
}

/// FNV-1a: the same in every build.
fn short_sum(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(0x0100_0193))
}

fn schema(given: &Map<String, Value>) -> Value {
    let mut schema = given.clone();
    schema.remove("$schema");
    schema.insert("type".to_owned(), json!("object"));
    schema.entry("properties").or_insert_with(|| json!({}));
    let schema = Value::Object(schema);
    if schema.to_string().len() > SCHEMA_MAX {
        return json!({ "type": "object", "properties": {} });
    }
    schema
}

/// The text up to so many bytes.
fn cut(text: &str, max: usize) -> &str {
    &text[..text.floor_char_boundary(max)]
}
