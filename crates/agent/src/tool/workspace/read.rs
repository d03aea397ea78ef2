//! `Read`: a file's lines.

use super::folder::{OnFiles, cut, joined, text};
use crate::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

/// So many lines, if nothing is said.
const LINES: usize = 2000;
const LINE_MAX: usize = 2000;

#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// The file, relative to the workspace.
    file_path: String,
    /// The first line, from 1.
    offset: Option<usize>,
    /// How many lines; 2000 if it is not said.
    limit: Option<usize>,
}

pub fn tool(folder: &impl OnFiles) -> Tool {
    let words = "Reads a text file of the workspace. Each line comes with its number and a tab.";
    let tool = folder.on_files("Read", words, |root, _, wanted: Wanted| {
        let text = text(root, &wanted.file_path)?;
        let (first, count) = (wanted.offset.unwrap_or(1).max(1), wanted.limit.unwrap_or(LINES));
        let all = text.lines().count();
        if all == 0 {
            return Ok("(the file is empty)".to_owned());
        }
        if first > all {
            return Err(format!("`{}` has {all} lines, no line {first}", wanted.file_path));
        }
        let lines = text.lines().enumerate().skip(first - 1).take(count);
        let lines: Vec<String> =
            lines.map(|(at, line)| format!("{}\t{}", at + 1, cut(line, LINE_MAX))).collect();
        let mut shown = joined(&lines, "lines");
        let last = first - 1 + lines.len();
        if last < all {
            shown.push_str(&format!("(lines {first} to {last} of {all})\n"));
        }
        Ok(shown)
    });
    tool.read_only()
}
