//! Things that do nothing in a box and something outside: they are told, so that nobody
//! takes them over unseen.

use super::changes::Changes;
use super::entry::Entry;
use super::stack::Stack;
use crate::path::TreePath;
use looks::{Layers, Looks};
use seen::See;
use serde::Serialize;
use std::fmt;

mod looks;
mod plant;
mod seen;
#[cfg(test)]
mod tests;
mod tools;

pub use plant::Plant;
pub use seen::Seen;

/// How names begin that exports give to folders of what they stage.
const STAGED: &str = ".greenroom-export";

/// What in a repository's own folder git runs or reads, or has it in it. Small.
const OF_GIT: [&str; 8] = [
    "hooks",
    "config",
    "config.worktree",
    "info",
    "objects",
    "rebase-merge",
    "rebase-apply",
    "sequencer",
];

/// What was found, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Planted {
    /// The path.
    pub path: TreePath,
    /// What it is.
    pub plant: Plant,
}

impl fmt::Display for Planted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path, self.plant.words())
    }
}

impl Planted {
    /// What of some changes may act outside, in the order of paths. `after` is the tree that
    /// they make.
    #[must_use]
    pub fn among(changes: &Changes, after: &Stack) -> Vec<Planted> {
        let entries = changes.by_path().iter();
        let entries = entries.filter_map(|(path, change)| Some((path, change.after.as_ref()?)));
        let after = Layers::new(after);
        Planted::found(entries, &|path| after.see(path))
    }

    /// The same of entries in a tree of which a function tells.
    pub(crate) fn found<'e>(
        entries: impl Iterator<Item = (&'e TreePath, &'e Entry)>,
        see: See<'_>,
    ) -> Vec<Planted> {
        let (mut looks, mut found) = (Looks::new(see), Vec::new());
        for (path, entry) in entries {
            let plants = plants(path, entry, &mut looks).into_iter();
            found.extend(plants.map(|plant| Planted { path: path.clone(), plant }));
        }
        found
    }
}

fn plants(path: &TreePath, entry: &Entry, looks: &mut Looks<'_>) -> Vec<Plant> {
    let mut plants = Vec::new();
    if *entry == Entry::Tombstone {
        return plants;
    }
    let small = path.as_str().to_ascii_lowercase();
    let names: Vec<&str> = small.split('/').collect();
    if names.iter().any(|name| name.starts_with(STAGED)) {
        plants.push(Plant::Staged);
    }
    plants.extend(git(path, &names, entry.is_dir(), looks));
    plants.extend(greenroom(&names, entry).or_else(|| tools::tools(&names, entry)));
    match entry {
        Entry::File { mode, .. } if mode & 0o6000 != 0 => plants.push(Plant::Setuid),
        Entry::Symlink { target } => {
            let led = looks.led(path, target);
            let is_inside = names.iter().any(|name| tools::is_packages(name));
            plants.extend(led.out.then_some(Plant::EscapingLink));
            plants.extend((led.packages && !is_inside).then_some(Plant::ThroughPackages));
        }
        _ => {}
    }
    plants
}

/// What Greenroom would go by there. Which folder is a project, only who starts it there says.
fn greenroom(names: &[&str], entry: &Entry) -> Option<Plant> {
    if names.contains(&".greenroom") {
        return Some(Plant::Store);
    }
    let is_project = match names {
        _ if entry.is_dir() => false,
        [.., ".mcp.json" | "mcp.json" | "greenroom.toml" | "box.toml"] => true,
        [.., "agents", file] if file.ends_with(".md") => true,
        [.., "skills" | "boxes", _, "skill.md"] | ["skills", _, ..] => true,
        // As a link it has in it what stands elsewhere in the tree.
        [.., "agents" | "skills" | "boxes"] => matches!(entry, Entry::Symlink { .. }),
        [.., "agents" | "skills" | "boxes", _] => matches!(entry, Entry::Symlink { .. }),
        _ => false,
    };
    is_project.then_some(Plant::Project)
}

/// What git would run or read there. Names are compared as file systems do that know no
/// capitals, and git's own short name on Windows file systems is known.
fn git(path: &TreePath, names: &[&str], is_dir: bool, looks: &mut Looks<'_>) -> Option<Plant> {
    let own = |name: &&str| matches!(*name, ".git" | "git~1");
    if names.last() == Some(&".gitmodules") {
        return Some(Plant::GitConfig);
    }
    if !is_dir && names.last().is_some_and(own) {
        // A file `.git` names a folder elsewhere, with hooks of its own.
        return Some(Plant::GitConfig);
    }
    // A bare repository's own folder, often `NAME.git`, has the same in it as `.git`.
    let named = names.iter().position(|name| own(name) || name.ends_with(".git"));
    if let Some(inside) =
        named.and_then(|at| names.get(at + 1..)).filter(|inside| !inside.is_empty())
    {
        return if is_dir { None } else { inside_git(inside) };
    }
    // It may have any name: then it is known by what is in it. What is nothing in the first
    // folder that may be one is nothing in those below, and nothing has to be looked at.
    let is_of_git = |at: &usize| names.get(*at).is_some_and(|name| OF_GIT.contains(name));
    let inside = |at: usize| names.get(at..).and_then(inside_git);
    let mut may_be = (0..names.len()).filter(is_of_git).filter(|_| !is_dir).peekable();
    let acts = may_be.peek().copied().and_then(inside);
    if let Some(plant) = acts.and_then(|_| looks.first_bare(path, may_be)).and_then(inside) {
        return Some(plant);
    }
    // The last of these makes a folder a repository, with all that was there before.
    let (last, above) = names.split_last()?;
    let making = matches!(*last, "head" | "objects" | "refs" | "commondir");
    let made = making.then(|| looks.first_bare(path, [above.len()].into_iter())).flatten();
    made.map(|_| Plant::GitConfig)
}

/// What a path in a repository's own folder is, or in those of others that it has in
/// `modules/NAME/` and `worktrees/NAME/`.
fn inside_git(inside: &[&str]) -> Option<Plant> {
    let has = |name: &str| inside.contains(&name);
    match inside {
        _ if has("hooks") => Some(Plant::GitHook),
        _ if has("rebase-merge") || has("rebase-apply") || has("sequencer") => Some(Plant::GitTodo),
        [.., "objects", "info", "alternates" | "http-alternates"] => Some(Plant::GitAlternates),
        [.., "config" | "config.worktree" | "gitdir" | "commondir"]
        | [.., "info", "attributes"] => Some(Plant::GitConfig),
        _ => None,
    }
}
