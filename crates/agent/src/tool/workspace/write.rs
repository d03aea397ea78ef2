//! `Write`: a whole file. Twice is as once.

use super::folder::OnFiles;
use crate::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// The file, relative to the workspace. Folders are made.
    file_path: String,
    /// All that it is to hold.
    content: String,
}

pub fn tool(folder: &impl OnFiles) -> Tool {
    let words = "Writes a text file of the workspace, in place of what it held. To change a part \
                 of a file, use Edit.";
    folder.on_files("Write", words, |root, _, wanted: Wanted| {
        root.write(&wanted.file_path, wanted.content.as_bytes())?;
        Ok(format!("`{}` is written: {} bytes", wanted.file_path, wanted.content.len()))
    })
}
