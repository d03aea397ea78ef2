//! Things that do nothing in a box and something outside: they are told, so that nobody
//! takes them over unseen.

use super::changes::Changes;
use super::entry::Entry;
use super::stack::{LINKS_MAX, Stack};
use crate::path::TreePath;
use serde::Serialize;
use std::fmt;

mod plant;
#[cfg(test)]
mod tests;
mod tools;

pub use plant::Plant;

/// How names begin that exports give to folders of what they stage.
const STAGED: &str = ".greenroom-export";

/// What is at a path, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    /// A symbolic link, to there.
    Link(String),
    /// A folder.
    Dir,
    /// Anything else.
    File,
}

impl Seen {
    /// An entry, as it is seen in the whole.
    #[must_use]
    pub fn of(entry: &Entry) -> Option<Seen> {
        match entry {
            Entry::Symlink { target } => Some(Seen::Link(target.clone())),
            Entry::Dir { .. } => Some(Seen::Dir),
            Entry::File { .. } => Some(Seen::File),
            Entry::Tombstone => None,
        }
    }
}

/// Says what is at a path of the tree that the changes make.
type See<'s> = &'s dyn Fn(&TreePath) -> Option<Seen>;

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
        Planted::found(entries, &|path| after.get(path).and_then(Seen::of))
    }

    /// The same of entries in a tree of which a function tells.
    pub(crate) fn found<'e>(
        entries: impl Iterator<Item = (&'e TreePath, &'e Entry)>,
        see: See<'_>,
    ) -> Vec<Planted> {
        let found = entries.flat_map(|(path, entry)| {
            let plants = plants(path, entry, see).into_iter();
            plants.map(|plant| Planted { path: path.clone(), plant })
        });
        found.collect()
    }
}

fn plants(path: &TreePath, entry: &Entry, see: See<'_>) -> Vec<Plant> {
    let mut plants = Vec::new();
    if *entry == Entry::Tombstone {
        return plants;
    }
    let small = path.as_str().to_ascii_lowercase();
    let names: Vec<&str> = small.split('/').collect();
    if names.iter().any(|name| name.starts_with(STAGED)) {
        plants.push(Plant::Staged);
    }
    plants.extend(git(path, &names, entry.is_dir(), see));
    plants.extend(greenroom(&names, entry).or_else(|| tools::tools(&names, entry)));
    match entry {
        Entry::File { mode, .. } if mode & 0o6000 != 0 => plants.push(Plant::Setuid),
        Entry::Symlink { target } if escapes(path, target, see) => plants.push(Plant::EscapingLink),
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
fn git(path: &TreePath, names: &[&str], is_dir: bool, see: See<'_>) -> Option<Plant> {
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
    // It may have any name: then it is known by what is in it.
    (0..names.len()).find_map(|at| {
        let inside = names.get(at..).unwrap_or(&[]);
        // The last of these makes a folder a repository, with all that was there before.
        let making = matches!(inside, ["head" | "objects" | "refs" | "commondir"]);
        let plant = match inside.first() {
            _ if making => Some(Plant::GitConfig),
            Some(&("hooks" | "config" | "config.worktree" | "info" | "objects"))
            | Some(&("rebase-merge" | "rebase-apply" | "sequencer"))
                if !is_dir =>
            {
                inside_git(inside)
            }
            _ => None,
        };
        plant.filter(|_| is_bare(path, at, see))
    })
}

/// Whether the folder with so many names of a path is what git takes for a repository.
fn is_bare(path: &TreePath, depth: usize, see: See<'_>) -> bool {
    let has = |name: &str| {
        let names = path.as_str().split('/').take(depth).chain([name]);
        let inside = TreePath::new(names.collect::<Vec<_>>().join("/"));
        inside.is_ok_and(|inside| see(&inside).is_some())
    };
    has("HEAD") && (has("commondir") || (has("objects") && has("refs")))
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

/// Whether a link leads out of the tree, also through other links of it.
fn escapes(path: &TreePath, target: &str, see: See<'_>) -> bool {
    let mut at: Vec<String> = path.parent().map_or_else(Vec::new, names);
    let mut ahead: Vec<String> = names(target).into_iter().rev().collect();
    if target.starts_with('/') {
        return true;
    }
    let mut followed = 0;
    while let Some(name) = ahead.pop() {
        match name.as_str() {
            "" | "." => continue,
            ".." if at.pop().is_none() => return true,
            ".." => continue,
            _ => at.push(name),
        }
        let Some(Seen::Link(target)) = TreePath::new(at.join("/")).ok().and_then(|at| see(&at))
        else {
            continue;
        };
        followed += 1;
        // What nobody can follow is not known to stay inside.
        if target.starts_with('/') || followed > LINKS_MAX {
            return true;
        }
        at.pop();
        ahead.extend(names(&target).into_iter().rev());
    }
    false
}

fn names(path: &str) -> Vec<String> {
    path.split('/').map(str::to_owned).collect()
}
