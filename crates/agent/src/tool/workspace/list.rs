//! `LS`: what is in a folder.

use super::folder::{OnFiles, joined};
use crate::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// The folder, relative to the workspace; the workspace itself if it is not said.
    path: Option<String>,
}

pub fn tool(folder: &impl OnFiles) -> Tool {
    let words = "Lists a folder of the workspace. Folders end in `/`.";
    let tool = folder.on_files("LS", words, |root, _, wanted: Wanted| {
        let path = wanted.path.unwrap_or_default();
        let below = root.below(&path)?;
        let entries = root.list(&below).map_err(|error| format!("`{path}`: {error}"))?;
        let lines: Vec<String> = entries
            .into_iter()
            .map(|entry| if entry.is_dir { format!("{}/", entry.path) } else { entry.path })
            .collect();
        Ok(if lines.is_empty() { "(it is empty)".to_owned() } else { joined(&lines, "entries") })
    });
    tool.read_only()
}
