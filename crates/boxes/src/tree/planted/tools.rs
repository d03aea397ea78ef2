//! Files that shells, editors, coding agents, build services and package managers go by as soon
//! as somebody opens the folder, enters it, or sends it on: they name programs that run with
//! that person's rights, or say what an agent that has them is to do.
//!
//! Not here is what only runs when somebody runs the project: its code, its makefiles, the
//! scripts of a `package.json`. `.gitattributes` is not either: it only names filters that the
//! person's own configuration has.

use super::plant::Plant;
use crate::tree::Entry;

/// Whether packages of others lie in a folder of this name, which is small. Nobody opens one as a
/// folder of their own, and they bring many of these files. A link from elsewhere makes it one.
pub fn is_packages(name: &str) -> bool {
    matches!(name, "node_modules" | "site-packages")
}

/// Whether these are the names of what the build service of a repository runs.
fn is_of_github(names: &[&str]) -> bool {
    matches!(names, [".github", "workflows" | "actions", _])
}

/// What is there of them. Names are small.
pub fn tools(names: &[&str], entry: &Entry) -> Option<Plant> {
    if entry.is_dir() || names.iter().any(|name| is_packages(name)) {
        return None;
    }
    let is_link = matches!(entry, Entry::Symlink { .. });
    // As a link, a folder has in it what stands elsewhere in the tree.
    let all_in = |folder: &str| match names.split_last() {
        Some((last, above)) => above.contains(&folder) || (is_link && *last == folder),
        None => false,
    };
    let opened = match names {
        [.., ".envrc" | ".devcontainer.json"] => true,
        [.., ".vscode", "tasks.json" | "settings.json" | "launch.json"] => true,
        [.., ".vscode"] => is_link,
        [.., file] if file.ends_with(".code-workspace") => true,
        _ => all_in(".idea") || all_in(".devcontainer"),
    };
    if opened {
        return Some(Plant::Opened);
    }
    let steers = match names {
        [.., "claude.md" | "claude.local.md" | "agents.md" | "gemini.md" | ".cursorrules"] => true,
        [.., ".github", "copilot-instructions.md"] => true,
        _ => all_in(".claude") || all_in(".cursor"),
    };
    if steers {
        return Some(Plant::Steering);
    }
    let runs = match names {
        [.., ".github"] | [.., ".github", "workflows" | "actions"] => is_link,
        [.., ".gitlab-ci.yml" | ".pre-commit-config.yaml"] => true,
        _ => all_in(".husky") || names.windows(3).any(is_of_github),
    };
    if runs {
        return Some(Plant::Pipeline);
    }
    let sets = match names {
        [.., ".npmrc" | ".yarnrc" | ".yarnrc.yml"] => true,
        [.., ".cargo", "config" | "config.toml"] => true,
        [.., ".cargo"] => is_link,
        _ => false,
    };
    sets.then_some(Plant::Packages)
}
