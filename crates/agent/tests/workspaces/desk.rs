//! A project in a folder of its own, its agents on a node, and git.

use greenroom_agent::project::Project;
use greenroom_agent::scripted::{Script, ScriptedServer};
use greenroom_runtime::journal::Memory;
use greenroom_runtime::model::{Exit, Payload, ProcessId};
use greenroom_runtime::{Node, NodeOptions, Registry, StartRequest};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

pub const LEAD: &str = "---\nname: lead\napprove: {merge_agent: never}\n---\nLead.";
pub const WRITER: &str =
    "---\nname: writer\nisolation: worktree\ntools: Read, Write, Bash\n---\nWrite.";

/// Merges whatever has finished.
pub const MERGES: &str = r#"
    {"when": {"system": "Lead", "text": "has finished"}, "for_each": "the agent (\\S+) has finished",
     "tool_calls": [{"name": "merge_agent", "arguments": {"id": "$1"}}]},
    {"when": {"system": "Lead"}, "say": "well"}"#;

pub struct Desk {
    pub dir: tempfile::TempDir,
    pub node: Node,
    pub server: ScriptedServer,
}

impl Desk {
    /// With these files under `agents/`, and a model that goes by these turns.
    pub fn new(agents: &[(&str, &str)], turns: &str) -> Desk {
        let dir = tempfile::tempdir().expect("a folder");
        let script = Script::parse(&format!("{{\"turns\": [{turns}]}}")).expect("a script");
        let server = ScriptedServer::start(script).expect("a server");
        std::fs::create_dir(dir.path().join("agents")).expect("made");
        for (name, text) in agents {
            std::fs::write(dir.path().join("agents").join(name), text).expect("written");
        }
        let config = format!(
            "[models]\ndefault = \"script/m\"\n[providers.script]\nprotocol = \"chat\"\nurl = \"{}\"\n",
            server.chat_url()
        );
        std::fs::write(dir.path().join("greenroom.toml"), config).expect("written");
        let project = Project::read(dir.path()).expect("a project");
        let registry = project.register(Registry::new()).expect("agents");
        let node = Node::start(Arc::new(Memory::new()), registry, NodeOptions::default());
        Desk { dir, node: node.expect("starts"), server }
    }

    /// The same in a repository with all of it committed.
    pub fn committed(agents: &[(&str, &str)], turns: &str) -> Desk {
        let desk = Desk::new(agents, turns);
        desk.git(&["init", "--quiet"]);
        desk.write("shared.txt", "one\n");
        desk.commit();
        desk
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).expect("written");
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap_or_else(|error| format!("{name}: {error}"))
    }

    pub fn commit(&self) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", "all"]);
    }

    pub fn git(&self, args: &[&str]) -> String {
        git(self.dir.path(), args)
    }

    /// Runs `lead/one` to its end.
    pub async fn lead(&self) -> String {
        self.start("lead", "one").await;
        self.end("lead/one").await
    }

    pub async fn start(&self, kind: &str, key: &str) {
        let request = StartRequest {
            budget: None,
            kind: kind.into(),
            key: Some(key.into()),
            input: Payload::of("begin").expect("json"),
            by: "test".into(),
        };
        self.node.start_process(request).await.expect("started");
    }

    pub async fn end(&self, id: &str) -> String {
        let id: ProcessId = id.parse().expect("an id");
        let exit = self.node.result(&id, Some(Duration::from_secs(60))).await.expect("read");
        match exit.expect("it ends") {
            Exit::Normal(value) => value.read().expect("words"),
            other => format!("{other}"),
        }
    }

    /// What tools have told the agents whose prompt begins so, in order.
    pub fn told(&self, prompt: &str) -> Vec<String> {
        let (mut all, mut seen): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
        for request in self.server.requests() {
            let messages = request.body["messages"].as_array().cloned().unwrap_or_default();
            let system = messages.first().and_then(|one| one["content"].as_str());
            if !system.unwrap_or_default().starts_with(prompt) {
                continue;
            }
            for message in messages.iter().filter(|one| one["role"] != "system") {
                let (id, text) = (message["tool_call_id"].to_string(), words(&message["content"]));
                if message["role"] != "assistant" && !seen.contains(&format!("{id}{text}")) {
                    seen.push(format!("{id}{text}"));
                    all.push(text);
                }
            }
        }
        all
    }

    /// The worktrees there are, beside the project's own.
    pub fn worktrees(&self) -> Vec<PathBuf> {
        let below = std::fs::read_dir(self.path(".greenroom/workspaces"));
        below.map_or(Vec::new(), |all| all.flatten().map(|one| one.path()).collect())
    }
}

fn words(content: &Value) -> String {
    content.as_str().map_or_else(|| content.to_string(), str::to_owned)
}

/// Git as a person has it.
pub fn git(dir: &Path, args: &[&str]) -> String {
    let mut command = Command::new("git");
    command.args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"]).args(args);
    let done = command.current_dir(dir).output().expect("git runs");
    assert!(done.status.success(), "{args:?}: {}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8_lossy(&done.stdout).trim().to_owned()
}
