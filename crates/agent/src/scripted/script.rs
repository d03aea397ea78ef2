//! The script: what is answered when. Knows no server.

use super::prompt::Prompt;
use crate::provider::Usage;
use regex::Regex;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;

/// What the server calls itself, whatever model it is asked for.
pub const MODEL: &str = "greenroom-script";

/// What a server answers.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// What it is, for people.
    #[serde(default)]
    pub note: String,
    /// The answers.
    pub turns: Vec<Turn>,
    /// Every answer comes so much later, in milliseconds.
    #[serde(default)]
    pub delay_ms: u64,
    /// How many requests are let in.
    #[serde(default)]
    pub rate: Option<Rate>,
}

/// How many requests are let in; the others get 429 with `Retry-After`.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rate {
    /// On average.
    pub per_second: f64,
    /// At once, after a pause; `None`: one second's.
    #[serde(default)]
    pub burst: Option<f64>,
}

/// One answer.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Turn {
    /// To what; `None`: to anything.
    pub when: Option<When>,
    /// How often it is served; `None`: without `when` once, with it always. An
    /// attempt under an idempotency key that was served before gets the same turn
    /// and does not count.
    pub times: Option<u64>,
    /// What is thought first.
    pub thinking: String,
    /// What is said.
    pub say: String,
    /// Which tools are asked for.
    pub tool_calls: Vec<ScriptedCall>,
    /// The tools are asked for once for each match of this regular expression in the
    /// person's last words and the tools' results after them; `$1` in an argument stands
    /// for what its first group holds.
    pub for_each: Option<String>,
    /// What it took; `None`: counted from the texts, four characters a token.
    pub usage: Option<Usage>,
    /// Why it stops, in the protocol's own word; `None`: what fits.
    pub finish: Option<String>,
    /// It comes so much later, in milliseconds.
    pub delay_ms: u64,
    /// The time from one token to the next, in milliseconds.
    pub token_delay_ms: u64,
    /// This status in place of an answer.
    pub status: Option<u16>,
    /// What is said with the status, or in the stream's `fault`.
    pub message: String,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<f64>,
    /// The connection breaks after so many tokens, or the `fault` happens.
    pub cut_after_tokens: Option<usize>,
    /// What happens in the stream in place of a break.
    pub fault: Option<Fault>,
    /// The same as `"fault": "malformed"`.
    pub malformed: bool,
}

/// A tool that is asked for.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptedCall {
    /// The tool's name.
    pub name: String,
    /// Its arguments; a string is sent as it is, so that it may be broken JSON.
    #[serde(default)]
    pub arguments: Value,
    /// The call's id; `None`: one that no other call of this server has.
    #[serde(default)]
    pub id: Option<String>,
}

impl ScriptedCall {
    /// With this for `$1`.
    fn filled(&self, first: &str) -> ScriptedCall {
        fn fill(value: &Value, first: &str) -> Value {
            match value {
                Value::String(text) => Value::String(text.replace("$1", first)),
                Value::Array(all) => all.iter().map(|one| fill(one, first)).collect(),
                Value::Object(all) => {
                    all.iter().map(|(key, one)| (key.clone(), fill(one, first))).collect()
                }
                other => other.clone(),
            }
        }
        ScriptedCall { arguments: fill(&self.arguments, first), ..self.clone() }
    }
}

/// What goes wrong in a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// The connection breaks.
    Cut,
    /// An event that is no JSON.
    Malformed,
    /// The server says in the stream that it has too much to do.
    Overloaded,
    /// Nothing comes any more; the connection stays open.
    Silent,
}

/// To what a turn is an answer. All that is given must fit; texts fit if they stand
/// in it, upper and lower case alike.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct When {
    /// The person's words, if nothing came after them.
    pub text: Option<String>,
    /// A tool's result that came since the model's last words.
    pub tool_result: Option<String>,
    /// The person's last words, whatever came after them.
    pub asked: Option<String>,
    /// What the model is told before anything else.
    pub system: Option<String>,
    /// The model that is asked for, whole.
    pub model: Option<String>,
    /// How many times the model has spoken so far.
    pub replies: Option<usize>,
}

impl When {
    fn fits(&self, prompt: &Prompt) -> bool {
        let has = |wanted: &Option<String>, text: &str| {
            wanted.as_ref().is_none_or(|w| text.to_lowercase().contains(&w.to_lowercase()))
        };
        let has_result = self.tool_result.is_none()
            || prompt.results.iter().any(|result| has(&self.tool_result, result));
        let has_text =
            self.text.is_none() || prompt.results.is_empty() && has(&self.text, &prompt.asked);
        has_result
            && has_text
            && has(&self.asked, &prompt.asked)
            && has(&self.system, &prompt.system)
            && self.model.as_ref().is_none_or(|model| *model == prompt.model)
            && self.replies.is_none_or(|replies| replies == prompt.replies)
    }
}

impl Turn {
    /// The calls it asks for, after this.
    pub(super) fn calls(&self, prompt: &Prompt) -> Vec<ScriptedCall> {
        let Some(Ok(wanted)) = self.for_each.as_deref().map(Regex::new) else {
            return self.tool_calls.clone();
        };
        let words = [prompt.asked.as_str(), &prompt.results.join("\n")].join("\n");
        let mut calls = Vec::new();
        for found in wanted.captures_iter(&words) {
            let first = found.get(1).map_or("", |group| group.as_str());
            calls.extend(self.tool_calls.iter().map(|call| call.filled(first)));
        }
        calls
    }

    /// How often it may be served.
    fn most(&self) -> u64 {
        let always = if self.when.is_some() { u64::MAX } else { 1 };
        self.times.unwrap_or(always)
    }

    /// What goes wrong in its stream.
    pub(super) fn stream_fault(&self) -> Option<Fault> {
        let cut = self.cut_after_tokens.map(|_| Fault::Cut);
        self.fault.or(self.malformed.then_some(Fault::Malformed)).or(cut)
    }

    /// Whether whoever asks gets no whole answer.
    pub(super) fn is_faulty(&self) -> bool {
        self.status.is_some() || self.stream_fault().is_some()
    }
}

impl Script {
    /// A script from JSON.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(text: &str) -> Result<Script, ScriptError> {
        let script: Script = serde_json::from_str(text)
            .map_err(|error| ScriptError(format!("the script is none: {error}")))?;
        script.checked()
    }

    fn checked(self) -> Result<Script, ScriptError> {
        let wrong = |what: String| Err(ScriptError(what));
        if self.turns.is_empty() {
            return wrong("the script has no turns: it would answer nothing".to_owned());
        }
        if let Some(rate) = self.rate {
            let is_positive = rate.per_second.is_finite() && rate.per_second > 0.0;
            if !is_positive || rate.burst.is_some_and(|burst| !burst.is_finite() || burst < 1.0) {
                return wrong(
                    "`rate` wants `per_second` above 0 and `burst` of 1 or more".to_owned(),
                );
            }
        }
        for (number, turn) in self.turns.iter().enumerate() {
            if turn.status.is_some_and(|status| !(400..600).contains(&status)) {
                return wrong(format!("turn {number}: `status` is for errors, 400 to 599"));
            }
            if turn.retry_after.is_some_and(|wait| !wait.is_finite() || wait < 0.0) {
                return wrong(format!("turn {number}: `retry_after` is in seconds, 0 or more"));
            }
            if let Some(Err(error)) = turn.for_each.as_deref().map(Regex::new) {
                return wrong(format!("turn {number}: `for_each`: {error}"));
            }
        }
        Ok(self)
    }

    /// The turn that answers this, if there is one: the first that fits and is not
    /// used up.
    pub(super) fn choose(&self, prompt: &Prompt, served: &[u64]) -> Option<usize> {
        let fits = |turn: &Turn| turn.when.as_ref().is_none_or(|when| when.fits(prompt));
        self.turns.iter().zip(served).position(|(turn, served)| *served < turn.most() && fits(turn))
    }
}

/// Why a script cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScriptError(String);

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ScriptError {}
