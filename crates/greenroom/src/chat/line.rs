//! What a line means that a person types in a chat. Pure.

#[cfg(test)]
mod tests;

use greenroom_api::wire::Ask;
use greenroom_model::{AskId, ProcessId};
use serde_json::{Value, json};

/// What a line means.
#[derive(Clone, Debug, PartialEq)]
pub enum Line {
    /// Nothing.
    Nothing,
    /// Words for the agent.
    Say(String),
    /// An answer; to the question that stands there if it does not say to which.
    Answer {
        /// To which.
        to: Option<AskId>,
        /// The answer.
        value: Value,
    },
    /// What is in this file, for the agent.
    File(String),
    /// Nothing that can be done, and why.
    Wrong(String),
    /// Leave; the agent stays.
    Leave,
    /// The chat is over, for the agent too.
    End,
    /// How to use this.
    Help,
}

/// What can be typed.
pub const HELP: &str = "  /quit            leave; the conversation waits for you
  /end             end the conversation
  /answer WORDS    answer the question that stands there, also one of another agent;
  /answer ID WORDS the one of this id (`greenroom asks` lists them)
  @FILE            say what is in a file
  /help            this
  to an approval: y, n, `n because …`, or {…} with other arguments; to a question of
  the agent itself: the words. All else is said to the agent. A space before / or @
  makes words of it; what is pasted at once is one message";

/// The questions there are.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Whom one talks to.
    pub talked_to: &'a ProcessId,
    /// The one that stands there.
    pub shown: Option<&'a Ask>,
    /// All that are open.
    pub all: &'a [Ask],
}

/// Whether it is answered with words, and not by the agent one talks to: those want
/// to be answered expressly, for plain words go to the agent.
pub fn is_aside(ask: &Ask, talked_to: &ProcessId) -> bool {
    is_free(ask) && ask.process != *talked_to
}

fn is_free(ask: &Ask) -> bool {
    ask.choices.is_empty() && !is_approval(ask)
}

/// Whether it asks for a yes to a call.
pub fn is_approval(ask: &Ask) -> bool {
    ask.choices.is_empty() && ask.name.starts_with("approve ")
}

/// What a line means.
pub fn read(text: &str, asked: Asked<'_>) -> Line {
    let words = text.trim();
    if words.is_empty() {
        return Line::Nothing;
    }
    if text.starts_with('/') && !words.contains('\n') {
        let (command, rest) = words.split_once(char::is_whitespace).unwrap_or((words, ""));
        match command {
            "/quit" | "/exit" | "/q" => return Line::Leave,
            "/end" => return Line::End,
            "/help" | "/?" => return Line::Help,
            "/answer" => return expressly(rest.trim(), asked),
            // A path, most likely.
            other if other.chars().skip(1).any(|letter| letter == '/') => {}
            other => return Line::Wrong(format!("there is no {other} here; there is\n{HELP}")),
        }
    }
    match text.strip_prefix('@') {
        Some(path) if !words.contains(char::is_whitespace) => {
            return Line::File(path.trim().to_owned());
        }
        _ => {}
    }
    let Some(ask) = asked.shown.filter(|ask| !is_aside(ask, asked.talked_to)) else {
        return Line::Say(words.to_owned());
    };
    match answer(words, ask) {
        Ok(Some(value)) => Line::Answer { to: None, value },
        Ok(None) => Line::Say(words.to_owned()),
        Err(wrong) => Line::Wrong(wrong),
    }
}

/// `/answer [ID] WORDS`.
fn expressly(rest: &str, asked: Asked<'_>) -> Line {
    let (first, words) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    let named = asked.all.iter().find(|ask| ask.id == first);
    let to = named.map(|ask| AskId { process: ask.process.clone(), op: ask.op });
    if to.is_none() && first.parse::<AskId>().is_ok() {
        return Line::Wrong(format!("{first} is not open (any more); nothing was answered"));
    }
    let (ask, words) = match (named, asked.shown) {
        (Some(ask), _) => (ask, words.trim()),
        (None, Some(ask)) => (ask, rest),
        (None, None) => return Line::Wrong("no question is open".to_owned()),
    };
    if words.is_empty() {
        return Line::Wrong("the answer is missing: /answer WORDS".to_owned());
    }
    match answer(words, ask) {
        Ok(Some(value)) => Line::Answer { to, value },
        Ok(None) => Line::Wrong(format!("that is no answer to it: {}", answers(ask))),
        Err(wrong) => Line::Wrong(wrong),
    }
}

/// What may be answered.
pub fn answers(ask: &Ask) -> String {
    if is_approval(ask) { "y / n why / {…}".to_owned() } else { ask.choices.join("/") }
}

/// Whether nobody says this but to a question.
pub fn looks_like_answer(text: &str) -> bool {
    decision(text.trim()).is_ok_and(|decision| decision.is_some())
}

/// The answer that these words are, if they are one.
fn answer(words: &str, ask: &Ask) -> Result<Option<Value>, String> {
    if is_approval(ask) {
        return decision(words);
    }
    if ask.choices.is_empty() {
        return Ok(Some(json!(words)));
    }
    let is = |choice: &&String| choice.to_lowercase() == words.to_lowercase();
    let chosen = ask.choices.iter().find(is).or_else(|| {
        let meant: &[&str] = match words.to_lowercase().as_str() {
            "y" | "yes" => &["yes", "approve"],
            "n" | "no" => &["no", "reject"],
            _ => &[],
        };
        ask.choices.iter().find(|choice| meant.contains(&choice.as_str()))
    });
    Ok(chosen.map(|choice| json!(choice)))
}

fn decision(line: &str) -> Result<Option<Value>, String> {
    if line.starts_with('{') {
        let value: Value = serde_json::from_str(line)
            .map_err(|error| format!("this is no JSON, and nothing was answered: {error}"))?;
        // `{"reject": …}` and `{"edit": …}` may be typed in full as well.
        let is_full = value.get("reject").is_some() || value.get("edit").is_some();
        return Ok(Some(if is_full { value } else { json!({ "edit": value }) }));
    }
    let (first, rest) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    Ok(match first.to_lowercase().trim_end_matches([',', ':']) {
        "y" | "yes" | "approve" if rest.trim().is_empty() => Some(json!("approve")),
        "n" | "no" | "reject" => Some(json!({ "reject": rest.trim() })),
        // No yes by mistake.
        _ => None,
    })
}
