//! Requests about schedules.

use super::connection::Client;
use super::error::ClientError;
use crate::wire::{
    Changed, Given, ScheduleQuery, ScheduleRequest, ScheduleRun, Scheduled, Schedules, Started,
};

impl Client {
    /// Makes one, or finds it.
    pub async fn schedule(&self, request: &ScheduleRequest) -> Result<Started, ClientError> {
        self.post("schedules", request).await
    }

    /// All of them.
    pub async fn schedules(&self) -> Result<Vec<Scheduled>, ClientError> {
        let found: Schedules = self.get("schedules").await?;
        Ok(found.schedules)
    }

    /// One of them, with so many of its next times.
    pub async fn scheduled(&self, name: &str, next: usize) -> Result<Scheduled, ClientError> {
        self.get_with(&format!("schedules/{name}"), &ScheduleQuery { next: Some(next) }).await
    }

    /// Has it start now.
    pub async fn run_schedule(&self, name: &str, input: Given) -> Result<Changed, ClientError> {
        self.post(&format!("schedules/{name}/run"), &ScheduleRun { input }).await
    }

    /// Triggers it.
    pub async fn trigger_schedule(&self, name: &str, input: Given) -> Result<Changed, ClientError> {
        self.post(&format!("schedules/{name}/trigger"), &ScheduleRun { input }).await
    }

    /// Has it start nothing any more.
    pub async fn delete_schedule(&self, name: &str) -> Result<Changed, ClientError> {
        self.post(&format!("schedules/{name}/delete"), &serde_json::json!({})).await
    }
}
