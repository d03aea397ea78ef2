//! The merge of a commit into a checkout that somebody works in: all of it or nothing.

use super::apply::{InTheWay, apply, changes};
use super::commits;
use super::git::Git;
use super::place::Work;
use super::read::{self, Change};
use crate::own_files::OwnFiles;
use greenroom_model::Failure;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// What a merge came to.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Merged {
    /// The work is in the project.
    Done(Work),
    /// There was nothing in it that the project did not have.
    Nothing,
    /// It was thrown away before.
    Discarded,
    /// Both have changed these files. Nothing was changed.
    Conflicts(Vec<String>),
    /// These files of the project are not committed. Nothing was changed.
    Uncommitted(Vec<String>),
    /// Why git would not. Nothing was changed.
    Refused(String),
    /// It would change these files, which decide what agents are and may do in the project.
    /// Nothing was changed: the commit is to be named that may.
    Asks {
        /// The workspace's last commit.
        tip: String,
        /// The files.
        paths: Vec<String>,
    },
}

/// A checkout that something is merged into.
pub struct Into<'a> {
    /// Git there.
    pub lead: &'a Git,
    /// Its folder.
    pub top: &'a Path,
    /// Its last commit, if it has any.
    pub head: Option<&'a str>,
    /// What is not to be changed by it.
    pub own: Option<OwnFiles>,
}

impl Into<'_> {
    /// Brings a commit in; what it came to if it was not.
    pub async fn bring(&self, tip: &str, message: &str) -> Result<Option<Merged>, Failure> {
        let Into { lead, top, head, .. } = *self;
        let tree = match head {
            None => format!("{tip}^{{tree}}"),
            Some(head) => {
                let merge = ["merge-tree", "--write-tree", "-z", "--name-only", "--no-messages"];
                let merge = [merge.as_slice(), &[head, tip]].concat();
                let done = lead.done(&merge, b"").await?;
                let (tree, paths) = read::merged(&done.out);
                match done.code {
                    0 => tree,
                    1 => return Ok(Some(Merged::Conflicts(paths))),
                    _ => return Err(done.failure(&merge)),
                }
            }
        };
        let from = match head {
            Some(head) => head.to_owned(),
            None => format!("{}^{{tree}}", commits::first(lead).await?),
        };
        let paths = self.touched(&from, &tree).await?;
        if !paths.is_empty() {
            return Ok(Some(Merged::Asks { tip: tip.to_owned(), paths }));
        }
        match apply(lead, top, &from, &tree).await? {
            Ok(()) => {}
            Err(InTheWay::Files(files)) => return Ok(Some(Merged::Uncommitted(files))),
            Err(InTheWay::Other(words)) => return Ok(Some(Merged::Refused(words))),
        }
        let new = match head {
            None => tip.to_owned(),
            Some(head) => {
                lead.run(&["commit-tree", &tree, "-m", message, "-p", head, "-p", tip]).await?
            }
        };
        lead.run(&["update-ref", "-m", message, "HEAD", &new, head.unwrap_or("")]).await?;
        Ok(None)
    }

    /// What differs of that which is not to be changed.
    async fn touched(&self, from: &str, to: &str) -> Result<Vec<String>, Failure> {
        let Some(own) = &self.own else { return Ok(Vec::new()) };
        let changes = changes(self.lead, from, to).await?;
        let path = |change: &Change| PathBuf::from(OsStr::from_bytes(&change.path));
        Ok(changes.iter().filter(|one| own.has(&path(one))).map(Change::shown).collect())
    }
}
