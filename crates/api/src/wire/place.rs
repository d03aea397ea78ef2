//! Names, groups and topics on the wire.

use super::Given;
use greenroom_model::ProcessId;
use serde::{Deserialize, Serialize};

/// `GET /v1/names?…`, and the same for groups and subscriptions.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlacesQuery {
    /// Only this name, group or pattern.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// At most this many; 100 if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<usize>,
}

/// Who is found where.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Places {
    /// By name, group or pattern.
    pub places: Vec<Place>,
}

/// A process in a place.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Place {
    /// The name, group or pattern.
    pub name: String,
    /// Who is found there.
    pub process: ProcessId,
}

/// `POST /v1/topics/{topic}`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct TopicRequest {
    /// What is published.
    #[serde(default)]
    pub body: Given,
}

/// `POST /v1/groups/{group}`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct GroupRequest {
    /// What it is about.
    pub topic: String,
    /// What it says.
    #[serde(default)]
    pub body: Given,
}

/// The message is in all these mailboxes, and durable.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Published {
    /// How many they are.
    pub told: u64,
}
