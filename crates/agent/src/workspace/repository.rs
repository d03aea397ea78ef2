//! The git repository that a project is in, and where it keeps what. Only reads.

use super::git::{GIT_FAILED, Git, NO_REPOSITORY};
use super::place::Place;
use greenroom_model::Failure;
use std::path::{Path, PathBuf};

/// The repository that a project is in.
pub struct Repository {
    /// The top of what is checked out.
    pub top: PathBuf,
    /// The project's folder within it: empty, or with `/` at its end.
    pub prefix: String,
    /// Where git keeps what all of its checkouts have in common.
    pub common: PathBuf,
}

impl Repository {
    /// Asks for it in the project's folder.
    pub async fn of(home: &Path) -> Result<Repository, Failure> {
        let asked = [
            "rev-parse",
            "--path-format=absolute",
            "--show-toplevel",
            "--git-common-dir",
            "--show-prefix",
        ];
        let done = Git::at(home).done(&asked, b"").await?;
        if done.code != 0 {
            let home = home.display();
            return Err(if done.complaint.contains("not a git repository") {
                let words = format!(
                    "{home} is in no git repository, and a workspace of its own is a git \
                     worktree: have a person run `git init` there, or start the agent with \
                     workspace \"shared\""
                );
                Failure::fatal(NO_REPOSITORY, words)
            } else {
                Failure::fatal(GIT_FAILED, format!("{home}: {}", done.complaint))
            });
        }
        let out = String::from_utf8_lossy(&done.out).into_owned();
        let mut lines = out.lines();
        let mut next = || lines.next().unwrap_or_default();
        let (top, common, prefix) = (next().into(), next().into(), next().to_owned());
        Ok(Repository { top, prefix, common })
    }

    /// Where git keeps what it knows of a worktree.
    pub fn admin(&self, place: &Place) -> PathBuf {
        self.common.join("worktrees").join(&place.name)
    }
}
