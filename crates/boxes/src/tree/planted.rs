//! Things that do nothing in a box and something outside: they are told, so that nobody
//! takes them over unseen.

use super::changes::Changes;
use super::entry::Entry;
use crate::path::TreePath;
use serde::Serialize;
use std::fmt;

#[cfg(test)]
mod tests;

/// What was found, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planted {
    /// The path.
    pub path: TreePath,
    /// What it is.
    pub plant: Plant,
}

/// What may act outside of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Plant {
    /// A program that git runs.
    GitHook,
    /// A configuration of git, which can name programs that git runs.
    GitConfig,
    /// A symbolic link that leads out of the tree.
    EscapingLink,
    /// A program that runs as its owner or group, whoever starts it.
    Setuid,
}

impl fmt::Display for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.plant {
            Plant::GitHook => "a hook that git would run",
            Plant::GitConfig => "a configuration of git, which can name programs to run",
            Plant::EscapingLink => "a symbolic link that leads out of the tree",
            Plant::Setuid => "a file that runs as its owner or group",
        };
        write!(f, "{}: {what}", self.path)
    }
}

impl Planted {
    /// What of some changes may act outside, in the order of paths.
    #[must_use]
    pub fn among(changes: &Changes) -> Vec<Planted> {
        let all = changes.by_path().iter();
        all.flat_map(|(path, change)| change.after.iter().flat_map(|entry| found(path, entry)))
            .collect()
    }
}

fn found(path: &TreePath, entry: &Entry) -> Vec<Planted> {
    let mut plants = Vec::new();
    match entry {
        // A folder `.git` and a bare repository's own folder have the same names in them.
        Entry::File { mode, .. } => {
            plants.extend(git(path));
            if mode & 0o6000 != 0 {
                plants.push(Plant::Setuid);
            }
        }
        Entry::Symlink { target } => {
            plants.extend(git(path));
            if escapes(path, target) {
                plants.push(Plant::EscapingLink);
            }
        }
        Entry::Dir { .. } | Entry::Tombstone => {}
    }
    plants.into_iter().map(|plant| Planted { path: path.clone(), plant }).collect()
}

/// What git would run or read there. Names are compared as file systems do that know no
/// capitals, and git's own short name on Windows file systems is known.
fn git(path: &TreePath) -> Option<Plant> {
    let small = path.as_str().to_ascii_lowercase();
    let names: Vec<&str> = small.split('/').collect();
    let at = names.iter().position(|name| matches!(*name, ".git" | "git~1"))?;
    let inside = names.get(at + 1..).unwrap_or(&[]);
    if inside.is_empty() {
        // A file `.git` names a folder elsewhere, with hooks of its own.
        return Some(Plant::GitConfig);
    }
    // Also in `modules/NAME/` and `worktrees/NAME/`, repositories inside.
    if inside.contains(&"hooks") {
        return Some(Plant::GitHook);
    }
    let last = inside.last().copied().unwrap_or("");
    let configures = matches!(last, "config" | "config.worktree" | "gitdir" | "commondir");
    (configures || small.ends_with("/info/attributes")).then_some(Plant::GitConfig)
}

/// Whether a link leads out of the tree by what is written in it. A link that goes through
/// another link is not followed: whoever writes a tree out never follows one.
fn escapes(path: &TreePath, target: &str) -> bool {
    if target.starts_with('/') {
        return true;
    }
    let mut depth = path.ancestors().count();
    for name in target.split('/') {
        match name {
            "" | "." => {}
            ".." if depth == 0 => return true,
            ".." => depth -= 1,
            _ => depth += 1,
        }
    }
    false
}
