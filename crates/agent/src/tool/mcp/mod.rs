//! Tools of MCP servers, by the official SDK.
//!
//! A connection is no part of any journal: it lives in the node, one per server, and
//! is begun when it is first needed and again when it is lost. What is journaled is
//! the list of tools that an agent has seen ([`McpTool`]) and what each call returned.

mod answer;
mod config;
mod connection;
mod expand;
mod hidden;
mod http;
mod listing;
mod secrets;
mod server;
mod servers;
mod stdio;
mod web;

pub use config::{BadConfig, McpConfig, ServerConfig};
pub use listing::McpTool;
pub use servers::McpServers;

/// A failure's kind: the server is not there, or ended while a call was under way.
pub const MCP_GONE: &str = "mcp_gone";
/// A failure's kind: the server refused the call by its protocol.
pub const MCP_REFUSED: &str = "mcp_refused";
/// A failure's kind: the answer is larger than [`ANSWER_MAX_BYTES`].
pub const MCP_TOO_LARGE: &str = "mcp_too_large";
/// A failure's kind: the server has answered, but with nothing that is a result in MCP, or
/// that can be read.
pub const MCP_ANSWER: &str = "mcp_answer";
/// A failure's kind: what the configuration says of a server cannot be.
pub const MCP_CONFIG: &str = "mcp_config";
/// A failure's kind: the tool did what it could and says that it failed.
pub const TOOL_FAILED: &str = "tool_failed";

/// The largest message of a server, in bytes. What is more is not kept in memory.
pub const ANSWER_MAX_BYTES: usize = 16 << 20;
