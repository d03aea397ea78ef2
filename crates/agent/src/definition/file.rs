//! An agent's definition as a Markdown file: the format of sub-agents in wide use,
//! with a few fields of our own. Knows no file system.

#[cfg(test)]
mod tests;

use super::{Allowance, Breach, Definition, Isolation, Limits, ToolPolicy};
use crate::front_matter::{self, FrontMatterError};
use crate::tool::{Approval, Pattern};
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

/// Which tools need a yes: their names, or a rule for each.
#[derive(Deserialize)]
#[serde(untagged)]
enum Approve {
    Rules(BTreeMap<String, Approval>),
    Names(#[serde(deserialize_with = "front_matter::names")] Vec<String>),
}

impl Default for Approve {
    fn default() -> Approve {
        Approve::Names(Vec::new())
    }
}

impl Approve {
    fn rules(self) -> BTreeMap<String, Approval> {
        match self {
            Approve::Rules(rules) => rules,
            Approve::Names(names) => {
                names.into_iter().map(|name| (name, Approval::Always)).collect()
            }
        }
    }
}

/// Reads the text of a definition. `stem` is its file's name without the ending: the
/// agent's name, if the head gives none.
///
/// # Errors
/// A head that cannot be read, with its line; a prompt that is empty; limits that
/// allow nothing.
pub fn read(text: &str, stem: &str) -> Result<Read, FrontMatterError> {
    let (head, prompt) = front_matter::parse::<Head>(text)?;
    let wrong = |message: String| Err(FrontMatterError { line: 1, message });
    let mut limits = head.limits;
    limits.turns = head.max_turns.unwrap_or(limits.turns);
    if let Some(words) = impossible(&limits) {
        return wrong(words);
    }
    if let Some(Err(words)) =
        head.tool_policy.keys().map(|name| Pattern::new(name)).find(Result::is_err)
    {
        return Err(FrontMatterError {
            line: line_of(text, "toolPolicy"),
            message: format!("toolPolicy: {words}"),
        });
    }
    if prompt.trim().is_empty() {
        return wrong(
            "there is no prompt: say what the agent is to do below the second `---`".into(),
        );
    }
    let isolation = match head.isolation.as_deref() {
        None => Isolation::None,
        Some("worktree") => Isolation::Worktree,
        Some(other) => {
            let words = "there is none of this name here: write `worktree`, or leave it out";
            return wrong(format!("isolation: {other}: {words}"));
        }
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
        approve: head.approve.rules(),
        tool_policy: head.tool_policy,
        isolation,
        limits,
        output: head.output,
        tokens_max: head.max_tokens.unwrap_or(defaults.tokens_max),
        temperature: head.temperature,
        tenant: head.tenant,
        ..defaults
    };
    Ok(Read { definition, ignored: head.other.into_keys().collect() })
}

/// Where a field of the head stands.
fn line_of(text: &str, field: &str) -> usize {
    text.lines().position(|line| line.starts_with(field)).map_or(1, |before| before + 1)
}

/// What of the limits would let an agent do nothing at all.
fn impossible(limits: &Limits) -> Option<String> {
    let none =
        |what: &str| Some(format!("limits.{what}: 0 would let it do nothing; 1 is the least"));
    match limits {
        Limits { turns: 0, .. } => none("turns"),
        Limits { tokens: Some(0), .. } => none("tokens"),
        Limits { children: 0, .. } => Some("limits.children: 1 is the least; to have it start none, leave `start_agent` and `agent` out of its tools".to_owned()),
        Limits { minutes: Some(0), .. } => none("minutes"),
        Limits { child: Allowance { tokens: Some(0), .. }, .. } => none("child.tokens"),
        Limits { failures: 0 | 1, .. } => Some("limits.failures: 2 is the least".to_owned()),
        Limits { repeats: 0 | 1, .. } => Some("limits.repeats: 2 is the least".to_owned()),
        Limits { context: 0..1_000, .. } => {
            Some("limits.context: 1000 tokens are the least that leave room to work".to_owned())
        }
        Limits { child: Allowance { money: Some(money), .. }, .. }
            if !(*money > 0.0 && money.is_finite()) =>
        {
            Some(format!("limits.child.money: {money} is no amount to spend"))
        }
        Limits { money: Some(money), .. } if !(*money > 0.0 && money.is_finite()) => {
            Some(format!("limits.money: {money} is no amount to spend"))
        }
        Limits { then: Breach::Fallback(model), .. } if model.trim().is_empty() => {
            Some("limits.then.fallback: which model?".to_owned())
        }
        _ => None,
    }
}
