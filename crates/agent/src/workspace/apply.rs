//! Bringing a tree into a checkout that people work in: whole or not at all, and
//! never over what is not committed.

use super::git::Git;
use super::read::{self, Change};
use greenroom_model::Failure;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Why a tree was not brought in.
pub enum InTheWay {
    /// These files are not committed and would be overwritten.
    Files(Vec<String>),
    /// Git's own words.
    Other(String),
}

/// Brings the checkout `git` at `top` from one tree to another. Files that are there
/// already as they are to be, from an attempt that was cut off, say, are taken over.
pub async fn apply(
    git: &Git,
    top: &Path,
    from: &str,
    to: &str,
) -> Result<Result<(), InTheWay>, Failure> {
    let changes = changes(git, from, to).await?;
    let status = ["status", "--porcelain=v1", "-z", "-uno", "--no-renames", "--ignore-submodules"];
    let dirty: BTreeSet<_> = read::dirty(&git.bytes(&status, b"").await?).into_iter().collect();
    let (mut there, mut in_the_way) = (Vec::new(), Vec::new());
    for change in &changes {
        let file = top.join(std::ffi::OsStr::from_bytes(&change.path));
        let is_there = file.symlink_metadata().is_ok();
        let is_touched = dirty.contains(&change.path) || change.status == 'A' && is_there;
        match change.status {
            _ if !is_touched => {}
            'D' if !is_there => {}
            'D' => in_the_way.push(change.shown()),
            _ if is_there && is_as_wanted(git, &file, change).await? => there.push(change),
            _ => in_the_way.push(change.shown()),
        }
    }
    if !in_the_way.is_empty() {
        return Ok(Err(InTheWay::Files(in_the_way)));
    }
    if !there.is_empty() {
        git.bytes(&["update-index", "-z", "--index-info"], &entries(&there)).await?;
    }
    // Looks at everything before it changes anything.
    let done = git.done(&["read-tree", "-m", "-u", from, to], b"").await?;
    if done.code == 0 {
        return Ok(Ok(()));
    }
    if done.complaint.contains(".lock") {
        return Err(done.failure(&["read-tree"]));
    }
    Ok(Err(InTheWay::Other(done.complaint)))
}

/// What differs between two trees.
pub async fn changes(git: &Git, from: &str, to: &str) -> Result<Vec<Change>, Failure> {
    let diff = ["diff-tree", "-r", "-z", "--raw", "--no-renames", from, to];
    Ok(read::changes(&git.bytes(&diff, b"").await?))
}

/// Whether a file holds what the change wants.
async fn is_as_wanted(git: &Git, file: &Path, change: &Change) -> Result<bool, Failure> {
    if !file.symlink_metadata().is_ok_and(|about| about.is_file()) || change.mode == "120000" {
        return Ok(false);
    }
    let file = file.to_string_lossy();
    let content = git.answer(&["hash-object", "--", &file]).await?;
    Ok(content.as_deref() == Some(change.content.as_str()))
}

fn entries(changes: &[&Change]) -> Vec<u8> {
    let mut lines = Vec::new();
    for change in changes {
        lines.extend_from_slice(format!("{} {}\t", change.mode, change.content).as_bytes());
        lines.extend_from_slice(&change.path);
        lines.push(0);
    }
    lines
}
