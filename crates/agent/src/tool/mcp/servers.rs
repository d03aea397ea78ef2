//! All MCP servers of a node, shared by its agents.

use super::answer;
use super::config::McpConfig;
use super::expand::Lookup;
use super::listing::{McpTool, listing};
use super::server::Server;
use super::{MCP_CONFIG, MCP_GONE};
use crate::provider::secret;
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

/// How long a server may take to start and to list its tools, if nothing else is said:
/// `npx` downloads what it starts.
const START_LIMIT: Duration = Duration::from_secs(60);

/// So many attempts: with the waits between them a server has some ten seconds to
/// restart.
const ATTEMPTS: u32 = 6;

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
        McpServers { servers: Arc::new(servers), start_limit }
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.servers.keys().map(String::as_str)
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
        let asked = self.servers.values().map(|server| async move {
            let tools = server.tools().await;
            (server, tools)
        });
        let (mut tools, mut failed) = (Vec::new(), BTreeMap::new());
        for (server, answer) in join_all(asked).await {
            match answer {
                Ok(known) => tools.extend(listing(&server.name, &server.config, &known)),
                Err(failure) => drop(failed.insert(server.name.clone(), failure)),
            }
        }
        (tools, failed)
    }

    /// The tool, to be called. Each call is a step.
    ///
    /// A call that was under way when the server was lost is made again only if the
    /// server says that this does no harm (`readOnlyHint`, `idempotentHint`); otherwise
    /// the model is told that it is not known whether it took effect.
    pub fn tool(&self, tool: &McpTool) -> Tool {
        let policy = Policy {
            read_only: tool.read_only,
            // The call has its limit itself, and says so better; a start takes time too.
            timeout: tool.timeout().saturating_add(self.start_limit + Duration::from_secs(10)),
            attempts_max: ATTEMPTS,
            ..Policy::default()
        };
        let (servers, known) = (self.clone(), Arc::new(tool.clone()));
        let run = Arc::new(move |step: Step, arguments: Value| {
            let (servers, known) = (servers.clone(), known.clone());
            async move { servers.call(&known, arguments, step.key()).await }.boxed()
        });
        Tool { spec: tool.spec.clone(), policy, run: Run::Step(run) }
    }

    async fn call(&self, tool: &McpTool, arguments: Value, key: &str) -> Result<Value, Failure> {
        let Some(server) = self.servers.get(&tool.server) else {
            let words = "is not configured any more; it was when the agent began";
            return Err(Failure::fatal(
                MCP_CONFIG,
                format!("MCP server `{}` {words}", tool.server),
            ));
        };
        let Value::Object(arguments) = arguments else {
            let words = "the arguments must be an object";
            return Err(Failure::fatal(crate::tool::BAD_ARGUMENTS, words));
        };
        let mut meta = Map::new();
        meta.insert(KEY.to_owned(), json!(key));
        let mut call = CallToolRequestParams::new(tool.tool.clone());
        call.arguments = Some(arguments);
        call.meta = serde_json::from_value::<RequestMetaObject>(Value::Object(meta)).ok();
        match server.call(call).await {
            Ok(result) => answer::value(result),
            Err((failure, false)) => Err(failure),
            Err((failure, true)) => Err(unsure(tool, failure)),
        }
    }

    /// Ends all connections and servers in good order. Calls after this fail.
    pub async fn close(&self) {
        join_all(self.servers.values().map(|server| server.close())).await;
    }
}

/// The failure of a call that was under way.
fn unsure(tool: &McpTool, mut failure: Failure) -> Failure {
    let is_unsure = failure.is(MCP_GONE) || failure.is(failure::TIMEOUT);
    if is_unsure && !tool.read_only && !tool.idempotent {
        failure.retryable = false;
        failure.message.push_str("; it is not known whether it took effect");
    }
    failure
}
