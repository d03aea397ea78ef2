//! Which messages of a conversation a summary may take the place of, and what the
//! conversation is then. Pure.

use crate::conversation::{Message, Part, Role};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt::Write;

#[cfg(test)]
mod tests;

/// So many messages at the end stay as they are.
pub(super) const KEPT_LAST: usize = 6;

/// The place of a summary: it is none of the messages that were said.
const SUMMARY: u32 = 0;

/// A result so short is left as it is.
const SHORT: usize = 200;

/// What has made a conversation shorter, as it is kept in the agent's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Compaction {
    /// The first message it has left out.
    pub from: u32,
    /// The last one.
    pub to: u32,
    /// What stands in their place, and in that of all before them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Those between them that have stayed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<u32>,
    /// Why there is no summary: then the results of tools in them were left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
    /// It was taken back.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub undone: bool,
}

/// A conversation: its messages, and which of those that were said each is.
pub(super) struct Said<'a> {
    pub messages: &'a mut Vec<Message>,
    pub places: &'a mut Vec<u32>,
}

/// Which messages may be left out: not a person's first, not the last ones, not
/// those that are pinned, and none whose call or result stays.
pub(super) fn foldable(messages: &[Message], places: &[u32], pinned: &BTreeSet<u32>) -> Vec<bool> {
    let first = messages.iter().position(|message| message.role == Role::User);
    let end = messages.len().saturating_sub(KEPT_LAST);
    let may = |(at, place): (usize, &u32)| {
        at < end && Some(at) != first && *place != SUMMARY && !pinned.contains(place)
    };
    let mut fold: Vec<bool> = places.iter().enumerate().map(may).collect();
    // By their order, not by their ids: some servers count those anew each time.
    for result in 0..fold.len() {
        let Some(call) = call_of(messages, result) else { continue };
        let both = fold[call] && fold[result];
        (fold[call], fold[result]) = (both, both);
    }
    // A summary goes into the next one.
    let any = fold.contains(&true);
    for (fold, place) in fold.iter_mut().zip(places) {
        *fold = any && (*fold || *place == SUMMARY);
    }
    fold
}

/// The message that has asked for the results in this one.
fn call_of(messages: &[Message], result: usize) -> Option<usize> {
    let mut parts = messages[result].content.iter();
    parts.find(|part| matches!(part, Part::ToolResult(_)))?;
    messages[..result].iter().rposition(|message| message.role == Role::Assistant)
}

impl Said<'_> {
    /// Puts a summary in the place of these messages.
    pub fn fold(&mut self, fold: &[bool], summary: String) -> Option<Compaction> {
        let mut compaction = self.span(fold)?;
        let at = fold.iter().position(|fold| *fold)?;
        let mut folds = fold.iter();
        self.messages.retain(|_| !folds.next().is_some_and(|fold| *fold));
        let mut folds = fold.iter();
        self.places.retain(|_| !folds.next().is_some_and(|fold| *fold));
        self.messages.insert(at, told(&summary));
        self.places.insert(at, SUMMARY);
        compaction.summary = Some(summary);
        Some(compaction)
    }

    /// From where to where messages are left out, and which of them stay.
    fn span(&self, fold: &[bool]) -> Option<Compaction> {
        let all = || self.places.iter().zip(fold).filter(|(place, _)| **place != SUMMARY);
        let mut folded = all().filter(|(_, fold)| **fold).map(|(place, _)| *place);
        let from = folded.next()?;
        let to = folded.next_back().unwrap_or(from);
        let stays = |(place, fold): &(&u32, &bool)| !**fold && (from..=to).contains(*place);
        let kept = all().filter(stays).map(|(place, _)| *place).collect();
        Some(Compaction { from, to, summary: None, kept, failed: None, undone: false })
    }

    /// Leaves out what tools have returned in these messages, but for the short ones;
    /// a note stays. `None`: there was nothing to leave out.
    pub fn drop_results(&mut self, from: &[bool], why: &str) -> Option<Compaction> {
        let mut dropped = vec![false; from.len()];
        for (at, message) in self.messages.iter_mut().enumerate().filter(|(at, _)| from[*at]) {
            for part in &mut message.content {
                if let Part::ToolResult(result) = part
                    && result.content.len() > SHORT
                {
                    let bytes = result.content.len();
                    result.content = format!("[{bytes} bytes of this result are left out here]");
                    dropped[at] = true;
                }
            }
        }
        let compaction = self.span(&dropped)?;
        Some(Compaction { failed: Some(why.to_owned()), ..compaction })
    }

    /// Takes a compaction back: `said` are the messages it has left out, `before` the
    /// summary that stood there, and the first message that it left out.
    pub fn put_back(&mut self, said: Vec<(u32, Message)>, before: Option<(u32, String)>) {
        let taken_out: BTreeSet<u32> = said.iter().map(|(place, _)| *place).collect();
        let there = self.places.drain(..).zip(self.messages.drain(..));
        let mut all: Vec<(u32, Message)> = there
            .filter(|(place, _)| *place != SUMMARY && !taken_out.contains(place))
            .chain(said)
            .collect();
        all.sort_by_key(|(place, _)| *place);
        if let Some((from, summary)) = before {
            let at = all.iter().position(|(place, _)| *place >= from).unwrap_or(all.len());
            all.insert(at, (SUMMARY, told(&summary)));
        }
        (*self.places, *self.messages) = all.into_iter().unzip();
    }
}

impl Compaction {
    /// Whether it has left this message out.
    pub fn leaves_out(&self, place: u32) -> bool {
        (self.from..=self.to).contains(&place) && !self.kept.contains(&place)
    }
}

/// A summary as the model is told it.
fn told(summary: &str) -> Message {
    Message::user(format!(
        "[A summary of what was said and done here before, to save room. It is a record, not a \
         new task.]\n{summary}"
    ))
}

/// Messages as one text, of at most about so many letters: long parts are cut first.
pub(super) fn transcript(messages: &[&Message], letters_max: usize) -> String {
    let mut part_max = 8 << 10;
    loop {
        let text = written(messages, part_max);
        if text.len() <= letters_max || part_max <= SHORT {
            return text;
        }
        part_max /= 2;
    }
}

fn written(messages: &[&Message], part_max: usize) -> String {
    let mut text = String::new();
    for message in messages {
        let who = if message.role == Role::User { "PERSON" } else { "AGENT" };
        for part in &message.content {
            let (head, words) = match part {
                Part::Text { text } => (who.to_owned(), text.clone()),
                Part::ToolCall(call) => {
                    (format!("AGENT CALLS {}", call.name), call.arguments.to_string())
                }
                Part::ToolResult(result) => {
                    (format!("RESULT OF {}", result.name), result.content.clone())
                }
            };
            let shown = &words[..words.floor_char_boundary(part_max)];
            let cut = if shown.len() < words.len() { " […]" } else { "" };
            let _ = writeln!(text, "{head}: {shown}{cut}");
        }
    }
    text
}
