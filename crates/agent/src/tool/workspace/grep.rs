//! `Grep`: lines of files by a regular expression.

use super::folder::{OnFiles, cut, joined, text};
use super::glob;
use crate::tool::Tool;
use regex::{Regex, RegexBuilder};
use schemars::JsonSchema;
use serde::Deserialize;

/// So many lines, if nothing is said.
const HEAD: usize = 250;
const LINE_MAX: usize = 500;

#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// What to look for: a regular expression.
    pattern: String,
    /// A file or folder, relative to the workspace.
    path: Option<String>,
    /// Only files whose path or name is like this, such as `*.rs`.
    glob: Option<String>,
    /// Whether `pattern` is plain text and no regular expression.
    #[serde(default)]
    literal: bool,
    /// Whether capital and small letters are the same.
    #[serde(default, rename = "-i")]
    ignore_case: bool,
    /// What to show.
    #[serde(default)]
    output_mode: Mode,
    /// How many lines to show at most; 250 if it is not said.
    head_limit: Option<usize>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Mode {
    /// The lines, as `file:line:text`.
    #[default]
    Content,
    /// The files.
    FilesWithMatches,
    /// How many lines in each file.
    Count,
}

pub fn tool(folder: &impl OnFiles) -> Tool {
    let words = "Searches the text files of the workspace for lines.";
    let tool = folder.on_files("Grep", words, |root, _, wanted: Wanted| {
        let pattern = expression(&wanted)?;
        let like = wanted.glob.as_deref().map(glob::pattern).transpose()?;
        let path = wanted.path.as_deref().unwrap_or_default();
        let below = root.below(path)?;
        let (files, more) = match text(root, path) {
            Ok(_) => (vec![below.to_string_lossy().into_owned()], false),
            Err(_) => root.walk(&below)?,
        };
        let is_like = |file: &str| {
            let name = file.rsplit('/').next().unwrap_or_default();
            like.as_ref().is_none_or(|like| like.is_match(file) || like.is_match(name))
        };
        let (mut lines, limit) = (Vec::new(), wanted.head_limit.unwrap_or(HEAD).max(1));
        for file in files.iter().filter(|file| is_like(file)) {
            // What is no text, or too large, is not searched.
            if let Ok(text) = text(root, file) {
                find(&wanted.output_mode, &pattern, file, &text, limit + 1, &mut lines);
            }
            if lines.len() > limit {
                break;
            }
        }
        let is_cut = lines.len() > limit;
        lines.truncate(limit);
        let mut shown = joined(&lines, "lines");
        if lines.is_empty() {
            shown = "nothing is found\n".to_owned();
        }
        if is_cut || more {
            shown.push_str("(there is more; say more exactly what you look for, or where)\n");
        }
        Ok(shown)
    });
    tool.read_only()
}

fn expression(wanted: &Wanted) -> Result<Regex, String> {
    let pattern = match wanted.literal {
        true => regex::escape(&wanted.pattern),
        false => wanted.pattern.clone(),
    };
    RegexBuilder::new(&pattern)
        .case_insensitive(wanted.ignore_case)
        .size_limit(1 << 20)
        .build()
        .map_err(|error| format!("`pattern` is no regular expression: {error}"))
}

fn find(
    mode: &Mode,
    pattern: &Regex,
    file: &str,
    text: &str,
    most: usize,
    lines: &mut Vec<String>,
) {
    let mut found = text.lines().enumerate().filter(|(_, line)| pattern.is_match(line));
    match mode {
        Mode::Content => {
            let room = most.saturating_sub(lines.len());
            let shown =
                |(at, line): (usize, &str)| format!("{file}:{}:{}", at + 1, cut(line, LINE_MAX));
            lines.extend(found.take(room).map(shown));
        }
        Mode::FilesWithMatches => lines.extend(found.next().map(|_| file.to_owned())),
        Mode::Count => match found.count() {
            0 => {}
            count => lines.push(format!("{file}:{count}")),
        },
    }
}
