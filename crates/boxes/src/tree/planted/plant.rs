//! What may act outside of a box, and the words for it.

use serde::Serialize;

/// What may act outside of a box.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Plant {
    /// A program that git runs.
    GitHook,
    /// A configuration of git, which can name programs that git runs.
    GitConfig,
    /// A list of commands that git runs when somebody goes on with what it was doing.
    GitTodo,
    /// A file by which git takes objects from another folder.
    GitAlternates,
    /// A name that an export gives to its own.
    Staged,
    /// Greenroom's own folder: its store, its boxes, the socket of its node.
    Store,
    /// A file that makes agents, their tools, boxes or models.
    Project,
    /// A file that a shell or an editor goes by when somebody enters or opens its folder.
    Opened,
    /// A file that coding agents go by.
    Steering,
    /// What a build service runs, or a manager of git's hooks.
    Pipeline,
    /// A configuration of a package manager.
    Packages,
    /// A symbolic link that leads out of the tree.
    EscapingLink,
    /// A symbolic link from elsewhere into or through a folder of others' packages.
    ThroughPackages,
    /// A program that runs as its owner or group, whoever starts it.
    Setuid,
}

impl Plant {
    /// What it is, to people.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Plant::GitHook => "a hook that git would run",
            Plant::GitConfig => "a configuration of git, which can name programs to run",
            Plant::GitTodo => "commands that git would run when it goes on with a rebase",
            Plant::GitAlternates => "a folder elsewhere that git would take objects from",
            Plant::Staged => "a name that exports give to what they stage",
            Plant::Store => "Greenroom's own folder, whose files it believes",
            Plant::Project => {
                "what Greenroom runs agents, their tools or boxes by, with your rights"
            }
            Plant::Opened => "what a shell or an editor goes by, and may run, where it is opened",
            Plant::Steering => "what coding agents go by, and may run",
            Plant::Pipeline => "what a build service or git's hooks would run",
            Plant::Packages => {
                "a configuration of a package manager, which can name programs to run"
            }
            Plant::EscapingLink => "a symbolic link that leads out of the tree",
            Plant::ThroughPackages => "a link into others' packages, whose files are not looked at",
            Plant::Setuid => "a file that runs as its owner or group",
        }
    }
}
