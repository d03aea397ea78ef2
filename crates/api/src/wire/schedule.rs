//! Schedules on the wire.

use super::Given;
use greenroom_model::schedule::{Schedule, ScheduleSpec};
use greenroom_model::{Millis, ProcessId, Status};
use greenroom_runtime as runtime;
use serde::{Deserialize, Serialize};

/// `POST /v1/schedules`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRequest {
    /// Its name.
    pub name: String,
    /// What it does, and when.
    pub spec: ScheduleSpec,
    /// If there is one of this name, it does this from now on.
    #[serde(default)]
    pub replace: bool,
}

/// `GET /v1/schedules/NAME?…`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleQuery {
    /// How many of its next times; 5 if it is not said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<usize>,
}

/// `POST /v1/schedules/NAME/run` and `…/trigger`.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScheduleRun {
    /// The input; its own if there is none.
    #[serde(default)]
    pub input: Given,
}

/// All schedules.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Schedules {
    /// In the order they were made.
    pub schedules: Vec<Scheduled>,
}

/// A schedule.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Scheduled {
    /// Its name.
    pub name: String,
    /// Its process.
    pub id: ProcessId,
    /// What its process does; `paused` holds its starts back.
    pub status: Status,
    /// What it knows; `null` if it has only just been made.
    pub schedule: Option<Schedule>,
    /// Its next times, in milliseconds since 1970.
    pub upcoming: Vec<Millis>,
}

impl From<runtime::Scheduled> for Scheduled {
    fn from(found: runtime::Scheduled) -> Scheduled {
        let runtime::Scheduled { id, status, schedule, upcoming } = found;
        Scheduled { name: id.key().to_owned(), id, status, schedule, upcoming }
    }
}
