//! Rules in brackets: which calls of a tool an agent may make. What follows one is done
//! unasked, what follows none is refused, unless the tool is named without brackets as
//! well. Pure.

use crate::definition::Grant;
use crate::provider::ToolSpec;
use serde_json::Value;
use std::path::Path;

/// What an agent may use.
pub(super) struct Grants(pub Vec<Grant>);

/// Whether a call is made.
pub(super) enum Rule {
    /// Yes.
    Unasked,
    /// If a person says so.
    Asks,
    /// No; what the model is told.
    Refused(String),
}

impl Grants {
    /// What the rules for a tool say of a call. `None`: nothing.
    pub fn rule(&self, tool: &str, arguments: &Value, folder: Option<&Path>) -> Option<Rule> {
        let folder = folder.unwrap_or(Path::new(""));
        let mut of = self.of(tool).peekable();
        of.peek()?;
        if self.of(tool).any(|grant| grant.allows(arguments, folder)) {
            return Some(Rule::Unasked);
        }
        match of.all(Grant::is_limited) {
            false => None,
            true => {
                let rules = self.names(tool);
                let words = "a command must be a single one, without `;`, `&`, `|`, `$`, `>`";
                let words = if tool == "Bash" { format!("; {words}") } else { String::new() };
                let told = format!("The call was not made: you may only do {rules}{words}.");
                Some(Rule::Refused(told))
            }
        }
    }

    /// The model is told of the rules with its tool.
    pub fn describe(&self, spec: &mut ToolSpec) {
        if self.of(&spec.name).next().is_some() && self.of(&spec.name).all(Grant::is_limited) {
            let rules = self.names(&spec.name);
            spec.description.push_str(&format!(" You may only do {rules}."));
        }
    }

    fn of<'a>(&'a self, tool: &'a str) -> impl Iterator<Item = &'a Grant> {
        self.0.iter().filter(move |grant| grant.tool().is_met_by(tool))
    }

    fn names(&self, tool: &str) -> String {
        let names: Vec<String> = self.of(tool).map(|one| format!("`{}`", one.as_str())).collect();
        names.join(", ")
    }
}
