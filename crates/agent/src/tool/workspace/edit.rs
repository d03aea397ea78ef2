//! `Edit`: one text in a file for another.

use super::folder::{OnFiles, text};
use crate::tool::Tool;
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Deserialize, JsonSchema)]
struct Wanted {
    /// The file, relative to the workspace.
    file_path: String,
    /// The text to replace, exactly as it stands there (without line numbers), with
    /// enough around it to be there only once.
    old_string: String,
    /// What takes its place.
    new_string: String,
    /// Whether to replace it everywhere.
    #[serde(default)]
    replace_all: bool,
}

pub fn tool(folder: &impl OnFiles) -> Tool {
    let words = "Replaces a text in a file of the workspace.";
    folder.on_files("Edit", words, |root, step, wanted: Wanted| {
        let Wanted { file_path, old_string, new_string, replace_all } = wanted;
        if old_string.is_empty() {
            return Err("`old_string` is empty; to write a whole file use Write".to_owned());
        }
        if old_string == new_string {
            return Err("`old_string` and `new_string` are the same".to_owned());
        }
        let text = text(root, &file_path)?;
        match text.matches(&old_string).count() {
            // An attempt before a crash may have done it.
            0 if step.attempt() > 1 && text.contains(&new_string) => {
                return Ok(format!("`{file_path}` is changed"));
            }
            0 => {
                return Err(format!(
                    "`{file_path}` does not hold `old_string`; read it and copy the text exactly"
                ));
            }
            1 => {}
            _ if replace_all => {}
            count => {
                return Err(format!(
                    "`old_string` is there {count} times in `{file_path}`; add what stands around \
                     it, or set `replace_all`"
                ));
            }
        }
        let count = text.matches(&old_string).count();
        root.write(&file_path, text.replace(&old_string, &new_string).as_bytes())?;
        Ok(format!("`{file_path}` is changed, in {count} place(s)"))
    })
}
