//! Where an agent works, as plain data. Knows no git and no file system.

use greenroom_model::ProcessId;
use serde::{Deserialize, Serialize};

/// A workspace: a worktree, and the branch it is on. It is the same name for both, and
/// no other run of any agent has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its name.
    pub name: String,
    /// The commit it began with.
    pub base: String,
    /// The project's folder within the repository: empty, or with `/` at its end.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub prefix: String,
}

/// What was done in a workspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// The branch it is on.
    pub branch: String,
    /// Its last commit.
    pub commit: String,
    /// How many files are changed.
    pub files: u64,
    /// How many lines are new.
    pub insertions: u64,
    /// How many lines are gone.
    pub deletions: u64,
}

impl Place {
    /// Whether it has a name that [`name_of`] can have given.
    pub fn is_plain(&self) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        !self.name.is_empty()
            && self.name.chars().all(plain)
            && !self.prefix.split('/').any(|part| part == "..")
            && !self.prefix.starts_with('/')
    }

    /// The branch's short name.
    pub fn branch(&self) -> String {
        format!("greenroom/{}", self.name)
    }

    /// Where its commits are found: while it is open, and once it is closed.
    pub fn refs(&self) -> [String; 3] {
        let Place { name, .. } = self;
        [
            format!("refs/heads/greenroom/{name}"),
            format!("refs/greenroom/merged/{name}"),
            format!("refs/greenroom/discarded/{name}"),
        ]
    }
}

impl Work {
    /// In words, for a model and a person.
    pub fn words(&self) -> String {
        let Work { files, insertions, deletions, .. } = self;
        if *files == 0 {
            return format!("nothing is changed on the branch {}", self.branch);
        }
        let many = |count: &u64, one: &str| match count {
            1 => format!("1 {one}"),
            count => format!("{count} {one}s"),
        };
        format!(
            "on the branch {}: {} changed, {}, {}",
            self.branch,
            many(files, "file"),
            many(insertions, "insertion"),
            many(deletions, "deletion")
        )
    }
}

/// So much of the lead's key is part of a workspace's name.
const KEY_MAX: usize = 40;

/// The name of a workspace that this agent has made for another, fit for a file and a
/// branch. `unique` tells it from those of earlier runs with the same key.
pub fn name_of(lead: &ProcessId, unique: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' };
    let key: String = lead.key().chars().take(KEY_MAX).map(plain).collect();
    let unique: String = unique.chars().filter(char::is_ascii_hexdigit).take(12).collect();
    format!("{}-{unique}", key.trim_matches('-'))
}
