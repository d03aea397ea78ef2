//! A conversation as it comes in: events and live values in, what happened out. A
//! part that was streamed is not told again when its whole is durable. Knows no
//! terminal.

#[cfg(test)]
mod tests;

use super::happening::Happening;
use super::trouble::{Step, Troubles};
use greenroom_agent::conversation::{Message, Part, Role, ToolCall};
use greenroom_agent::provider::Delta;
use greenroom_agent::scripted::MODEL;
use greenroom_agent::{Live, PROBLEM};
use greenroom_api::wire::Turn;
use greenroom_model::{Event, Failure, Op, Payload, Seq};
use std::collections::{BTreeSet, VecDeque};

/// How word of another agent begins.
const OF_AGENT: &str = "[the agent ";

/// So much of a result is told.
const PREVIEW_MAX: usize = 200;

/// A conversation so far.
#[derive(Default)]
pub struct Talk {
    /// Its last event.
    pub last: Seq,
    /// Whether it waits for a word.
    pub listening: bool,
    /// Why it does not go on.
    problem: Option<Failure>,
    streamed: String,
    /// The beginning of what is streamed was heard: who comes in the middle is told
    /// the whole when it is durable.
    heard_begin: bool,
    troubles: Troubles,
    /// Calls that were told, and those whose end was.
    started: BTreeSet<String>,
    done: BTreeSet<String>,
    /// What was sent from here and has not come back yet.
    sent: VecDeque<String>,
}

impl Talk {
    /// These words were sent from here: nobody has to be told of them.
    pub fn sent(&mut self, words: &str) {
        self.sent.push_back(words.to_owned());
        self.listening = false;
    }

    /// Whether all that was sent from here has been taken in, and answered.
    pub fn is_answered(&self) -> bool {
        self.listening && self.sent.is_empty()
    }

    /// Whether it could not answer what was said last.
    pub fn has_given_up(&self) -> bool {
        self.problem.is_some()
    }

    /// Whether nothing is done: if it does not listen, it waits for somebody.
    pub fn is_idle(&self) -> bool {
        self.troubles.is_idle()
    }

    /// The step that stands in a queue, if one does.
    pub fn queued(&self) -> Option<(Op, &Step)> {
        self.troubles.queued()
    }

    /// What holds it up, and has been told when it began.
    pub fn held(&self) -> Vec<Happening> {
        self.troubles.standing()
    }

    /// Whether it is in the middle of its words.
    pub fn is_speaking(&self) -> bool {
        !self.streamed.is_empty()
    }

    /// What a commit has brought.
    pub fn turn(&mut self, turn: &Turn) -> Vec<Happening> {
        let mut happened = Vec::new();
        for (seq, event) in turn.numbered() {
            self.last = seq;
            happened.extend(self.troubles.event(turn.at, event));
            let Event::StateSet { key, value } = event else { continue };
            if key.starts_with("thread/") {
                if let Ok(message) = value.read::<Message>() {
                    self.message(message, &mut happened);
                }
            } else if key == "model" {
                let name: String = value.read().unwrap_or_default();
                let recorded = name == MODEL;
                happened.push(Happening::Model { name, recorded });
            } else if key == PROBLEM {
                self.problem = value.read::<Option<Failure>>().ok().flatten();
                let cause = self.problem.as_ref().map(|failure| failure.message.clone());
                happened.extend(cause.map(|cause| Happening::GivenUp { cause }));
            } else if key == "status" {
                self.listening = value.read::<String>().is_ok_and(|word| word == "listening");
                if self.listening {
                    happened.push(Happening::Listening);
                }
            }
        }
        happened
    }

    fn message(&mut self, message: Message, happened: &mut Vec<Happening>) {
        let text = message.text();
        match message.role {
            Role::User if text.is_empty() => {}
            Role::User if self.is_own(&text) => drop(self.sent.pop_front()),
            Role::User if text.starts_with(OF_AGENT) => happened.push(Happening::Told { text }),
            Role::User => happened.push(Happening::Heard { text }),
            Role::Assistant => {
                let streamed = std::mem::take(&mut self.streamed) == text;
                if !text.is_empty() {
                    happened.push(Happening::Said { text, streamed });
                }
                if self.troubles.was_cut() {
                    happened.push(Happening::Cut);
                }
            }
        }
        for part in message.content {
            match part {
                Part::Text { .. } => {}
                Part::ToolCall(call) => {
                    let ToolCall { id, name, arguments } = call;
                    self.started.insert(id.clone());
                    happened.push(Happening::ToolStarted { id, name, arguments });
                }
                Part::ToolResult(result) => {
                    let preview = result.content.chars().take(PREVIEW_MAX).collect();
                    self.tool_done(result.id, result.failed, preview, happened);
                }
            }
        }
    }

    /// Whether this was sent from here: word of other agents may stand before it.
    fn is_own(&self, text: &str) -> bool {
        let before = self.sent.front().and_then(|words| text.strip_suffix(words.as_str()));
        before.is_some_and(|before| before.is_empty() || before.ends_with('\n'))
    }

    fn tool_done(
        &mut self,
        id: String,
        failed: bool,
        preview: String,
        happened: &mut Vec<Happening>,
    ) {
        if self.done.insert(id.clone()) {
            happened.push(Happening::ToolDone { id, failed, preview });
        }
    }

    /// What a live value tells.
    pub fn emitted(&mut self, value: &Payload) -> Vec<Happening> {
        let mut happened = Vec::new();
        match value.read::<Live>() {
            Ok(Live::Thinking { attempt, .. }) => {
                self.heard_begin = true;
                let told = !std::mem::take(&mut self.streamed).is_empty();
                if attempt > 1 && told {
                    happened.push(Happening::Again { attempt });
                }
            }
            Ok(Live::Reply { delta: Delta::Text { text } }) if self.heard_begin => {
                self.streamed.push_str(&text);
                happened.push(Happening::Delta { text });
            }
            // Before that its end says nothing; it comes once more with its result.
            Ok(Live::ToolDone { id, .. }) if !self.started.contains(&id) => {}
            Ok(Live::ToolDone { id, failed, preview }) => {
                self.tool_done(id, failed, preview, &mut happened);
            }
            // It comes with the message that asks for it, in its place.
            Ok(Live::ToolStarted { .. } | Live::Reply { .. }) | Err(_) => {}
        }
        happened
    }
}
