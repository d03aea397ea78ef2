//! One connection to one MCP server, from its start to its end. It is never mended:
//! who finds it ended begins another.

use super::config::{Reach, ServerConfig};
use super::expand::{Lookup, expand};
use super::secrets::Secrets;
use super::stdio::{Stdio, TOO_LARGE_CODE, UNREADABLE_CODE};
use super::web::WebError;
use super::{ANSWER_MAX_BYTES, MCP_ANSWER, MCP_CONFIG, MCP_GONE, MCP_REFUSED, MCP_TOO_LARGE, http};
use crate::tool::group::Group;
use crate::tool::outside::{beside, within};
use crate::tool::tail::Tail;
use greenroom_model::{Failure, failure};
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientCapabilities, ClientConfig, Implementation,
    PaginatedRequestParams,
};
use rmcp::service::{ClientInitializeError, NotificationContext, RunningService};
use rmcp::transport::streamable_http_client::StreamableHttpError;
use rmcp::{ClientHandler, RoleClient, ServiceError};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::process::Stdio as Pipe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::sync::{Mutex, watch};

/// So much of what a server writes on its error output is kept, in bytes.
const LAST_WORDS: usize = 2048;

/// A server may have so many tools, on so many pages.
const TOOLS_MAX: usize = 1000;
const PAGES_MAX: usize = 100;

/// How long a child has to go by itself when its input has ended.
const GO_LIMIT: Duration = Duration::from_secs(2);

/// What a child finds in its environment beside what its configuration names.
const INHERITED: &[&str] = &["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER"];

/// Hears what the server says unasked.
#[derive(Clone)]
struct Listener {
    tools_changed: Arc<AtomicBool>,
}

impl ClientHandler for Listener {
    fn get_info(&self) -> ClientConfig {
        let name = Implementation::new("greenroom", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(ClientCapabilities::default(), name)
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.tools_changed.store(true, Ordering::Release);
    }
}

/// One connection. Dropped, it ends the child with all that it has started.
pub struct Connection {
    name: String,
    client: RunningService<RoleClient, Listener>,
    tools: Mutex<Option<Arc<Vec<rmcp::model::Tool>>>>,
    tools_changed: Arc<AtomicBool>,
    child: Option<Running>,
    secrets: Secrets,
}

/// What is said to a child and what it says.
type Talk = Stdio<ChildStdout, ChildStdin>;

/// The server as a child of this node.
struct Running {
    group: Arc<Group>,
    /// How it ended, once it has.
    exit: watch::Receiver<Option<String>>,
    last_words: Tail,
}

impl Connection {
    /// Starts the server or reaches it, and agrees on the protocol.
    ///
    /// Errors: `mcp_config` for what no second try can mend, `mcp_gone` for the rest.
    pub async fn start(
        name: &str,
        config: &ServerConfig,
        lookup: &Lookup,
        limit: Duration,
    ) -> Result<Connection, Failure> {
        let tools_changed = Arc::new(AtomicBool::new(false));
        let listener = Listener { tools_changed: tools_changed.clone() };
        let mut secrets = Secrets::default();
        let bad = |why: String| Failure::fatal(MCP_CONFIG, format!("MCP server `{name}`: {why}"));
        let (child, client) = match &config.reach {
            Reach::Stdio { command, args, env, cwd } => {
                let command = child_command(command, args, env, cwd.as_ref(), lookup, &mut secrets);
                let (running, stdio) = Running::spawn(name, command.map_err(bad)?)?;
                let client = within(limit, rmcp::serve_client(listener, stdio)).await;
                (Some(running), client)
            }
            Reach::Http { url, headers } => {
                let http = http::transport(url, headers, lookup, &mut secrets).map_err(bad)?;
                (None, within(limit, rmcp::serve_client(listener, http)).await)
            }
        };
        let client = match client {
            Some(Ok(client)) => client,
            Some(Err(error)) if is_refused(&error) => {
                return Err(bad("it refuses the credentials; check its `headers`".to_owned()));
            }
            Some(Err(error)) => {
                let why = format!("MCP server `{name}` did not start: {}", in_words(&error));
                return Err(gone(&secrets.hide(&why), child.as_ref(), &secrets).await);
            }
            None => {
                let why = format!("MCP server `{name}` has not answered `initialize` in {limit:?}");
                return Err(gone(&why, child.as_ref(), &secrets).await);
            }
        };
        let (name, tools) = (name.to_owned(), Mutex::default());
        Ok(Connection { name, client, tools, tools_changed, child, secrets })
    }

    /// Whether it has ended.
    pub fn is_closed(&self) -> bool {
        let has_exited = |child: &Running| child.exit.borrow().is_some();
        self.client.is_transport_closed()
            || self.client.is_closed()
            || self.child.as_ref().is_some_and(has_exited)
    }

    /// The server's tools, asked for again only when it has said that they changed.
    pub async fn tools(&self, limit: Duration) -> Result<Arc<Vec<rmcp::model::Tool>>, Failure> {
        let mut known = self.tools.lock().await;
        if self.tools_changed.swap(false, Ordering::AcqRel) {
            *known = None;
        }
        if let Some(tools) = known.as_ref() {
            return Ok(tools.clone());
        }
        let tools = match within(limit, self.pages()).await {
            Some(tools) => Arc::new(tools?),
            None => return Err(self.too_slow("tools/list", limit)),
        };
        *known = Some(tools.clone());
        Ok(tools)
    }

    async fn pages(&self) -> Result<Vec<rmcp::model::Tool>, Failure> {
        let (mut tools, mut cursor) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = PaginatedRequestParams::default().with_cursor(cursor);
            let page = match self.client.list_tools(Some(page)).await {
                Ok(page) => page,
                Err(error) => return Err(self.failed("tools/list", error).await),
            };
            tools.extend(page.tools);
            cursor = page.next_cursor;
            if tools.len() > TOOLS_MAX {
                break;
            }
            if cursor.is_none() {
                return Ok(tools);
            }
        }
        let words = format!("names more than {TOOLS_MAX} tools, or pages without an end");
        Err(Failure::fatal(MCP_REFUSED, format!("MCP server `{}` {words}", self.name)))
    }

    /// Calls a tool. Dropped, the server is told that nobody waits any more.
    ///
    /// Errors: beside the failure, whether the server may have heard of the call.
    pub async fn call(
        &self,
        call: CallToolRequestParams,
        limit: Duration,
    ) -> Result<CallToolResult, (Failure, bool)> {
        let tool = call.name.clone();
        let mut exit = self.child.as_ref().map(|child| child.exit.clone());
        let ended = async {
            match &mut exit {
                Some(exit) => drop(exit.wait_for(Option::is_some).await),
                None => std::future::pending().await,
            }
        };
        let answered = within(limit, async {
            tokio::select! {
                biased;
                answer = self.client.call_tool(call) => answer,
                () = ended => Err(ServiceError::TransportClosed),
            }
        });
        match answered.await {
            Some(Ok(result)) => Ok(result),
            Some(Err(error)) => {
                let was_sent = !is_not_reached(&error);
                Err((self.failed(&tool, error).await, was_sent))
            }
            None => Err((self.too_slow(&tool, limit), true)),
        }
    }

    fn too_slow(&self, what: &str, limit: Duration) -> Failure {
        let words = format!("MCP server `{}` has not answered `{what}` in {limit:?}", self.name);
        Failure::new(failure::TIMEOUT, words)
    }

    async fn failed(&self, what: &str, error: ServiceError) -> Failure {
        let name = &self.name;
        let too_large = || {
            let most = ANSWER_MAX_BYTES >> 20;
            let words = format!("the answer of `{what}` is larger than {most} MiB; ask for less");
            Failure::fatal(MCP_TOO_LARGE, format!("MCP server `{name}`: {words}"))
        };
        match &error {
            ServiceError::McpError(error) if error.code.0 == TOO_LARGE_CODE => too_large(),
            ServiceError::McpError(error) if error.code.0 == UNREADABLE_CODE => {
                self.no_answer(what, "that cannot be read")
            }
            ServiceError::UnexpectedResponse => self.no_answer(what, "that is no result of it"),
            ServiceError::McpError(error) => {
                let words = format!("MCP server `{name}` refused `{what}`: {}", error.message);
                Failure::fatal(MCP_REFUSED, self.secrets.hide(&words))
            }
            ServiceError::TransportSend(send) => match send.error.downcast_ref() {
                Some(HttpError::ResponseBodyTooLarge { .. }) => too_large(),
                Some(HttpError::Deserialize(_)) => self.no_answer(what, "that cannot be read"),
                _ => {
                    let why = format!(
                        "MCP server `{name}` is lost at `{what}`: {}",
                        with_causes(&*send.error)
                    );
                    gone(&self.secrets.hide(&why), self.child.as_ref(), &self.secrets).await
                }
            },
            _ => {
                let why = format!("MCP server `{name}` is lost while `{what}` was under way");
                gone(&why, self.child.as_ref(), &self.secrets).await
            }
        }
    }

    /// It is there and has answered, but with nothing that says what came of it.
    fn no_answer(&self, what: &str, why: &str) -> Failure {
        let words =
            format!("MCP server `{}` has answered `{what}` with something {why}", self.name);
        Failure::fatal(MCP_ANSWER, words)
    }

    /// Ends it in good order: the server may go by itself, for a while.
    pub async fn close(&self) {
        self.client.cancellation_token().cancel();
        if let Some(child) = &self.child {
            let mut exit = child.exit.clone();
            let _ = within(GO_LIMIT, exit.wait_for(Option::is_some)).await;
            child.group.kill();
        }
    }
}

type HttpError = StreamableHttpError<WebError>;

/// Whether it is a matter of keys, which no second try mends.
fn is_refused(error: &ClientInitializeError) -> bool {
    let ClientInitializeError::TransportError { error, .. } = error else { return false };
    matches!(error.error.downcast_ref(), Some(HttpError::AuthRequired(_)))
}

/// The SDK's error without the names of its types.
fn in_words(error: &ClientInitializeError) -> String {
    match error {
        ClientInitializeError::TransportError { error, .. } => with_causes(&*error.error),
        ClientInitializeError::ConnectionClosed(_) => "it ended".to_owned(),
        _ => error.to_string(),
    }
}

fn with_causes(error: &(dyn Error + Send + Sync + 'static)) -> String {
    let (mut words, mut source) = match error.downcast_ref() {
        Some(HttpError::Client(error)) => (error.to_string(), error.source()),
        _ => (error.to_string(), error.source()),
    };
    while let Some(cause) = source {
        let more = cause.to_string();
        if !words.contains(&more) {
            words = format!("{words}: {more}");
        }
        source = cause.source();
    }
    words
}

/// Whether nobody took the connection that the call would have been sent on.
fn is_not_reached(error: &ServiceError) -> bool {
    let ServiceError::TransportSend(send) = error else { return false };
    match send.error.downcast_ref() {
        Some(HttpError::Client(error)) => error.is_not_reached,
        _ => false,
    }
}

/// The failure `mcp_gone`, with how the child ended and its last words.
async fn gone(why: &str, child: Option<&Running>, secrets: &Secrets) -> Failure {
    let mut words = why.to_owned();
    if let Some(child) = child {
        // Its output ends a moment before it does.
        let mut exit = child.exit.clone();
        let ended = within(Duration::from_millis(500), exit.wait_for(Option::is_some)).await;
        if let Some(Ok(how)) = ended {
            words.push_str(&format!(" ({})", how.as_deref().unwrap_or_default()));
        }
        let said = secrets.hide(&child.last_words.text());
        if !said.is_empty() {
            words.push_str("; its last words: ");
            words.push_str(&said);
        }
    }
    Failure::new(MCP_GONE, words)
}

fn child_command(
    command: &str,
    args: &[String],
    env: &BTreeMap<String, String>,
    cwd: Option<&PathBuf>,
    lookup: &Lookup,
    secrets: &mut Secrets,
) -> Result<Command, String> {
    let expanded =
        |what: &str, text: &str| expand(text, lookup).map_err(|why| format!("its {what}: {why}"));
    let mut child = Command::new(expanded("command", command)?);
    for arg in args {
        let given = expanded("args", arg)?;
        if given != *arg {
            secrets.hide_words(&given);
        }
        child.arg(given);
    }
    child.env_clear();
    for name in INHERITED {
        if let Some(value) = lookup(name) {
            child.env(name, value);
        }
    }
    for (name, value) in env {
        let value = expanded(&format!("env {name}"), value)?;
        secrets.hide_words(&value);
        child.env(name, value);
    }
    if let Some(cwd) = cwd {
        child.current_dir(cwd);
    }
    Ok(child)
}

impl Running {
    fn spawn(name: &str, mut command: Command) -> Result<(Running, Talk), Failure> {
        let program = command.as_std().get_program().to_string_lossy().into_owned();
        let failed = |words: String| {
            Failure::fatal(MCP_CONFIG, format!("MCP server `{name}`: `{program}` {words}"))
        };
        command.stdin(Pipe::piped()).stdout(Pipe::piped()).stderr(Pipe::piped());
        let spawned = Group::spawn(&mut command);
        let (group, mut child) =
            spawned.map_err(|error| failed(format!("cannot be started: {error}")))?;
        let (Some(read), Some(write)) = (child.stdout.take(), child.stdin.take()) else {
            return Err(failed("has no input and output".to_owned()));
        };
        let last_words = Tail::new(LAST_WORDS);
        if let Some(stderr) = child.stderr.take() {
            beside(listen(stderr, last_words.clone()));
        }
        let (tell, exit) = watch::channel(None);
        let group = Arc::new(group);
        let running = Running { group: group.clone(), exit, last_words: last_words.clone() };
        beside(async move {
            let how =
                child.wait().await.map_or_else(|error| error.to_string(), |is| is.to_string());
            tell.send_replace(Some(how));
            // What it has left behind holds its output open.
            group.kill();
        });
        Ok((running, Stdio::new(read, write, last_words)))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.group.kill();
    }
}

async fn listen(mut stderr: ChildStderr, last_words: Tail) {
    let mut some = vec![0; 4096];
    while let Ok(count @ 1..) = stderr.read(&mut some).await {
        last_words.push(&some[..count]);
    }
}
