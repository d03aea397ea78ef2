//! One MCP server over all its connections: begun when needed, begun again when lost,
//! more and more seldom while it fails.
//!
//! ```text
//! none ── wanted ──► starting ── agreed ──► live ── lost ──► none
//!   ▲                   │                                     │
//!   └──── failed, wait: 0, 250 ms, 500 ms, … 30 s ◄───────────┘
//! ```

use super::MCP_GONE;
use super::config::ServerConfig;
use super::connection::Connection;
use super::expand::Lookup;
use crate::tool::outside::{now, sleep};
use greenroom_model::Failure;
use rmcp::model::{CallToolRequestParams, CallToolResult};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// The first wait that is one, and the longest.
const WAIT_MIN: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A call waits so long itself; for longer it fails, and the runtime waits.
const WAIT_HERE: Duration = Duration::from_secs(1);

/// A server that has started in the last moment may still list its tools.
const LIST_MIN: Duration = Duration::from_secs(1);

/// One server.
pub struct Server {
    pub name: String,
    pub config: ServerConfig,
    lookup: Arc<Lookup>,
    start_limit: Duration,
    slot: Mutex<Slot>,
    /// Held by who starts it: how often that failed, and how it did the last time.
    starting: tokio::sync::Mutex<()>,
    failed: Mutex<(u64, Option<Failure>)>,
}

#[derive(Default)]
struct Slot {
    live: Option<Arc<Connection>>,
    /// How often it failed since a call of it last worked.
    failures: u32,
    not_before: Option<Instant>,
    is_closed: bool,
}

impl Slot {
    fn failed(&mut self) {
        self.live = None;
        self.failures = self.failures.saturating_add(1);
        // The first time nothing is lost by trying at once: it may just have been updated.
        let doublings = self.failures.checked_sub(2);
        let wait = doublings.map(|n| WAIT_MIN.saturating_mul(1 << n.min(16)).min(WAIT_MAX));
        self.not_before = wait.map(|wait| now() + wait);
    }
}

impl Server {
    pub fn new(
        name: String,
        config: ServerConfig,
        lookup: Arc<Lookup>,
        start_limit: Duration,
    ) -> Server {
        let start_limit = config.start.unwrap_or(start_limit);
        let (slot, failed) = (Mutex::default(), Mutex::default());
        let starting = tokio::sync::Mutex::default();
        Server { name, config, lookup, start_limit, slot, starting, failed }
    }

    /// How long it may take to start and to list its tools.
    pub fn start_limit(&self) -> Duration {
        self.start_limit
    }

    /// Whether it runs.
    pub fn is_live(&self) -> bool {
        self.slot().live.as_ref().is_some_and(|live| !live.is_closed())
    }

    /// The connection there is, or a new one. While one is begun all wait for it, and
    /// if that fails it has failed for all of them: with many agents a server that hangs
    /// would else be waited for by one after the other.
    async fn connection(&self) -> Result<Arc<Connection>, Failure> {
        if let Some(live) = self.live() {
            return Ok(live);
        }
        let before = self.failed().0;
        let _turn = self.starting.lock().await;
        if let Some(live) = self.live() {
            return Ok(live);
        }
        if let (since, Some(failure)) = &*self.failed()
            && *since > before
        {
            return Err(failure.clone());
        }
        sleep(self.wait()?).await;
        let started =
            Connection::start(&self.name, &self.config, &*self.lookup, self.start_limit).await;
        let mut slot = self.slot();
        match started {
            Ok(_) if slot.is_closed => Err(self.closed()),
            Ok(connection) => {
                let connection = Arc::new(connection);
                slot.live = Some(connection.clone());
                Ok(connection)
            }
            Err(failure) => {
                slot.failed();
                let mut failed = self.failed();
                *failed = (failed.0 + 1, Some(failure.clone()));
                Err(failure)
            }
        }
    }

    fn failed(&self) -> MutexGuard<'_, (u64, Option<Failure>)> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn slot(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn live(&self) -> Option<Arc<Connection>> {
        let mut slot = self.slot();
        let live = slot.live.clone()?;
        if !live.is_closed() {
            return Some(live);
        }
        slot.failed();
        None
    }

    fn closed(&self) -> Failure {
        let words = format!("MCP server `{}` is closed: the node stops", self.name);
        Failure::new(MCP_GONE, words)
    }

    /// How long to wait before it is started. Errors: too long to wait here.
    fn wait(&self) -> Result<Duration, Failure> {
        let slot = self.slot();
        if slot.is_closed {
            return Err(self.closed());
        }
        let wait = slot.not_before.map_or(Duration::ZERO, |at| at.duration_since(now()));
        if wait <= WAIT_HERE {
            return Ok(wait);
        }
        let words = format!(
            "MCP server `{}` failed {} times in a row; it is tried again in {wait:.1?}",
            self.name, slot.failures
        );
        Err(Failure::new(MCP_GONE, words).retry_after(wait))
    }

    /// The tools it has now.
    pub async fn tools(&self) -> Result<Arc<Vec<rmcp::model::Tool>>, Failure> {
        let begun = now();
        let connection = self.connection().await?;
        // One that was just able to start is not also given that long to list.
        let left = self.start_limit.saturating_sub(now().duration_since(begun)).max(LIST_MIN);
        let listed = connection.tools(left).await;
        self.note(&connection, listed.as_ref().err());
        listed
    }

    /// Calls a tool of it.
    ///
    /// Errors: beside the failure, whether the server may have heard of the call.
    pub async fn call(
        &self,
        call: CallToolRequestParams,
    ) -> Result<CallToolResult, (Failure, bool)> {
        let connection = self.connection().await.map_err(|failure| (failure, false))?;
        let called = connection.call(call, self.config.timeout).await;
        self.note(&connection, called.as_ref().err().map(|(failure, _)| failure));
        called
    }

    /// Remembers how it went: who answers, whatever it says, is well.
    fn note(&self, connection: &Arc<Connection>, failure: Option<&Failure>) {
        let mut slot = self.slot();
        if !slot.live.as_ref().is_some_and(|live| Arc::ptr_eq(live, connection)) {
            return;
        }
        match failure {
            None => (slot.failures, slot.not_before) = (0, None),
            Some(failure) if failure.is(MCP_GONE) => slot.failed(),
            Some(_) => {}
        }
    }

    /// Ends the connection for good.
    pub async fn close(&self) {
        let live = {
            let mut slot = self.slot();
            slot.is_closed = true;
            slot.live.take()
        };
        if let Some(live) = live {
            live.close().await;
        }
    }
}
