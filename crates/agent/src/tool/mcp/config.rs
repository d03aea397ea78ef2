//! Which MCP servers there are, in the `mcpServers` format that people have. Plain
//! data: nothing is looked up or started here.

#[cfg(test)]
mod tests;

use crate::plain_file::read_text;
use crate::tool::Pattern;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A configuration that cannot be, in words. They hold no value of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadConfig(String);

/// The servers, by the name that their tools bear (`mcp__NAME__TOOL`).
#[derive(Clone, Debug, Default)]
pub struct McpConfig {
    /// Them.
    pub servers: BTreeMap<String, ServerConfig>,
}

/// One server.
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// How it is reached.
    pub reach: Reach,
    /// Only these tools of it (`includeTools`); `None`: all.
    pub include: Option<Vec<Pattern>>,
    /// And not these (`excludeTools`).
    pub exclude: Vec<Pattern>,
    /// How long one call may take (`timeout`, in milliseconds).
    pub timeout: Duration,
    /// How long it may take to start and to list its tools, if it says so: as a call, but
    /// no less than five seconds.
    pub start: Option<Duration>,
}

/// How a server is reached. Texts may hold `${NAME}`, which is put in when it is
/// started.
#[derive(Clone)]
pub enum Reach {
    /// A child of this node, by its input and output.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
        /// What it finds in its environment, beside `PATH`, `HOME` and the like.
        env: BTreeMap<String, String>,
        /// Where it is started.
        cwd: Option<PathBuf>,
    },
    /// Streamable HTTP.
    Http {
        /// Where.
        url: String,
        /// What each request carries.
        headers: BTreeMap<String, String>,
    },
}

/// Names only: values may be secrets.
impl fmt::Debug for Reach {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Reach::Stdio { command, env, .. } => {
                let env: Vec<&String> = env.keys().collect();
                f.debug_struct("Stdio").field("command", command).field("env", &env).finish()
            }
            Reach::Http { headers, .. } => {
                let headers: Vec<&String> = headers.keys().collect();
                f.debug_struct("Http").field("headers", &headers).finish()
            }
        }
    }
}

#[derive(Deserialize)]
struct File {
    #[serde(rename = "mcpServers")]
    servers: BTreeMap<String, Entry>,
}

/// An entry as people have it. What other programs keep there besides is let be.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    r#type: Option<String>,
    command: Option<String>,
    #[serde(default)]
    args: Vec<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
    cwd: Option<PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    /// Milliseconds.
    timeout: Option<u64>,
    #[serde(default)]
    disabled: bool,
    include_tools: Option<Vec<String>>,
    #[serde(default)]
    exclude_tools: Vec<String>,
}

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

const TIMEOUT: Duration = Duration::from_secs(600);

/// A call may be shorter than any start.
const START_MIN: Duration = Duration::from_secs(5);

impl McpConfig {
    /// Reads `mcp.json` or `.mcp.json` in a project's folder. Without them there are no
    /// servers. Errors: as [`parse`](McpConfig::parse), with the file's name; both.
    pub fn find(project: &Path) -> Result<McpConfig, BadConfig> {
        let mut found: Option<(&str, String)> = None;
        for name in ["mcp.json", ".mcp.json"] {
            match read_text(&project.join(name), FILE_BYTES_MAX) {
                Ok(_) if found.is_some() => {
                    let words = "there are `mcp.json` and `.mcp.json`; keep one of them";
                    return Err(BadConfig(words.to_owned()));
                }
                Ok(text) => found = Some((name, text)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(BadConfig(format!("{name}: {error}"))),
            }
        }
        let Some((name, text)) = found else { return Ok(McpConfig::default()) };
        McpConfig::parse(&text).map_err(|BadConfig(why)| BadConfig(format!("{name}: {why}")))
    }

    /// Reads `{"mcpServers": {…}}`. Servers that are `disabled` are left out.
    ///
    /// Errors: no JSON of this form; a server without `command` or `url`, with both, or
    /// of another `type`; names that cannot be told apart.
    pub fn parse(json: &str) -> Result<McpConfig, BadConfig> {
        // serde's words may hold the value that did not fit, which may be a secret.
        let file: File = serde_json::from_str(json).map_err(|error| {
            BadConfig(format!(
                "line {}: the MCP servers cannot be read: expected {{\"mcpServers\": {{\"NAME\": \
                 {{\"command\": …, \"args\": […], \"env\": {{…}}}} or {{\"type\": \"http\", \
                 \"url\": …, \"headers\": {{…}}}}}}}}",
                error.line()
            ))
        })?;
        let mut config = McpConfig::default();
        for (name, entry) in file.servers {
            if entry.disabled {
                continue;
            }
            let server = entry.read().map_err(|why| bad_server(&name, &why))?;
            let shown = plain_name(&name).map_err(|why| bad_server(&name, &why))?;
            if config.servers.insert(shown.clone(), server).is_some() {
                return Err(bad_server(&name, &format!("another one is called `{shown}` too")));
            }
        }
        Ok(config)
    }
}

fn bad_server(name: &str, why: &str) -> BadConfig {
    BadConfig(format!("MCP server `{name}`: {why}"))
}

/// The name as it can be a part of a tool's.
fn plain_name(name: &str) -> Result<String, String> {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    let name: String = name.trim().chars().map(plain).collect();
    match name.as_str() {
        "" => Err("it needs a name".to_owned()),
        name if name.contains("__") => {
            Err("`__` parts a server's name from its tools'; give it another name".to_owned())
        }
        name if name.len() > 32 => Err("its name is longer than 32 characters".to_owned()),
        _ => Ok(name),
    }
}

impl Entry {
    fn read(self) -> Result<ServerConfig, String> {
        let patterns = |names: Vec<String>| {
            names.iter().map(|name| Pattern::new(name)).collect::<Result<Vec<_>, _>>()
        };
        let include = self.include_tools.map(patterns).transpose()?;
        let exclude = patterns(self.exclude_tools)?;
        let timeout = self.timeout.map(Duration::from_millis);
        let start = timeout.map(|limit| limit.max(START_MIN));
        let timeout = timeout.unwrap_or(TIMEOUT);
        let reach = match (self.r#type.as_deref(), self.command, self.url) {
            (_, Some(_), Some(_)) => {
                return Err("it has `command` and `url`; expected one of them".to_owned());
            }
            (None | Some("stdio"), Some(command), None) => {
                Reach::Stdio { command, args: self.args, env: self.env, cwd: self.cwd }
            }
            (
                None | Some("http" | "streamable-http" | "streamableHttp" | "streamable_http"),
                None,
                Some(url),
            ) => Reach::Http { url, headers: self.headers },
            (Some("sse"), ..) => {
                return Err("the old transport `sse` is not supported; most servers also speak \
                            streamable HTTP: try `\"type\": \"http\"` with its address"
                    .to_owned());
            }
            (Some("stdio"), None, _) => return Err("`stdio` needs a `command`".to_owned()),
            (None, None, None) => return Err("expected `command` or `url`".to_owned()),
            (Some("http" | "streamable-http" | "streamableHttp" | "streamable_http"), ..) => {
                return Err("`http` needs a `url`, and no `command`".to_owned());
            }
            (Some(_), ..) => return Err("its type is not known: expected stdio or http".to_owned()),
        };
        Ok(ServerConfig { reach, include, exclude, timeout, start })
    }
}

impl ServerConfig {
    /// Whether a tool of this name (the server's own) is given to agents.
    pub fn gives(&self, tool: &str) -> bool {
        let any = |patterns: &[Pattern]| patterns.iter().any(|pattern| pattern.is_met_by(tool));
        self.include.as_deref().is_none_or(any) && !any(&self.exclude)
    }
}
