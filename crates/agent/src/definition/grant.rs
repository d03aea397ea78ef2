//! An entry of a definition's `tools`: a tool, or only some calls of it, as
//! `Bash(git diff:*)` or `Write(docs/**)`. Pure; knows no file system.

#[cfg(test)]
mod tests;

use super::unmet::is_ours;
use crate::root::below;
use crate::tool::workspace::path_pattern;
use crate::tool::{Pattern, is_met};
use regex::Regex;
use serde_json::Value;
use std::path::Path;

/// An entry of a definition's `tools`.
#[derive(Clone, Debug)]
pub struct Grant {
    text: String,
    tool: Pattern,
    only: Option<Only>,
}

/// Which calls.
#[derive(Clone, Debug)]
enum Only {
    /// This command.
    Command(String),
    /// One command that is like this; `*` stands for anything.
    CommandLike(String),
    /// Of a file whose path is like this.
    Path(Regex),
    /// Of another program's tool: nothing here.
    Unknown,
}

impl Grant {
    /// Reads an entry.
    ///
    /// # Errors
    /// What it cannot be, in words.
    pub fn parse(text: &str) -> Result<Grant, String> {
        let text = text.trim();
        let wrong = |why: String| Err(format!("`{text}`: {why}"));
        let Some((name, rest)) = text.split_once('(') else {
            let tool = Pattern::new(text)?;
            return Ok(Grant { text: text.to_owned(), tool, only: None });
        };
        let Some(rule) = rest.strip_suffix(')').map(str::trim) else {
            return wrong("expected `)` at its end".to_owned());
        };
        let tool = Pattern::new(name)?;
        let only = match (tool.as_str(), rule) {
            (_, "") => return wrong("there is nothing between its brackets".to_owned()),
            ("Bash" | "Read" | "Write" | "Edit", "*") => None,
            ("Bash", rule) => Some(command(rule)),
            ("Read" | "Write" | "Edit", rule) => match path(rule) {
                Ok(path) => Some(Only::Path(path)),
                Err(why) => return wrong(why),
            },
            (name, _) if is_ours(name) || name.starts_with("mcp__") || name.contains('*') => {
                return wrong(
                    "only `Bash`, `Read`, `Write` and `Edit` can have a rule in brackets; name \
                     the tool alone, and give it an approval for what it may not do by itself"
                        .to_owned(),
                );
            }
            _ => Some(Only::Unknown),
        };
        Ok(Grant { text: text.to_owned(), tool, only })
    }

    /// The tool, or several.
    pub fn tool(&self) -> &Pattern {
        &self.tool
    }

    /// It as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is about some calls only.
    pub fn is_limited(&self) -> bool {
        self.only.is_some()
    }

    /// Whether it is a rule for a tool that no rule is known for.
    pub fn is_unknown(&self) -> bool {
        matches!(self.only, Some(Only::Unknown))
    }

    /// Whether it is about files, by their paths.
    pub fn is_of_files(&self) -> bool {
        matches!(self.only, Some(Only::Path(_)))
    }

    /// Whether it is a rule that a call with these arguments follows. Paths are below
    /// this folder.
    pub fn allows(&self, arguments: &Value, folder: &Path) -> bool {
        let text = |field: &str| arguments.get(field).and_then(Value::as_str);
        match &self.only {
            None | Some(Only::Unknown) => false,
            Some(Only::Command(known)) => text("command").is_some_and(|one| one.trim() == known),
            Some(Only::CommandLike(like)) => {
                text("command").is_some_and(|one| is_like(like, one.trim()))
            }
            Some(Only::Path(path)) => {
                let file = text("file_path").and_then(|file| below(folder, file).ok());
                file.is_some_and(|file| path.is_match(&file.to_string_lossy()))
            }
        }
    }
}

/// `git diff:*` is the same as `git diff *`.
fn command(rule: &str) -> Only {
    let like = rule.strip_suffix(":*").map(|prefix| format!("{} *", prefix.trim_end()));
    match like {
        Some(like) => Only::CommandLike(like),
        None if rule.contains('*') => Only::CommandLike(rule.to_owned()),
        None => Only::Command(rule.to_owned()),
    }
}

fn is_like(like: &str, command: &str) -> bool {
    let met = |like: &str| is_met(like.as_bytes(), command.as_bytes());
    is_one_command(command) && (met(like) || like.strip_suffix(" *").is_some_and(met))
}

/// Whether the shell runs one command and nothing else for this: nothing chained, piped,
/// put in by `$`, sent to a file or read from one. In doubt it does not.
fn is_one_command(command: &str) -> bool {
    let mut quote = None;
    for sign in command.chars() {
        if sign.is_control() {
            return false;
        }
        match (quote, sign) {
            (Some('\''), '\'') | (Some('"'), '"') => quote = None,
            (Some('\''), _) => {}
            (_, '$' | '`' | '\\') => return false,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(sign),
            (None, ';' | '&' | '|' | '<' | '>' | '(' | ')') => return false,
            (None, _) => {}
        }
    }
    quote.is_none()
}

/// Paths as gitignore has them, below the project's folder: `docs/**`, `*.md` at any
/// depth, `/README.md` and `./README.md` in the folder itself, and a folder's name for
/// all below it.
fn path(rule: &str) -> Result<Regex, String> {
    let leaves = rule.starts_with("//") || rule.starts_with('~');
    if leaves || rule.split('/').any(|part| part == "..") {
        return Err("it leads out of the project, which no tool here does".to_owned());
    }
    if rule.starts_with('!') {
        return Err("`!` takes nothing away here; name what may be used".to_owned());
    }
    let plain = rule.strip_prefix("./").or_else(|| rule.strip_prefix('/'));
    let is_anchored = plain.is_some() || rule.trim_end_matches('/').contains('/');
    let plain = plain.unwrap_or(rule).trim_end_matches('/');
    if plain.is_empty() || plain == "." {
        return path_pattern("**");
    }
    let glob = if is_anchored { plain.to_owned() } else { format!("**/{plain}") };
    path_pattern(&format!("{{{glob},{glob}/**}}"))
}
