//! A conversation as it comes in: events and live values in, what happened out. A
//! part that was streamed is not told again when its whole is durable. Knows no
//! terminal.

#[cfg(test)]
mod tests;

use super::happening::Happening;
use super::trouble::{Step, Troubles};
use greenroom_agent::conversation::{Part, Role, Shown, ToolCall, ToolResult};
use greenroom_agent::provider::Delta;
use greenroom_agent::scripted::MODEL;
use greenroom_agent::{Live, PROBLEM};
use greenroom_api::wire::Turn;
use greenroom_model::{Event, Failure, Op, Payload, Seq};
use std::collections::{BTreeMap, VecDeque};

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
    /// The calls of the model's last reply, by id. There are servers that give every
    /// call the same one.
    calls: BTreeMap<String, Calls>,
    /// What was sent from here and has not come back yet.
    sent: VecDeque<String>,
}

/// The calls of one reply under one id.
#[derive(Default)]
struct Calls {
    count: u32,
    name: String,
    /// Their end was told.
    done: bool,
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
                if let Ok(shown) = value.read::<Shown>() {
                    self.message(shown, &mut happened);
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

    fn message(&mut self, shown: Shown, happened: &mut Vec<Happening>) {
        let text = shown.message.text();
        match shown.message.role {
            Role::User => self.heard(&text, &shown, happened),
            Role::Assistant => {
                let streamed = std::mem::take(&mut self.streamed) == text;
                if !text.is_empty() {
                    happened.push(Happening::Said { text, streamed });
                }
                if self.troubles.was_cut() {
                    happened.push(Happening::Cut);
                }
                // Those of the reply before have come to an end.
                self.calls.clear();
            }
        }
        for part in shown.message.content {
            match part {
                Part::Text { .. } => {}
                Part::ToolCall(ToolCall { id, name, arguments }) => {
                    let calls = self.calls.entry(id.clone()).or_default();
                    (calls.count, calls.name) = (calls.count + 1, name.clone());
                    happened.push(Happening::ToolStarted { id, name, arguments });
                }
                Part::ToolResult(ToolResult { id, name, content, failed }) => {
                    let calls = self.calls.entry(id.clone()).or_default();
                    // Of several under one id none was told live.
                    if !std::mem::replace(&mut calls.done, true) || calls.count > 1 {
                        let preview = content.chars().take(PREVIEW_MAX).collect();
                        happened.push(Happening::ToolDone { id, name, failed, preview });
                    }
                }
            }
        }
    }

    /// Words that the agent was told: of others first, then a person's.
    fn heard(&mut self, text: &str, shown: &Shown, happened: &mut Vec<Happening>) {
        let (told, own) = text.split_at_checked(shown.told).unwrap_or((text, ""));
        let notes = told.len().saturating_sub(shown.asked);
        let (notes, question) = told.split_at_checked(notes).unwrap_or((told, ""));
        for (words, asked) in [(notes, false), (question, true)] {
            let text = words.trim_end_matches('\n').to_owned();
            if !text.is_empty() {
                happened.push(Happening::Told { text, asked });
            }
        }
        // Results of tools come without words.
        let has_words = shown.message.content.iter().any(|part| matches!(part, Part::Text { .. }));
        let is_own = self.sent.front().is_some_and(|sent| sent == own);
        if has_words && is_own && (shown.told == 0 || !own.is_empty()) {
            self.sent.pop_front();
        } else if !own.is_empty() {
            happened.push(Happening::Heard { text: own.to_owned() });
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
            Ok(Live::Waiting { r#for: what }) => happened.push(Happening::Starting { what }),
            Ok(Live::ToolDone { id, failed, preview }) => {
                // Of a call that was not told yet, or of one of several, its end says
                // nothing; it comes once more with its result.
                let calls = self.calls.get_mut(&id);
                if let Some(calls) = calls.filter(|calls| calls.count == 1 && !calls.done) {
                    calls.done = true;
                    let name = calls.name.clone();
                    happened.push(Happening::ToolDone { id, name, failed, preview });
                }
            }
            // It comes with the message that asks for it, in its place.
            Ok(Live::ToolStarted { .. } | Live::Reply { .. }) | Err(_) => {}
        }
        happened
    }
}
