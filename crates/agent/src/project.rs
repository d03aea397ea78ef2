//! The agents of a project: the files of its folder `agents/`. Knows no process.

use crate::definition::Definition;
use crate::definition::file;
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// The largest file that is read.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// What a project's folder holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Project {
    /// Its agents, by name.
    pub definitions: Vec<Definition>,
    /// What is odd about them, and does not keep them from running.
    pub warnings: Vec<String>,
}

/// A project that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message}", file.display())]
pub struct BadProject {
    /// The file.
    pub file: PathBuf,
    /// What is wrong with it, with its line if there is one.
    pub message: String,
}

impl Project {
    /// Reads `agents/*.md` of a folder; without that there are none.
    ///
    /// # Errors
    /// A file that cannot be read, that is no definition, or whose agent's name
    /// another has or no kind can have.
    pub fn read(dir: &Path) -> Result<Project, BadProject> {
        let folder = dir.join("agents");
        let bad = |file: &Path, message: String| BadProject { file: file.to_owned(), message };
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Project::default());
            }
            Err(error) => return Err(bad(&folder, error.to_string())),
        };
        let mut files = Vec::new();
        for entry in entries {
            let path = entry.map_err(|error| bad(&folder, error.to_string()))?.path();
            if path.extension().is_some_and(|ending| ending == "md") {
                files.push(path);
            }
        }
        files.sort();
        let mut project = Project::default();
        for file in files {
            project.add(&file).map_err(|message| bad(&file, message))?;
        }
        Ok(project)
    }

    fn add(&mut self, path: &Path) -> Result<(), String> {
        let size = std::fs::metadata(path).map_err(|error| error.to_string())?.len();
        if size > FILE_BYTES_MAX {
            return Err(format!("{size} bytes are more than the {FILE_BYTES_MAX} of a definition"));
        }
        let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
        let stem = path.file_stem().unwrap_or_default().to_string_lossy();
        let file::Read { definition, ignored } =
            file::read(&text, &stem).map_err(|error| error.to_string())?;
        greenroom_model::Kind::new(&definition.name, 1).map_err(|error| error.to_string())?;
        if self.definitions.iter().any(|other| other.name == definition.name) {
            return Err(format!("another file defines the agent `{}` already", definition.name));
        }
        if !ignored.is_empty() {
            let words = format!("{}: not used here: {}", path.display(), ignored.join(", "));
            self.warnings.push(words);
        }
        self.definitions.push(definition);
        Ok(())
    }
}
