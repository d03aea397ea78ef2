//! Requests about processes.

use super::connection::{Client, answered, read};
use super::error::ClientError;
use super::events::Events;
use crate::wire::{
    AnswerRequest, Ask, Asks, CancelRequest, Changed, ForkRequest, Given, History, ListQuery,
    MessageRequest, MessageTaken, Outcome, Process, Processes, RaiseRequest, RestartFrom,
    RestartRequest, StartRequest, Started, State, StateEntry, Trace, Turn,
};
use greenroom_model::budget::Budget;
use greenroom_model::{AskId, Exit, ProcessId, Seq};
use greenroom_runtime::BudgetReport;
use reqwest::Method;
use std::time::Duration;

/// A body that says nothing.
#[derive(serde::Serialize)]
struct Nothing {}

impl Client {
    /// Starts a process.
    pub async fn start(&self, request: &StartRequest) -> Result<Started, ClientError> {
        self.post("processes", request).await
    }

    /// Starts a process under a key: asked again under it, of the same node or another of
    /// its store, it is the same start.
    pub async fn start_once(
        &self,
        request: &StartRequest,
        key: &str,
    ) -> Result<Started, ClientError> {
        self.change(self.request(Method::POST, "processes").json(request), Some(key)).await
    }

    /// What pays for what a process does.
    pub async fn budget(&self, id: &ProcessId) -> Result<BudgetReport, ClientError> {
        self.get(&format!("processes/{id}/budget")).await
    }

    /// Gives more to its budget.
    pub async fn raise_budget(
        &self,
        id: &ProcessId,
        add: Budget,
    ) -> Result<BudgetReport, ClientError> {
        self.post(&format!("processes/{id}/budget"), &RaiseRequest { add }).await
    }

    /// One process.
    pub async fn process(&self, id: &ProcessId) -> Result<Process, ClientError> {
        self.get(&format!("processes/{id}")).await
    }

    /// Some processes.
    pub async fn list(&self, query: &ListQuery) -> Result<Vec<Process>, ClientError> {
        let found: Processes = self.get_with("processes", query).await?;
        Ok(found.processes)
    }

    /// Its events after a place, oldest first.
    pub async fn history(&self, id: &ProcessId, after: Seq) -> Result<Vec<Turn>, ClientError> {
        let query = if after.0 == 0 { String::new() } else { format!("?after={after}") };
        let found: History = self.get(&format!("processes/{id}/history{query}")).await?;
        Ok(found.turns)
    }

    /// Its events after a place, then what happens, up to its end.
    pub async fn events(&self, id: &ProcessId, after: Seq) -> Result<Events, ClientError> {
        let path = format!("processes/{id}/events?after={after}");
        let response = answered(self.long_request(Method::GET, &path)).await?;
        Ok(Events::new(response))
    }

    /// The state it shows.
    pub async fn state(&self, id: &ProcessId) -> Result<Vec<StateEntry>, ClientError> {
        let found: State = self.get(&format!("processes/{id}/state")).await?;
        Ok(found.state)
    }

    /// How it ended; `None` if it has not within `wait` (at most a minute).
    pub async fn result(
        &self,
        id: &ProcessId,
        wait: Duration,
    ) -> Result<Option<Exit>, ClientError> {
        let path = format!("processes/{id}/result?wait_ms={}", wait.as_millis());
        let found: Outcome = read(self.long_request(Method::GET, &path)).await?;
        Ok(found.exit)
    }

    /// Puts a message into its mailbox. With a key, doing it again is harmless.
    pub async fn send(
        &self,
        id: &ProcessId,
        message: &MessageRequest,
        request_key: Option<&str>,
    ) -> Result<MessageTaken, ClientError> {
        let request = self.request(Method::POST, &format!("processes/{id}/messages"));
        self.change(request.json(message), request_key).await
    }

    /// A page of what the request caused that started it; `after`: what the page
    /// before gave as `next`.
    pub async fn trace(
        &self,
        root: &ProcessId,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Trace, ClientError> {
        #[derive(serde::Serialize)]
        struct Query<'a> {
            #[serde(skip_serializing_if = "Option::is_none")]
            after: Option<&'a str>,
            limit: usize,
        }
        self.get_with(&format!("trace/{root}"), &Query { after, limit }).await
    }

    /// Asks it to stop, or ends it at once.
    pub async fn cancel(
        &self,
        id: &ProcessId,
        request: &CancelRequest,
    ) -> Result<Changed, ClientError> {
        self.post(&format!("processes/{id}/cancel"), request).await
    }

    /// Holds its effects back.
    pub async fn pause(&self, id: &ProcessId) -> Result<Changed, ClientError> {
        self.post(&format!("processes/{id}/pause"), &Nothing {}).await
    }

    /// Lets it go on.
    pub async fn resume(&self, id: &ProcessId) -> Result<Changed, ClientError> {
        self.post(&format!("processes/{id}/resume"), &Nothing {}).await
    }

    /// Runs it on from an earlier point.
    pub async fn restart(&self, id: &ProcessId, from: RestartFrom) -> Result<Changed, ClientError> {
        self.post(&format!("processes/{id}/restart"), &RestartRequest { from }).await
    }

    /// Makes a process that shares its history.
    pub async fn fork(
        &self,
        id: &ProcessId,
        request: &ForkRequest,
    ) -> Result<Changed, ClientError> {
        self.post(&format!("processes/{id}/fork"), request).await
    }

    /// Open questions, oldest first; of one process, if one is named.
    pub async fn asks(&self, process: Option<&ProcessId>) -> Result<Vec<Ask>, ClientError> {
        #[derive(serde::Serialize)]
        struct Query<'a> {
            process: &'a str,
        }
        let found: Asks = match process {
            None => self.get("asks").await?,
            Some(id) => self.get_with("asks", &Query { process: id.as_str() }).await?,
        };
        Ok(found.asks)
    }

    /// Answers one.
    pub async fn answer(&self, ask: &AskId, value: Given) -> Result<Changed, ClientError> {
        let path = format!("asks/{}/{}", ask.process, ask.op);
        self.post(&path, &AnswerRequest { value }).await
    }
}
