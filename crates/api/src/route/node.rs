//! The node itself.

use crate::wire::{NodeStatus, Trouble};
use axum::Json;
use axum::extract::State;
use greenroom_runtime::Node;

/// How it is.
pub async fn get(State(node): State<Node>) -> Json<NodeStatus> {
    let health = node.health();
    let trouble = |trouble: &greenroom_runtime::Trouble| Trouble {
        process_no: trouble.process_no,
        damaged: trouble.damaged.clone(),
        what: trouble.what.clone(),
    };
    Json(NodeStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        temporary: health.temporary,
        kinds: health.kinds.iter().map(ToString::to_string).collect(),
        store: health.store.clone(),
        store_error: health.store_error.clone(),
        troubles: health.troubles.iter().map(trouble).collect(),
        health: serde_json::to_value(&health).unwrap_or_default(),
    })
}
