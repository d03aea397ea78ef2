//! The tools of one agent: in a fixed order, so that prompts can be cached; each
//! name once; cut down by lists of names.

#[cfg(test)]
mod tests;

use super::{Pattern, Tool};
use crate::provider::ToolSpec;
use std::fmt;

/// The longest name that every provider takes.
const NAME_MAX: usize = 64;

/// A set of tools that cannot be, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct BadTool(String);

/// The tools of one agent, in the order they were given.
#[derive(Clone, Default)]
pub struct Toolbox {
    tools: Vec<Tool>,
}

impl Toolbox {
    /// These tools. Errors: see [`add`](Toolbox::add).
    pub fn new(tools: impl IntoIterator<Item = Tool>) -> Result<Toolbox, BadTool> {
        let mut toolbox = Toolbox::default();
        tools.into_iter().try_for_each(|tool| toolbox.add(tool))?;
        Ok(toolbox)
    }

    /// One more. Errors: a name that a provider would refuse or that is taken, no
    /// description, a schema that is not an object's.
    pub fn add(&mut self, tool: Tool) -> Result<(), BadTool> {
        let name = &tool.spec.name;
        if let Some(why) = bad_name(name) {
            return Err(BadTool(format!("tool `{name}`: {why}")));
        }
        if self.get(name).is_some() {
            return Err(BadTool(format!("tool `{name}` is there twice; rename one of them")));
        }
        if tool.spec.description.trim().is_empty() {
            let words = "has no description; say what it does and when to use it";
            return Err(BadTool(format!("tool `{name}` {words}")));
        }
        if tool.spec.schema.get("type").is_none_or(|is| is != "object") {
            let words = "its arguments must be an object: use a struct with named fields, or `()`";
            return Err(BadTool(format!("tool `{name}`: {words}")));
        }
        self.tools.push(tool);
        Ok(())
    }

    /// The tool of this name.
    pub fn get(&self, name: &str) -> Option<&Tool> {
        self.tools.iter().find(|tool| tool.spec.name == name)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = &Tool> {
        self.tools.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.tools.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tools.is_empty()
    }

    /// What the model is told of them, in order.
    pub fn specs(&self) -> Vec<ToolSpec> {
        self.tools.iter().map(|tool| tool.spec.clone()).collect()
    }

    /// Only those that one of these names, such as `Read` or `mcp__git__*`.
    ///
    /// Errors: something that is no name, and a name that no tool here has: an agent
    /// must not find out in the middle of its work.
    pub fn only<S: AsRef<str>>(mut self, names: &[S]) -> Result<Toolbox, BadTool> {
        let patterns = self.patterns(names)?;
        self.tools.retain(|tool| is_met(&patterns, tool));
        Ok(self)
    }

    /// All but those that one of these names. Errors: as [`only`](Toolbox::only), so
    /// that a mistyped name does not leave a tool to an agent.
    pub fn without<S: AsRef<str>>(mut self, names: &[S]) -> Result<Toolbox, BadTool> {
        let patterns = self.patterns(names)?;
        self.tools.retain(|tool| !is_met(&patterns, tool));
        Ok(self)
    }

    fn patterns<S: AsRef<str>>(&self, names: &[S]) -> Result<Vec<Pattern>, BadTool> {
        let mut patterns = Vec::with_capacity(names.len());
        for name in names {
            let pattern = Pattern::new(name.as_ref()).map_err(BadTool)?;
            if !self.tools.iter().any(|tool| pattern.is_met_by(&tool.spec.name)) {
                return Err(self.unknown(pattern.as_str()));
            }
            patterns.push(pattern);
        }
        Ok(patterns)
    }

    fn unknown(&self, name: &str) -> BadTool {
        let names: Vec<&str> = self.tools.iter().map(|tool| tool.spec.name.as_str()).collect();
        let like = names.iter().find(|known| known.eq_ignore_ascii_case(name));
        BadTool(match like {
            Some(like) => format!("there is no tool `{name}`; did you mean `{like}`?"),
            None if names.is_empty() => format!("there is no tool `{name}`, and no other"),
            None => format!("there is no tool `{name}`; there are {}", names.join(", ")),
        })
    }
}

impl fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.debug_list().entries(self.tools.iter().map(|tool| &tool.spec.name)).finish()
    }
}

fn is_met(patterns: &[Pattern], tool: &Tool) -> bool {
    patterns.iter().any(|pattern| pattern.is_met_by(&tool.spec.name))
}

fn bad_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("a tool needs a name".to_owned());
    }
    if name.len() > NAME_MAX {
        return Some(format!("the name is longer than {NAME_MAX} characters"));
    }
    let is_known = |c: &char| c.is_ascii_alphanumeric() || *c == '_' || *c == '-';
    let wrong = name.chars().find(|c| !is_known(c))?;
    Some(format!("`{wrong}` cannot be in a name; letters, digits, `_` and `-` can"))
}
