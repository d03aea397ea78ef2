//! A directory to work in, commands run in it, a node that can be killed.

use crate::spawner::end_staying;
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// The binary under test, which cargo builds beside the tests.
fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().expect("a path");
    let target = test.ancestors().nth(2).expect("target/debug/deps/cli");
    let binary = target.join("examples").join(name);
    assert!(binary.exists(), "{} is missing: cargo build --example {name}", binary.display());
    binary
}

/// What a command did.
pub struct Ran {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        Ran {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).expect("UTF-8"),
            err: String::from_utf8(output.stderr).expect("UTF-8"),
        }
    }

    /// It went well.
    pub fn ok(self) -> Ran {
        assert_eq!(self.code, 0, "out: {}\nerr: {}", self.out, self.err);
        self
    }

    /// It ended with this code, and said these words on standard error.
    pub fn fails(self, code: i32, words: &[&str]) -> Ran {
        assert_eq!(self.code, code, "out: {}\nerr: {}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "`{word}` is not in: {}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
        self
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).expect("JSON")
    }
}

/// A directory with a node in it, or none.
pub struct House {
    pub dir: TempDir,
    /// The user's folder of state.
    state: TempDir,
    node: Option<Child>,
    program: PathBuf,
    /// The address of its model.
    model: Option<String>,
}

impl Drop for House {
    fn drop(&mut self) {
        self.kill();
        end_staying(&self.in_boxes("spawner"));
    }
}

impl House {
    /// No node yet.
    pub fn new() -> House {
        House::of("probe", None)
    }

    fn of(program: &str, model: Option<String>) -> House {
        let [dir, state] = [(); 2].map(|()| TempDir::new().expect("a directory"));
        House { dir, state, node: None, program: example(program), model }
    }

    /// With agents (`examples/talker.rs`) whose model is at this address.
    pub fn with_agents(url: &str) -> House {
        House::of("talker", Some(url.to_owned()))
    }

    /// With a node.
    pub fn up() -> House {
        let mut house = House::new();
        house.start_node();
        house
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Something in the folder in which boxes stand: its name is this user's secret.
    pub fn in_boxes(&self, name: &str) -> PathBuf {
        let is_own = |dir: &Path| dir.file_name().is_some_and(|name| name.len() == 32);
        let all = std::fs::read_dir(self.path(".greenroom/boxes")).into_iter().flatten().flatten();
        let own = all.map(|entry| entry.path()).find(|dir| is_own(dir));
        own.unwrap_or_default().join(name)
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).current_dir(self.dir.path()).env_remove("GREENROOM_STORE");
        // No test asks a real model.
        for key in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY"] {
            command.env_remove(key);
        }
        command.env("GREENROOM_SECRETS", self.path("secrets"));
        command.env("XDG_STATE_HOME", self.state.path());
        command.envs(self.model.as_ref().map(|url| ("TALKER_URL", url)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args).output().expect("it runs"))
    }

    /// With this on standard input.
    pub fn run_with(&self, args: &[&str], input: &[u8]) -> Ran {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().expect("it runs");
        let mut stdin = child.stdin.take().expect("a pipe");
        // A command that has read enough closes the pipe.
        let _ = stdin.write_all(input);
        drop(stdin);
        Ran::of(child.wait_with_output().expect("it ends"))
    }

    pub fn start_node(&mut self) {
        self.start_node_saying(Stdio::inherit());
    }

    /// With what it says on standard error going there.
    pub fn start_node_saying(&mut self, stderr: impl Into<Stdio>) {
        let child = self.command(&["up"]).stdout(Stdio::null()).stderr(stderr).spawn();
        self.node = Some(child.expect("it runs"));
        until("the node answers", || self.run(&["kinds"]).err.contains("the node's"));
    }

    /// Keeps a node that was started otherwise, once it answers.
    pub fn keep_node(&mut self, node: Child) {
        self.node = Some(node);
        until("the node answers", || self.run(&["kinds"]).err.contains("the node's"));
    }

    /// The node's process.
    pub fn node_pid(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(self.node.as_ref().expect("a node"))
    }

    /// The binary under test.
    pub fn probe() -> PathBuf {
        example("probe")
    }

    /// As `kill -9` does.
    pub fn kill(&mut self) {
        if let Some(mut node) = self.node.take() {
            let _ = node.kill();
            let _ = node.wait();
        }
    }

    /// As `kill` does; the node's exit code.
    pub fn stop_node(&mut self) -> Option<i32> {
        let mut node = self.node.take()?;
        let id = rustix::process::Pid::from_child(&node);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).expect("it is there");
        node.wait().expect("it ends").code()
    }

    /// Waits until the process has this status.
    pub fn await_status(&self, id: &str, status: &str) {
        until(&format!("{id} is {status}"), || {
            let listed = self.run(&["ps", "--all", "--json"]);
            listed.code == 0
                && listed.json().as_array().is_some_and(|all| {
                    all.iter().any(|process| process["id"] == id && process["status"] == status)
                })
        });
    }
}

/// Waits until it is so.
#[expect(clippy::disallowed_methods, reason = "a test waits for another program")]
pub fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..600 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("not within 15 seconds: {what}");
}

/// How many lines a file has.
pub fn lines(path: &Path) -> usize {
    std::fs::read_to_string(path).unwrap_or_default().lines().count()
}

/// A terminal: the end of who sits at it, and that of the program.
pub fn terminal() -> (OwnedFd, File) {
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    let keys = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&keys).expect("a terminal");
    unlockpt(&keys).expect("a terminal");
    let name = ptsname(&keys, Vec::new()).expect("a name").into_string().expect("a name");
    (keys, File::options().read(true).write(true).open(name).expect("a terminal"))
}

/// Reads what is shown on a terminal until these words, and returns it.
pub fn sees(keys: &mut File, words: &str) -> String {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let patience = Timespec { tv_sec: 60, tv_nsec: 0 };
    let (mut seen, mut bytes) = (String::new(), [0; 4096]);
    while !seen.contains(words) {
        let ready = poll(&mut [PollFd::new(keys, PollFlags::IN)], Some(&patience));
        assert_eq!(ready, Ok(1), "no `{words}` in:\n{seen}");
        let count = keys.read(&mut bytes).expect("it is shown");
        seen.push_str(&String::from_utf8_lossy(&bytes[..count]));
    }
    seen
}
