//! `Bash`: a command of the shell, with its time limit and its end.

use super::folder::{COMMAND_FAILED, Folder};
use crate::root::Root;
use crate::tool::Tool;
use crate::tool::group::Group;
use crate::tool::outside::within;
use futures_util::FutureExt;
use futures_util::future::{FusedFuture, join};
use greenroom_model::Failure;
use greenroom_runtime::Step;
use schemars::JsonSchema;
use serde::Deserialize;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::sync::Mutex;

/// How long a command may take if it does not say, and at most.
const LIMIT: Duration = Duration::from_secs(120);
const LIMIT_MAX: Duration = Duration::from_secs(600);

/// So much of each end of the output is kept, in bytes.
const OUTPUT_END: usize = 16 << 10;

/// What a command finds in its environment beside what the workspace names.
const INHERITED: &[&str] = &["HOME", "LANG", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER"];

/// Its name.
pub const BASH: &str = "Bash";

#[derive(Deserialize, JsonSchema)]
pub struct Wanted {
    /// What the shell runs, in the workspace's folder. It has no input.
    pub command: String,
    /// How long it may take, in milliseconds; 120000 if it is not said, at most 600000.
    timeout: Option<u64>,
    /// What it is for, in a few words, for the person who looks on.
    #[serde(default, rename = "description")]
    _description: Option<String>,
}

impl Wanted {
    /// How long one attempt of the tool may take.
    pub const TIMEOUT: Duration = Duration::from_secs(LIMIT_MAX.as_secs() + 30);

    /// How long the command may take.
    pub fn limit(&self) -> Duration {
        self.timeout.map_or(LIMIT, Duration::from_millis).min(LIMIT_MAX)
    }
}

/// At most once: what a command did is not known to anybody but itself.
pub fn tool(folder: &Folder) -> Tool {
    let words = "Runs a command of the shell in the workspace and returns what it prints. What it \
                 leaves running is ended with it, unless that has begun a session of its own \
                 (`setsid`).";
    let folder = Arc::new(folder.clone());
    let tool = Tool::function(BASH, words, move |_: Step, wanted: Wanted| {
        let folder = folder.clone();
        async move {
            let gone = |why| Failure::fatal(COMMAND_FAILED, why);
            run(&folder.root().map_err(gone)?, &folder.env, &wanted).await
        }
    });
    tool.at_most_once().timeout(Wanted::TIMEOUT)
}

async fn run(root: &Root, env: &[String], wanted: &Wanted) -> Result<String, Failure> {
    let limit = wanted.limit();
    let shell = if Path::new("/bin/bash").exists() { "/bin/bash" } else { "/bin/sh" };
    let mut command = Command::new(shell);
    command.args(["-c", &wanted.command]).current_dir(root.path()).env_clear();
    for name in INHERITED.iter().copied().chain(env.iter().map(String::as_str)) {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let failed = |words: String| Failure::fatal(COMMAND_FAILED, words);
    let spawned = Group::spawn(&mut command);
    let (group, mut child) =
        spawned.map_err(|error| failed(format!("the shell cannot be started: {error}")))?;
    let output = Arc::new(Mutex::new(Output::default()));
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let reading = join(copy(stdout, &output), copy(stderr, &output));
    let mut reading = Box::pin(reading).fuse();
    let ended = within(limit, async {
        tokio::select! {
            status = child.wait() => status,
            _ = &mut reading => child.wait().await,
        }
    })
    .await;
    // What it has left running holds its output open.
    group.kill();
    if !reading.is_terminated() {
        let _ = within(Duration::from_secs(1), reading).await;
    }
    let output = output.lock().await.text();
    match ended {
        Some(Ok(status)) => Ok(told(status, output)),
        Some(Err(error)) => Err(failed(format!("the command was lost: {error}"))),
        None => Err(failed(format!(
            "the command was ended after {limit:?}, its time limit; until then it printed:\n{output}"
        ))),
    }
}

fn told(status: ExitStatus, output: String) -> String {
    match (status.success(), output.is_empty()) {
        (true, true) => "(it printed nothing)".to_owned(),
        (true, false) => output,
        (false, _) => format!("{output}\n({status})"),
    }
}

/// The two ends of what is printed, on both outputs, as it comes.
#[derive(Default)]
pub struct Output {
    head: Vec<u8>,
    tail: Vec<u8>,
    left_out: usize,
}

impl Output {
    /// Adds what was printed.
    pub fn push(&mut self, more: &[u8]) {
        let room = OUTPUT_END.saturating_sub(self.head.len()).min(more.len());
        self.head.extend_from_slice(&more[..room]);
        self.tail.extend_from_slice(&more[room..]);
        let over = self.tail.len().saturating_sub(OUTPUT_END);
        self.tail.drain(..over);
        self.left_out += over;
    }

    /// It, as text.
    pub fn text(&self) -> String {
        if self.left_out == 0 {
            let all = [self.head.as_slice(), self.tail.as_slice()].concat();
            return String::from_utf8_lossy(&all).trim_end().to_owned();
        }
        let (head, tail) =
            (String::from_utf8_lossy(&self.head), String::from_utf8_lossy(&self.tail));
        format!("{head}\n(… {} bytes left out …)\n{}", self.left_out, tail.trim_end())
    }
}

async fn copy(from: Option<impl AsyncRead + Unpin>, output: &Mutex<Output>) {
    let Some(mut from) = from else { return };
    let mut some = vec![0; 8192];
    while let Ok(count @ 1..) = from.read(&mut some).await {
        output.lock().await.push(&some[..count]);
    }
}
