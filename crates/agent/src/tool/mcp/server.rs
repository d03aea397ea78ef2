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
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// The first wait that is one, and the longest.
const WAIT_MIN: Duration = Duration::from_millis(250);
const WAIT_MAX: Duration = Duration::from_secs(30);

/// A call waits so long itself; for longer it fails, and the runtime waits.
const WAIT_HERE: Duration = Duration::from_secs(1);

/// One server.
pub struct Server {
    pub name: String,
    pub config: ServerConfig,
    lookup: Arc<Lookup>,
    start_limit: Duration,
    slot: Mutex<Slot>,
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
        Server { name, config, lookup, start_limit, slot: Mutex::default() }
    }

    /// The connection there is, or a new one. While one is begun all wait for it, and
    /// also while a short wait after a failure lasts.
    async fn connection(&self) -> Result<Arc<Connection>, Failure> {
        let mut slot = self.slot.lock().await;
        match &slot.live {
            Some(live) if !live.is_closed() => return Ok(live.clone()),
            Some(_) => slot.failed(),
            None => {}
        }
        if slot.is_closed {
            let words = format!("MCP server `{}` is closed: the node stops", self.name);
            return Err(Failure::new(MCP_GONE, words));
        }
        let wait = slot.not_before.map_or(Duration::ZERO, |at| at.duration_since(now()));
        if wait <= WAIT_HERE {
            sleep(wait).await;
        } else {
            let words = format!(
                "MCP server `{}` failed {} times in a row; it is tried again in {wait:.1?}",
                self.name, slot.failures
            );
            return Err(Failure::new(MCP_GONE, words).retry_after(wait));
        }
        let started =
            Connection::start(&self.name, &self.config, &*self.lookup, self.start_limit).await;
        match started {
            Ok(connection) => {
                let connection = Arc::new(connection);
                slot.live = Some(connection.clone());
                Ok(connection)
            }
            Err(failure) => {
                slot.failed();
                Err(failure)
            }
        }
    }

    /// The tools it has now.
    pub async fn tools(&self) -> Result<Arc<Vec<rmcp::model::Tool>>, Failure> {
        let connection = self.connection().await?;
        let listed = connection.tools(self.start_limit).await;
        self.note(&connection, listed.as_ref().err()).await;
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
        self.note(&connection, called.as_ref().err().map(|(failure, _)| failure)).await;
        called
    }

    /// Remembers how it went: who answers, whatever it says, is well.
    async fn note(&self, connection: &Arc<Connection>, failure: Option<&Failure>) {
        let mut slot = self.slot.lock().await;
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
        let mut slot = self.slot.lock().await;
        slot.is_closed = true;
        if let Some(live) = slot.live.take() {
            live.close().await;
        }
    }
}
