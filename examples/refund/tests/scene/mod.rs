//! One directory with a payment service and a node, as real processes. All of
//! them end with it.

use serde_json::Value;
use std::ffi::OsString;
use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

const PROGRAM: &str = env!("CARGO_BIN_EXE_refund");
const LOOKS_MAX: u32 = 1_500;

/// One directory with a payment service and a node.
pub struct Scene {
    dir: TempDir,
    variables: Vec<(&'static str, OsString)>,
    node: Option<Child>,
    payments: Option<Child>,
}

/// What a command said.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Said {
    /// Its output as JSON.
    pub fn json(&self) -> Value {
        let read = serde_json::from_str(&self.out);
        read.unwrap_or_else(|error| panic!("{error}: {} {}", self.out, self.err))
    }
}

impl Scene {
    /// An empty directory.
    pub fn empty() -> Scene {
        let dir = tempfile::tempdir().expect("a directory");
        Scene { dir, variables: Vec::new(), node: None, payments: None }
    }

    /// A payment service and a node.
    pub fn new() -> Scene {
        Scene::with(&[])
    }

    /// The same, with variables in the node's environment.
    pub fn with(variables: &[(&'static str, &str)]) -> Scene {
        let mut scene = Scene::empty();
        let own = variables.iter().map(|(name, value)| (*name, OsString::from(value)));
        scene.variables = own.collect();
        scene.start_payments();
        scene.up();
        scene
    }

    /// Sets a variable for the processes that start from now on.
    pub fn set(&mut self, name: &'static str, value: &str) {
        self.variables.push((name, value.into()));
    }

    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(PROGRAM);
        // Nothing of the developer's own surroundings.
        for name in ["GREENROOM_STORE", "REFUND_PAYMENTS", "REFUND_ORDERS", "REFUND_DEADLINE_MS"] {
            command.env_remove(name);
        }
        command.env("GREENROOM_DIR", self.path()).current_dir(self.path());
        command.envs(self.variables.iter().cloned()).args(words).stdin(Stdio::null());
        command
    }

    /// Starts a process that goes on. What it prints is in `NAME.out`.
    pub fn spawn(&self, name: &str, words: &[&str]) -> Child {
        let path = self.path().join(name).with_extension("out");
        let out = File::options().create(true).append(true).open(path).expect("a file");
        let mut command = self.command(words);
        command.stdout(out.try_clone().expect("a handle")).stderr(out);
        command.spawn().expect("it starts")
    }

    /// Runs a command to its end.
    pub fn say(&self, words: &[&str]) -> Said {
        let output = self.command(words).output().expect("it runs");
        Said {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Runs a command that must work.
    pub fn ask(&self, words: &[&str]) -> Value {
        let words = [words, &["--json"]].concat();
        let said = self.say(&words);
        assert_eq!(said.code, 0, "{words:?}: {} {}", said.out, said.err);
        if said.out.is_empty() { Value::Null } else { said.json() }
    }

    pub fn start_payments(&mut self) {
        let port = ["payments", "--port", "0"];
        // Where it was before, if it was before: like a service that is restarted.
        let words = if self.path().join("payments.addr").exists() { &port[..1] } else { &port[..] };
        self.payments = Some(self.spawn("payments", words));
        until("the payment service answers", || self.say(&["payments", "show"]).code == 0);
    }

    /// Waits until the payment service has died.
    pub fn payments_died(&mut self) {
        let mut child = self.payments.take().expect("it runs");
        until("the payment service dies", || child.try_wait().expect("a child").is_some());
    }

    pub fn up(&mut self) {
        self.node = Some(self.spawn("node", &["up"]));
        until("the node answers", || self.is_up());
    }

    /// Whether a node answers.
    pub fn is_up(&self) -> bool {
        UnixStream::connect(self.path().join("node.sock")).is_ok()
    }

    /// SIGKILL: the node gets to do nothing more.
    pub fn kill_node(&mut self) {
        end(self.node.take());
    }

    pub fn start(&self, order: &str) {
        self.ask(&["run", &format!("refund/{order}"), "--detach"]);
    }

    /// Waits until the order's refund asks for approval.
    pub fn asked(&self, order: &str) -> Value {
        let id = format!("refund/{order}");
        let mut asks = Value::Null;
        until("it asks", || {
            asks = self.ask(&["asks", &id]);
            !asks[0].is_null()
        });
        asks[0].take()
    }

    pub fn answer(&self, order: &str, verdict: &str) {
        self.ask(&["answer", &format!("refund/{order}"), verdict]);
    }

    /// The result, once there is one.
    pub fn result(&self, order: &str) -> Value {
        let ended = self.ask(&["result", &format!("refund/{order}"), "--wait"]);
        ended["exit"]["normal"].clone()
    }

    /// The events' names; those of steps and messages with the name they bear.
    pub fn history(&self, order: &str) -> Vec<String> {
        let history = self.ask(&["history", &format!("refund/{order}")]);
        let mut steps = std::collections::BTreeMap::new();
        let rows = history.as_array().expect("a list");
        rows.iter().map(|row| label(&row["event"], &mut steps)).collect()
    }

    /// How many refunds the payment service made, and how many it repeated.
    pub fn refunds(&self, order: &str) -> (u64, u64) {
        let counts = self.ask(&["payments", "show"]);
        let of = &counts["orders"][order];
        (of["accepted"].as_u64().unwrap_or(0), of["repeats"].as_u64().unwrap_or(0))
    }
}

fn label(event: &Value, steps: &mut std::collections::BTreeMap<u64, String>) -> String {
    let (name, fields) = event.as_object().and_then(|event| event.iter().next()).expect("an event");
    let op = fields["op"].as_u64().unwrap_or(u64::MAX);
    if name == "StepStarted" {
        steps.insert(op, fields["name"].as_str().expect("a name").to_owned());
    }
    let of_step = steps.get(&op).map(String::as_str).filter(|_| name.starts_with("Step"));
    let own = fields["topic"].as_str().or(fields["ask"]["name"].as_str()).or(of_step);
    own.map_or_else(|| name.clone(), |own| format!("{name} {own}"))
}

/// Waits for something to become true.
pub fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    for _ in 0..LOOKS_MAX {
        if is_true() {
            return;
        }
        pause(Duration::from_millis(20));
    }
    panic!("in vain: {what}");
}

#[expect(clippy::disallowed_methods, reason = "real processes take real time")]
pub fn pause(span: Duration) {
    std::thread::sleep(span);
}

/// Ends a process for good, and waits until it is gone.
pub fn end(child: Option<Child>) {
    if let Some(mut child) = child {
        let _ = child.kill();
        let _ = child.wait();
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        end(self.node.take());
        end(self.payments.take());
        // The one that a node started, if one did: nobody else may end it.
        if self.path().join("payments.addr").exists() {
            let _ = self.command(&["payments", "stop"]).output();
        }
    }
}
