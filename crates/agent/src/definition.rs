//! What an agent is, as plain data: its name, its prompt, its model, its tools and
//! its limits. Knows no file and no process.

mod boxed;
pub mod file;
mod grant;
mod policy;
mod unmet;

pub use boxed::{BoxUse, Snapshots};
pub use grant::Grant;
pub use policy::ToolPolicy;
pub use unmet::{Servers, Unmet, unmet};

use crate::tool::{Approval, Policy};
use greenroom_model::budget::Budget;
use greenroom_model::queue::QueueSpec;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// An agent, defined. A running agent keeps the one it began with until its
/// conversation goes on as new.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Its name, which is its kind.
    pub name: String,
    /// What it is for: what other agents are told of it.
    #[serde(default)]
    pub description: String,
    /// The model, as `PROVIDER/MODEL`, or a role such as `strong` or `cheap`. `None`:
    /// the role `default`.
    #[serde(default)]
    pub model: Option<String>,
    /// The tools it may use, by name or pattern, or only some calls of one ([`Grant`]);
    /// `None`: all there are.
    #[serde(default)]
    pub tools: Option<Vec<String>>,
    /// Those of them that it may not use.
    #[serde(default)]
    pub disallowed_tools: Vec<String>,
    /// Skills that it is told of, by name or pattern; `None`: all there are.
    #[serde(default)]
    pub skills: Option<Vec<String>>,
    /// Tools that need a person's yes, by name or pattern, over what the tools say
    /// themselves.
    #[serde(default)]
    pub approve: BTreeMap<String, Approval>,
    /// On which terms it calls tools, by name or pattern, over what the tools say
    /// themselves; of several patterns the longest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tool_policy: BTreeMap<String, ToolPolicy>,
    /// Where it works when another agent starts it.
    #[serde(default, skip_serializing_if = "Isolation::is_none")]
    pub isolation: Isolation,
    /// The box that it works in, instead of in the project's folder.
    #[serde(default, rename = "box", skip_serializing_if = "Option::is_none")]
    pub boxed: Option<BoxUse>,
    /// When it has to stop.
    #[serde(default)]
    pub limits: Limits,
    /// A JSON schema that its result must follow.
    #[serde(default)]
    pub output: Option<Value>,
    /// The longest reply of its model, in tokens.
    #[serde(default = "tokens_max")]
    pub tokens_max: u32,
    /// How freely it speaks; `None`: as its model does by itself.
    #[serde(default)]
    pub temperature: Option<f64>,
    /// On whose behalf it asks its model: tenants have equal shares of a queue. `None`:
    /// its name.
    #[serde(default)]
    pub tenant: Option<String>,
    /// What its model is told before anything else.
    #[serde(default)]
    pub prompt: String,
}

/// Enough for long answers; what is reserved of a budget for each call.
fn tokens_max() -> u32 {
    4_096
}

impl Definition {
    /// One with these words and nothing else.
    pub fn new(name: &str, prompt: &str) -> Definition {
        Definition {
            name: name.to_owned(),
            description: String::new(),
            model: None,
            tools: None,
            disallowed_tools: Vec::new(),
            skills: None,
            approve: BTreeMap::new(),
            tool_policy: BTreeMap::new(),
            isolation: Isolation::None,
            boxed: None,
            limits: Limits::default(),
            output: None,
            tokens_max: tokens_max(),
            temperature: None,
            tenant: None,
            prompt: prompt.to_owned(),
        }
    }

    /// On which terms it calls a tool that has these terms of its own.
    pub fn policy(&self, tool: &str, own: &Policy) -> Policy {
        match policy::of(&self.tool_policy, tool) {
            None => own.clone(),
            Some((name, policy)) => policy.over(own, policy::queue(&self.name, name)),
        }
    }

    /// The queues that these terms need on a node.
    pub(crate) fn queues(&self) -> Vec<QueueSpec> {
        policy::queues(&self.name, &self.tool_policy)
    }
}

/// Where an agent works that another one has started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// Where the other one works.
    #[default]
    None,
    /// In a git worktree of its own, on a branch of its own.
    Worktree,
    /// In a branch of the other one's box.
    Box,
}

impl Isolation {
    fn is_none(&self) -> bool {
        *self == Isolation::None
    }
}

/// When an agent has to stop, and what becomes of it then.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// Calls of its model, since a person last spoke to it. 50 by default.
    pub turns: u32,
    /// Tokens of all its calls.
    pub tokens: Option<u64>,
    /// Money of all its calls, in whatever unit prices are given.
    pub money: Option<f64>,
    /// Minutes since it began.
    pub minutes: Option<u64>,
    /// How often the same call of a tool may give the same result in a row. 4 by
    /// default; it is told at the one before.
    pub repeats: u32,
    /// In how many turns in a row every call of a tool may fail. 10 by default; it is
    /// told at the one before.
    pub failures: u32,
    /// How often it is told in a row what is wrong with its answer (no JSON, not as
    /// `output` wants it, cut). 3 by default.
    pub repairs: u32,
    /// How deep agents may have agents do their work. 3 by default.
    pub depth: u32,
    /// How large its conversation may be, in tokens: of one that is larger, the older
    /// part is summarized. 120,000 by default.
    pub context: u64,
    /// How many agents it may have at work at once. 50 by default.
    pub children: u32,
    /// What each agent it starts may use up, with all below that one: it fails as
    /// `budget` when it is used up.
    #[serde(skip_serializing_if = "Allowance::is_empty")]
    pub child: Allowance,
    /// What becomes of it.
    pub then: Breach,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            turns: 50,
            tokens: None,
            money: None,
            minutes: None,
            repeats: 4,
            failures: 10,
            repairs: 3,
            depth: 3,
            context: 120_000,
            children: 50,
            child: Allowance::default(),
            then: Breach::Stop,
        }
    }
}

/// What an agent may use up, with all below it. Nothing named: as much as its lead.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowance {
    /// Tokens of all calls of models.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Money of all calls of models, in whatever unit prices are given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub money: Option<f64>,
}

impl Allowance {
    /// Whether it limits nothing.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_none() && self.money.is_none()
    }

    /// As a process's budget.
    pub(crate) fn budget(&self) -> Budget {
        let money_micro = self.money.map(|money| (money * 1e6) as u64);
        Budget { tokens: self.tokens, money_micro, ..Budget::default() }
    }
}

/// What becomes of an agent that has reached a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breach {
    /// It ends as `limit`.
    #[default]
    Stop,
    /// A person is asked whether it may have as much again.
    Ask,
    /// It goes on with this model, and as much again; the next breach ends it.
    Fallback(String),
}
