//! Talking to an agent: the real command, a real node, a model's server that goes
//! by a script.

pub mod keyboard;
mod node;
mod pipe;
mod questions;
mod trouble;

use crate::house::{House, terminal, until};
use greenroom::agent::scripted::{Script, ScriptedServer};
use serde_json::Value;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::process::Child;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

fn server(turns: &str) -> ScriptedServer {
    let script = Script::parse(&format!("{{\"turns\": [{turns}]}}")).expect("a script");
    ScriptedServer::start(script).expect("a server")
}

/// A refund that needs a person's yes.
const REFUND: &str = r#"
    {"when": {"text": "broken"}, "say": "I look.",
     "tool_calls": [{"name": "find_order", "arguments": {"order": 7}}]},
    {"when": {"tool_result": "came broken"}, "say": "I am sorry.",
     "tool_calls": [{"name": "refund", "arguments": {"order": 7, "amount": 120}}]},
    {"when": {"tool_result": "are paid back"}, "say": "You have your money back."},
    {"when": {"tool_result": "refused"}, "say": "I may not do that."},
    {"when": {"text": "thanks"}, "say": "You are welcome."}
"#;

/// A chat with somebody at the keyboard.
pub struct Talk {
    child: Child,
    keys: File,
    lines: Receiver<Value>,
    /// How long it waits for a line. A real model takes its time, where others work beside it.
    pub patience: Duration,
}

impl Talk {
    /// With what is typed coming by a pipe.
    pub fn begin(house: &House, args: &[&str]) -> Talk {
        let (stdin, keys) = std::io::pipe().expect("a pipe");
        Talk::with(house, args, stdin.into(), keys.into())
    }

    /// With what is typed coming from a terminal.
    pub fn at_keyboard(house: &House, args: &[&str]) -> Talk {
        let (keys, stdin) = terminal();
        Talk::with(house, args, stdin.into(), keys)
    }

    #[expect(clippy::disallowed_methods, reason = "a test reads a pipe beside itself")]
    fn with(house: &House, args: &[&str], stdin: OwnedFd, keys: OwnedFd) -> Talk {
        let mut all = vec!["chat", "--json"];
        all.extend(args);
        // No other child may have it: its end is heard when all have closed it.
        rustix::io::fcntl_setfd(&keys, rustix::io::FdFlags::CLOEXEC).expect("a pipe");
        rustix::io::fcntl_setfd(&stdin, rustix::io::FdFlags::CLOEXEC).expect("a pipe");
        let mut child = house.command(&all).stdin(stdin).spawn().expect("it runs");
        let (keys, out) = (File::from(keys), child.stdout.take().expect("a pipe"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                let line = serde_json::from_str(&line).expect("a line of JSON");
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Talk { child, keys, lines, patience: Duration::from_secs(60) }
    }

    pub fn types(&mut self, line: &str) {
        writeln!(self.keys, "{line}").expect("it reads");
    }

    /// Without an end of the line.
    pub fn begins_to_type(&mut self, words: &str) {
        self.keys.write_all(words.as_bytes()).expect("it reads");
    }

    /// The next line of this event.
    pub fn sees(&self, event: &str) -> Value {
        self.sees_one_of(&[event])
    }

    /// The next line of one of these events.
    pub fn sees_one_of(&self, events: &[&str]) -> Value {
        loop {
            let line = self.lines.recv_timeout(self.patience);
            let line = line.unwrap_or_else(|_| panic!("none of {events:?} came"));
            if events.iter().any(|event| line["event"] == *event) {
                return line;
            }
        }
    }

    pub fn leaves(mut self) {
        self.types("/quit");
        assert!(self.child.wait().expect("it ends").success());
    }
}

#[test]
fn words_stream_tools_are_told_and_an_approval_is_answered_inline() {
    let server = server(REFUND);
    let house = House::with_agents(&server.chat_url());
    let mut talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    talk.types("my lamp came broken");
    assert_eq!(talk.sees("delta")["text"], "I ");
    assert_eq!(talk.sees("said")["streamed"], true);
    assert_eq!(talk.sees("tool_started")["name"], "find_order");
    assert_eq!(talk.sees("tool_done")["failed"], false);
    let asked = talk.sees("asked");
    let question = asked["ask"]["question"].as_str().expect("words");
    assert!(question.contains("refund") && question.contains("120"), "{question}");
    talk.types("y");
    assert_eq!(talk.sees("tool_done")["preview"], "120 euros of order 7 are paid back");
    assert_eq!(talk.sees("said")["text"], "You have your money back.");
    talk.sees("listening");
    talk.leaves();
    assert_eq!(server.count(), 3);
}

#[test]
fn a_conversation_goes_on_after_kill_9_with_nothing_asked_twice() {
    let server = server(REFUND);
    let house = House::with_agents(&server.chat_url());
    let mut talk = Talk::begin(&house, &["support/one"]);
    talk.sees("listening");
    talk.types("my lamp came broken");
    talk.sees("asked");
    talk.child.kill().expect("it runs");
    talk.child.wait().expect("it ends");
    let mut talk = Talk::begin(&house, &["support", "--continue"]);
    assert_eq!(talk.sees("heard")["text"], "my lamp came broken");
    assert_eq!(talk.sees("said")["text"], "I look.");
    assert_eq!(talk.sees("said")["text"], "I am sorry.");
    talk.sees("asked");
    talk.types("no, too much");
    assert_eq!(talk.sees("said")["text"], "I may not do that.");
    talk.leaves();
    assert_eq!(server.count(), 3, "no call of the model is made twice");
}

#[test]
fn a_single_message_prints_the_answer_and_the_conversation_waits() {
    let server = server(REFUND);
    let mut house = House::with_agents(&server.chat_url());
    let ran = house.run(&["chat", "support/one", "-m", "thanks"]).ok();
    assert_eq!(ran.out, "You are welcome.\n");
    house.start_node();
    until("it listens", || house.run(&["state", "support/one"]).out.contains("listening"));
    // What was said before is not printed again, and not taken for the answer.
    let ran = house.run(&["chat", "support/one", "-m", "many thanks"]).ok();
    assert_eq!(ran.out, "You are welcome.\n");
    assert_eq!(server.count(), 2);
    let mut talk = Talk::begin(&house, &["support/one"]);
    assert_eq!(talk.sees("heard")["text"], "thanks");
    talk.types("/end");
    assert!(talk.child.wait().expect("it ends").success());
    house.run(&["chat", "support/one"]).fails(1, &["has ended", "begins a new conversation"]);
    house.run(&["chat", "suport"]).fails(3, &["suport", "did you mean `support`?"]);
    house.run(&["chat", "clerk", "--continue"]).fails(3, &["no conversation with clerk"]);
}
