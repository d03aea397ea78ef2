//! A model's server as a program of its own, so that what it takes is not counted with
//! the node: it answers after a while, within a rate if one is given.

use super::plan::Args;
use anyhow::Context;
use greenroom_agent::models::One;
use greenroom_agent::provider::{Chat, Endpoint, Key};
use greenroom_agent::scripted::{Outcome, Script, ScriptedServer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::Arc;

/// The words of every answer.
fn words(tokens: u64) -> String {
    "token ".repeat(usize::try_from(tokens).unwrap_or(1).max(1))
}

/// Serves until the standard input ends; says where it is first, and last what it saw.
pub(super) fn serve(args: &Args) -> anyhow::Result<()> {
    let call = json!([{"name": "look", "arguments": {}}]);
    let mut script = json!({
        "delay_ms": args.latency.unwrap_or(0),
        "turns": [
            {"when": {"system": "Look"}, "tool_calls": call},
            {"when": {}, "say": words(args.tokens.unwrap_or(1))},
        ],
    });
    if let Some(rate) = args.rate {
        script["rate"] = json!({ "per_second": f64::from(rate) });
    }
    let server = ScriptedServer::start(Script::parse(&script.to_string())?)?;
    println!("{}", server.chat_url());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    let requests = server.requests();
    let limited = requests.iter().filter(|one| one.outcome == Outcome::Limited).count();
    let served: Vec<&str> = requests
        .iter()
        .filter(|one| one.outcome == Outcome::Served)
        .map(|one| one.model.as_str())
        .collect();
    // While all tenants have work to do.
    let mut first_quarter = BTreeMap::new();
    for model in &served[..served.len() / 4] {
        *first_quarter.entry(*model).or_insert(0) += 1;
    }
    println!(
        "{}",
        json!({
            "requests": server.count(),
            "limited": limited,
            "open_peak": server.open_peak(),
            "first_quarter": first_quarter,
        })
    );
    Ok(())
}

/// The server, running.
pub(super) struct ModelServer {
    child: Child,
    keep: Option<ChildStdin>,
    lines: BufReader<std::process::ChildStdout>,
    url: String,
}

impl ModelServer {
    pub fn start(args: &Args) -> anyhow::Result<ModelServer> {
        let program = std::env::current_exe().context("this program's own path is not known")?;
        let mut command = Command::new(program);
        command.args(["bench", "model-server"]);
        let given = [
            ("--latency", args.latency),
            ("--rate", args.rate.map(u64::from)),
            ("--tokens", args.tokens),
        ];
        for (name, value) in given {
            if let Some(value) = value {
                command.args([name, &value.to_string()]);
            }
        }
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let out = child.stdout.take().context("the server has no output")?;
        let mut lines = BufReader::new(out);
        let mut url = String::new();
        lines.read_line(&mut url)?;
        let (keep, url) = (child.stdin.take(), url.trim().to_owned());
        anyhow::ensure!(url.starts_with("http"), "the model's server did not start: {url:?}");
        Ok(ModelServer { child, keep, lines, url })
    }

    /// A client of it.
    pub fn provider(&self) -> Arc<Chat> {
        Arc::new(Chat::new(Endpoint::new("script", self.url.clone(), Key::None)))
    }

    /// A model of it.
    pub fn model(&self, model: &str) -> One {
        One::new(&format!("script/{model}"), model, self.provider())
    }

    /// Ends it, and gives what it has seen.
    pub fn stop(mut self) -> anyhow::Result<Value> {
        drop(self.keep.take());
        let mut seen = String::new();
        self.lines.read_line(&mut seen)?;
        self.child.wait()?;
        Ok(serde_json::from_str(&seen)?)
    }
}

impl Drop for ModelServer {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
