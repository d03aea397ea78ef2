//! `Glob`: files by the pattern of their path, such as `src/**/*.{rs,toml}`.

#[cfg(test)]
mod tests;

use super::folder::{OnFiles, joined};
use crate::tool::Tool;
use regex::Regex;
use schemars::JsonSchema;
use serde::Deserialize;

/// The longest pattern, in bytes.
const PATTERN_MAX: usize = 1000;

#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// Such as `**/*.rs`: `*` stands for anything but `/`, `**` for any folders.
    pattern: String,
    /// The folder to look in, relative to the workspace.
    path: Option<String>,
}

pub fn tool(folder: &impl OnFiles) -> Tool {
    let words = "Finds files of the workspace by the pattern of their path.";
    let tool = folder.on_files("Glob", words, |root, _, wanted: Wanted| {
        let below = root.below(wanted.path.as_deref().unwrap_or_default())?;
        let pattern = pattern(&wanted.pattern)?;
        let (files, more) = root.walk(&below)?;
        let within = |file: &str| {
            let rest = file.strip_prefix(&*below.to_string_lossy()).unwrap_or(file);
            pattern.is_match(rest.trim_start_matches('/'))
        };
        let found: Vec<String> = files.into_iter().filter(|file| within(file)).collect();
        let mut shown = joined(&found, "files");
        if found.is_empty() {
            shown = format!("no file is like `{}`\n", wanted.pattern);
        }
        if more {
            shown.push_str("(there are more files than are looked at; name a folder in `path`)\n");
        }
        Ok(shown)
    });
    tool.read_only()
}

/// The pattern as a regular expression over a path. Errors: in words.
pub fn pattern(glob: &str) -> Result<Regex, String> {
    if glob.is_empty() || glob.len() > PATTERN_MAX {
        return Err(format!("the pattern has {} bytes; expected 1 to {PATTERN_MAX}", glob.len()));
    }
    let mut expression = String::from("^");
    let (mut rest, mut braces) = (glob.strip_prefix("./").unwrap_or(glob), 0_u32);
    while let Some(sign) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**/") {
            expression.push_str("(?:.*/)?");
            rest = after;
            continue;
        }
        if let Some(after) = rest.strip_prefix("**") {
            expression.push_str(".*");
            rest = after;
            continue;
        }
        rest = &rest[sign.len_utf8()..];
        match sign {
            '*' => expression.push_str("[^/]*"),
            '?' => expression.push_str("[^/]"),
            '{' => {
                braces += 1;
                expression.push_str("(?:");
            }
            '}' if braces > 0 => {
                braces -= 1;
                expression.push(')');
            }
            ',' if braces > 0 => expression.push('|'),
            '[' => {
                let Some((inside, after)) = rest.split_once(']') else {
                    return Err(format!("`{glob}`: `[` without its `]`"));
                };
                let (not, inside) = match inside.strip_prefix(['!', '^']) {
                    Some(inside) => ("^", inside),
                    None => ("", inside),
                };
                let inside = inside.replace('\\', "\\\\").replace('[', "\\[").replace('&', "\\&");
                expression.push_str(&format!("[{not}{inside}]"));
                rest = after;
            }
            other => expression.push_str(&regex::escape(&other.to_string())),
        }
    }
    if braces > 0 {
        return Err(format!("`{glob}`: `{{` without its `}}`"));
    }
    expression.push('$');
    Regex::new(&expression).map_err(|_| format!("`{glob}` cannot be a pattern of paths"))
}
