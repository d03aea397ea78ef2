//! An agent's definition as a Markdown file: the format of sub-agents in wide use,
//! with a few fields of our own. Knows no file system.

mod approve;
mod place;
#[cfg(test)]
mod tests;
mod wrong;

use self::approve::Approve;
use super::{Allowance, BoxUse, Breach, Definition, Grant, Isolation, Limits, ToolPolicy};
use crate::front_matter::{self, FrontMatterError};
use crate::tool::{Approval, Pattern, Unsound, sound};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A definition as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// The definition.
    pub definition: Definition,
    /// Fields of its head that say nothing here.
    pub ignored: Vec<String>,
}

/// The head of the file. What is not ours is let pass.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Head {
    name: Option<String>,
    #[serde(default)]
    description: String,
    model: Option<String>,
    #[serde(default, deserialize_with = "front_matter::names_if_there")]
    tools: Option<Vec<String>>,
    #[serde(default, alias = "disallowed_tools", deserialize_with = "front_matter::names")]
    disallowed_tools: Vec<String>,
    #[serde(default, deserialize_with = "front_matter::names_if_any")]
    skills: Option<Vec<String>>,
    #[serde(default)]
    approve: Approve,
    #[serde(default, alias = "tool_policy")]
    tool_policy: BTreeMap<String, ToolPolicy>,
    isolation: Option<String>,
    #[serde(rename = "box")]
    boxed: Option<BoxUse>,
    #[serde(default)]
    limits: Limits,
    #[serde(alias = "max_turns")]
    max_turns: Option<u32>,
    output: Option<Value>,
    #[serde(alias = "max_tokens")]
    max_tokens: Option<u32>,
    temperature: Option<f64>,
    tenant: Option<String>,
    #[serde(flatten)]
    other: BTreeMap<String, Value>,
}

/// Reads the text of a definition. `stem` is its file's name without the ending: the
/// agent's name, if the head gives none.
///
/// # Errors
/// A head that cannot be read, with its line; a prompt that is empty; limits that
/// allow nothing.
pub fn read(text: &str, stem: &str) -> Result<Read, FrontMatterError> {
    let (head, prompt) =
        front_matter::parse::<Head>(text).map_err(|error| wrong::explained::<Head>(text, error))?;
    let wrong = |path: &[&str], message: String| {
        Err(FrontMatterError { line: place::line_of(text, path), message })
    };
    for field in head.other.keys() {
        if let Some(words) = wrong::unguarded(field) {
            return wrong(&[field], words);
        }
    }
    let mut limits = head.limits;
    limits.turns = head.max_turns.unwrap_or(limits.turns);
    if let Some((path, words)) = impossible(&limits) {
        let path: &[&str] = match path {
            ["limits", "turns"] if head.max_turns.is_some() => &["maxTurns"],
            path => path,
        };
        return wrong(path, format!("{}: {words}", path.join(".")));
    }
    let Approve(approve) = head.approve;
    names(text, head.tools.as_deref(), &head.disallowed_tools, &approve, &head.tool_policy)?;
    if let Some(Err(Unsound { at, words })) = head.output.as_ref().map(sound) {
        let path: Vec<&str> = ["output"].into_iter().chain(at.split('.')).collect();
        let name = path.join(".");
        return wrong(&path, format!("{}: {words}", name.trim_end_matches('.')));
    }
    if prompt.trim().is_empty() {
        let line = text.trim_end().lines().count();
        let message = "there is no prompt: say what the agent is to do below the second `---`";
        return Err(FrontMatterError { line, message: message.to_owned() });
    }
    let isolation = match isolation(head.isolation.as_deref(), head.boxed.is_some()) {
        Ok(isolation) => isolation,
        Err(words) => return wrong(&["isolation"], words),
    };
    let name = head.name.unwrap_or_else(|| stem.to_owned());
    let defaults = Definition::new(&name, prompt.trim());
    let definition = Definition {
        description: head.description,
        // In a sub-agent's file: as whoever calls it.
        model: head.model.filter(|model| model != "inherit"),
        tools: head.tools,
        disallowed_tools: head.disallowed_tools,
        skills: head.skills,
        approve,
        tool_policy: head.tool_policy,
        isolation,
        boxed: head.boxed,
        limits,
        output: head.output,
        tokens_max: head.max_tokens.unwrap_or(defaults.tokens_max),
        temperature: head.temperature,
        tenant: head.tenant,
        ..defaults
    };
    Ok(Read { definition, ignored: head.other.into_keys().collect() })
}

/// The name in the head of a text that may be no definition otherwise.
pub fn name(text: &str) -> Option<String> {
    let (head, _) = front_matter::parse::<BTreeMap<String, Value>>(text).ok()?;
    Some(head.get("name")?.as_str()?.to_owned())
}

/// Whether all that names tools can be.
fn names(
    text: &str,
    tools: Option<&[String]>,
    disallowed: &[String],
    approve: &BTreeMap<String, Approval>,
    policy: &BTreeMap<String, ToolPolicy>,
) -> Result<(), FrontMatterError> {
    let wrong = |line: usize, message: String| FrontMatterError { line, message };
    let of = |field: &'static str, name: &str, words: String| {
        wrong(place::line_of_entry(text, field, name), format!("{field}: {words}"))
    };
    for name in tools.into_iter().flatten() {
        Grant::parse(name).map_err(|words| of("tools", name, words))?;
    }
    for name in disallowed {
        Pattern::new(name).map_err(|words| of("disallowedTools", name, words))?;
    }
    for name in policy.keys() {
        Pattern::new(name).map_err(|words| of("toolPolicy", name, words))?;
    }
    for (name, rule) in approve {
        Pattern::new(name).map_err(|words| of("approve", name, words))?;
        rule.is_sound().map_err(|(field, words)| {
            let line = place::line_of(text, &["approve", name, field]);
            wrong(line, format!("approve.{name}: {field}: {words}"))
        })?;
    }
    Ok(())
}

/// What of the limits would let an agent do nothing at all, or says nothing: which, and
/// why.
fn impossible(limits: &Limits) -> Option<(&'static [&'static str], String)> {
    let is_amount = |money: f64| money > 0.0 && money.is_finite();
    let none = "0 would let it do nothing; 1 is the least";
    let no_amount = |money: f64| format!("{money} is no amount to spend");
    let none = || none.to_owned();
    let (path, words): (&[&str], String) = match limits {
        Limits { turns: 0, .. } => (&["limits", "turns"], none()),
        Limits { tokens: Some(0), .. } => (&["limits", "tokens"], none()),
        Limits { children: 0, .. } => (
            &["limits", "children"],
            "1 is the least; to have it start none, leave `start_agent` and `agent` out of its \
             tools"
                .to_owned(),
        ),
        Limits { minutes: Some(0), .. } => (&["limits", "minutes"], none()),
        Limits { child: Allowance { tokens: Some(0), .. }, .. } => {
            (&["limits", "child", "tokens"], none())
        }
        Limits { failures: 0 | 1, .. } => (&["limits", "failures"], "2 is the least".to_owned()),
        Limits { repeats: 0 | 1, .. } => (&["limits", "repeats"], "2 is the least".to_owned()),
        Limits { context: 0..1_000, .. } => {
            (&["limits", "context"], "1000 tokens are the least that leave room to work".to_owned())
        }
        Limits { child: Allowance { money: Some(money), .. }, .. } if !is_amount(*money) => {
            (&["limits", "child", "money"], no_amount(*money))
        }
        Limits { money: Some(money), .. } if !is_amount(*money) => {
            (&["limits", "money"], no_amount(*money))
        }
        Limits { then: Breach::Fallback(model), .. } if model.trim().is_empty() => {
            (&["limits", "then", "fallback"], "which model?".to_owned())
        }
        _ => return None,
    };
    Some((path, words))
}
/// Where it works when another agent starts it. Errors: in words.
fn isolation(word: Option<&str>, boxed: bool) -> Result<Isolation, String> {
    match word {
        None => Ok(Isolation::None),
        Some("worktree") if boxed => {
            let words = "its files are in its box, and a worktree would stay empty: leave one out";
            Err(format!("isolation: worktree, and a box: {words}"))
        }
        Some("worktree") => Ok(Isolation::Worktree),
        Some("box") => Ok(Isolation::Box),
        Some(other) => {
            let words =
                "there is none of this name here: write `worktree` or `box`, or leave it out";
            Err(format!("isolation: {other}: {words}"))
        }
    }
}
