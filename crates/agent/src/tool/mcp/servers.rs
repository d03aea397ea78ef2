//! All MCP servers of a node, shared by its agents.

use super::answer;
use super::config::McpConfig;
use super::expand::Lookup;
use super::hidden;
use super::listing::{McpTool, listing};
use super::server::Server;
use super::{MCP_ANSWER, MCP_CONFIG, MCP_GONE};
use crate::provider::{Secret, secret};
use crate::tool::outside::sleep;
use crate::tool::{Policy, Run, Tool};
use futures_util::FutureExt;
use futures_util::future::join_all;
use greenroom_model::{Failure, failure};
use greenroom_runtime::Step;
use rmcp::model::{CallToolRequestParams, RequestMetaObject};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long a server may take to start and to list its tools, if its `timeout` does not say.
/// Agents wait for it.
const START_LIMIT: Duration = Duration::from_secs(20);

/// So many attempts: with the waits between them a server has some ten seconds to
/// restart.
const ATTEMPTS: u32 = 6;

/// The first of these waits; each is twice the one before.
const WAIT_MIN: Duration = Duration::from_millis(250);

/// The name under which a call carries its step's key, in the call's `_meta`: the same
/// for each attempt, so that a server can know a second one.
const KEY: &str = "greenroom.run/step-key";

/// As a provider's key: the environment, or else the secret store.
fn value_of(name: &str) -> Option<String> {
    let set = std::env::var(name).ok();
    set.or_else(|| Some(secret(name).ok()??.reveal().to_owned()))
}

/// All MCP servers of a node. Cheap to clone.
///
/// A server is started when it is first needed. It ends with this, at the latest with
/// the node: [`close`](McpServers::close) ends all in good order, dropping the last
/// clone ends them at once, and a node that is killed leaves none behind.
#[derive(Clone)]
pub struct McpServers {
    servers: Arc<BTreeMap<String, Arc<Server>>>,
    lookup: Arc<Lookup>,
    start_limit: Duration,
}

impl McpServers {
    /// These servers; `${NAME}` in their configuration is looked up in this process's
    /// environment, and then in the [`SecretStore`](crate::provider::SecretStore), when a server is started.
    pub fn new(config: McpConfig) -> McpServers {
        McpServers::with(config, START_LIMIT, value_of)
    }

    /// The same, with how long a server may take to start, and where values come from.
    pub fn with(
        config: McpConfig,
        start_limit: Duration,
        lookup: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> McpServers {
        let lookup: Arc<Lookup> = Arc::new(lookup);
        let server = |(name, config): (String, _)| {
            let server = Server::new(name.clone(), config, lookup.clone(), start_limit);
            (name, Arc::new(server))
        };
        let servers = config.servers.into_iter().map(server).collect();
        McpServers { servers: Arc::new(servers), lookup, start_limit }
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.servers.keys().map(String::as_str)
    }

    /// Whether this server runs.
    pub(crate) fn is_live(&self, name: &str) -> bool {
        self.servers.get(name).is_some_and(|server| server.is_live())
    }

    /// The values in their configuration that nobody is to see.
    pub(crate) fn secrets(&self) -> Vec<Secret> {
        let of = |server: &Arc<Server>| hidden::secrets(&server.config, &*self.lookup);
        self.servers.values().flat_map(of).collect()
    }

    /// The tools that all servers have now, in a fixed order. To be called inside a step
    /// whose result is journaled, so that replay sees the same tools; cheap while no
    /// server has said that its tools changed.
    ///
    /// Errors: as [`list`](McpServers::list), of the first server that cannot be asked.
    pub async fn specs(&self) -> Result<Vec<McpTool>, Failure> {
        let (tools, failed) = self.list().await;
        match failed.into_values().next() {
            None => Ok(tools),
            Some(failure) => Err(failure),
        }
    }

    /// The same, for who can do without some: the tools of those that answer, and why
    /// each other does not.
    ///
    /// Errors: `mcp_gone` (retryable), `mcp_config` (not), `timeout`.
    pub async fn list(&self) -> (Vec<McpTool>, BTreeMap<String, Failure>) {
        self.list_of(|_| true).await
    }

    /// The same of these servers, by name: no other is started.
    pub(crate) async fn list_of(
        &self,
        wanted: impl Fn(&str) -> bool,
    ) -> (Vec<McpTool>, BTreeMap<String, Failure>) {
        let servers = self.servers.values().filter(|server| wanted(&server.name));
        let asked = servers.map(|server| async move {
            let tools = server.tools().await;
            (server, tools)
        });
        let (mut tools, mut failed) = (Vec::new(), BTreeMap::new());
        for (server, answer) in join_all(asked.collect::<Vec<_>>()).await {
            match answer {
                Ok(known) => tools.extend(listing(&server.name, &server.config, &known)),
                Err(failure) => drop(failed.insert(server.name.clone(), failure)),
            }
        }
        (tools, failed)
    }

    /// The tool, to be called. Each call is a step.
    ///
    /// A call that was under way when the server or the node was lost is made again only
    /// if the server says that this does no harm (`readOnlyHint`, `idempotentHint`), or
    /// the agent's definition does; otherwise the model is told that it is not known
    /// whether it took effect.
    pub fn tool(&self, tool: &McpTool) -> Tool {
        let server = self.servers.get(&tool.server);
        let start = server.map_or(self.start_limit, |server| server.start_limit());
        let policy = Policy {
            read_only: tool.read_only,
            at_most_once: !tool.may_be_repeated(),
            // The call has its limit itself, and says so better; a start takes time too.
            timeout: tool.timeout().saturating_add(start + Duration::from_secs(10)),
            attempts_max: ATTEMPTS,
            ..Policy::default()
        };
        let (servers, known) = (self.clone(), Arc::new(tool.clone()));
        let run = Arc::new(move |step: Step, arguments: Value| {
            let (servers, known) = (servers.clone(), known.clone());
            async move { servers.call_patiently(&known, &arguments, step.key()).await }.boxed()
        });
        Tool { spec: tool.spec.clone(), policy, run: Run::Step(run) }
    }

    /// A call that may not be made twice is one attempt; as long as the server has not
    /// heard of it, it is waited for here.
    async fn call_patiently(
        &self,
        tool: &McpTool,
        arguments: &Value,
        key: &str,
    ) -> Result<Value, Failure> {
        let mut waits = (0..ATTEMPTS - 1).map(|attempt| WAIT_MIN * (1 << attempt));
        loop {
            let (failure, was_heard) = match self.call(tool, arguments.clone(), key).await {
                Ok(value) => return Ok(value),
                Err(failed) => failed,
            };
            let may_wait = failure.retryable && !was_heard && !tool.may_be_repeated();
            let Some(wait) = waits.next().filter(|_| may_wait) else { return Err(failure) };
            sleep(failure.left_alone_for().unwrap_or(wait).max(wait)).await;
        }
    }

    /// One attempt. Errors: beside the failure, whether the server may have heard of it.
    async fn call(
        &self,
        tool: &McpTool,
        arguments: Value,
        key: &str,
    ) -> Result<Value, (Failure, bool)> {
        let Some(server) = self.servers.get(&tool.server) else {
            let words = "is not configured any more; it was when the agent began";
            let words = format!("MCP server `{}` {words}", tool.server);
            return Err((Failure::fatal(MCP_CONFIG, words), false));
        };
        let Value::Object(arguments) = arguments else {
            let words = "the arguments must be an object";
            return Err((Failure::fatal(crate::tool::BAD_ARGUMENTS, words), false));
        };
        let mut meta = Map::new();
        meta.insert(KEY.to_owned(), json!(key));
        let mut call = CallToolRequestParams::new(tool.tool.clone());
        call.arguments = Some(arguments);
        call.meta = serde_json::from_value::<RequestMetaObject>(Value::Object(meta)).ok();
        match server.call(call).await {
            Ok(result) => answer::value(result).map_err(|failure| (failure, true)),
            Err((failure, false)) => Err((failure, false)),
            Err((failure, true)) => Err((unsure(tool, failure), true)),
        }
    }

    /// Ends all connections and servers in good order. Calls after this fail.
    pub async fn close(&self) {
        join_all(self.servers.values().map(|server| server.close())).await;
    }
}

/// The failure of a call that was under way. Whether it is made again is for the terms
/// on which it was made.
fn unsure(tool: &McpTool, mut failure: Failure) -> Failure {
    let is_unsure = [MCP_GONE, MCP_ANSWER, failure::TIMEOUT].iter().any(|kind| failure.is(kind));
    if is_unsure && !tool.may_be_repeated() {
        failure.message.push_str("; it is not known whether it took effect");
    }
    failure
}
