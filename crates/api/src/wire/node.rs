//! The node itself.

use serde::{Deserialize, Serialize};

/// `GET /v1/node`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Greenroom's version.
    pub version: String,
    /// The node's process id on its machine.
    pub pid: u32,
    /// It ends with the command it runs inside.
    #[serde(default)]
    pub temporary: bool,
    /// How it is, in the runtime's words.
    pub health: serde_json::Value,
    /// The kinds it has code for, as `name@version`.
    pub kinds: Vec<String>,
    /// The store, without credentials.
    pub store: String,
    /// Why the store does not work right now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub store_error: Option<String>,
    /// What needs a person.
    pub troubles: Vec<Trouble>,
}

/// A process that cannot be brought back by itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Trouble {
    /// The store's number of the process.
    pub process_no: i64,
    /// The id of a damaged process, as far as it can be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damaged: Option<String>,
    /// What.
    pub what: String,
}

/// `GET /v1/verify`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Verified {
    /// Everything in the store that cannot be right; empty: all is well.
    pub problems: Vec<String>,
}
