//! Locks that a call of git has left which was cut off, by a kill or a loss of power:
//! found and removed, so that they are in nobody's way for ever.
//!
//! Each call leaves a mark while it runs. Where one is found, a call was cut off. What
//! was locked since is removed, unless a process holds it open or a git is at work in
//! any checkout of the repository: that one may be the call itself, or a person's. Where
//! processes cannot be seen nothing is removed. Knows no workspace.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The mark, in the folder where git keeps the repository.
const MARK: &str = "greenroom-at-work";

/// A call of git under way; the mark stays if this is dropped before it has ended.
pub struct Mark(Option<PathBuf>);

impl Mark {
    /// Begins a call in this checkout of the repository that is kept in `common`.
    pub fn begin(common: &Path, checkout: &Path) -> Mark {
        let path = common.join(MARK);
        let since = fs::metadata(&path).and_then(|mark| mark.modified());
        if let Ok(since) = since
            && !clear(common, checkout, since)
        {
            // It may still be at work: whoever is next looks again.
            return Mark(None);
        }
        // Without it a lock that is left stays, and nothing else is different.
        let _ = fs::write(&path, "");
        Mark(Some(path))
    }

    /// It has ended.
    pub fn end(self) {
        if let Mark(Some(path)) = self {
            let _ = fs::remove_file(path);
        }
    }
}

/// Removes what has been locked since; whether nothing that is in use was left.
fn clear(common: &Path, checkout: &Path, since: SystemTime) -> bool {
    let mut all = Vec::new();
    for (folder, deep) in [("", false), ("worktrees", true), ("refs", true)] {
        locks(&common.join(folder), deep, &mut all);
    }
    let is_since = |lock: &PathBuf| {
        let made = fs::metadata(lock).and_then(|lock| lock.modified());
        made.is_ok_and(|made| made >= since)
    };
    all.retain(is_since);
    if all.is_empty() {
        return true;
    }
    if in_use(&all, &checkouts(common, checkout)) {
        return false;
    }
    all.iter().all(|lock| fs::remove_file(lock).is_ok())
}

/// The locks in a folder.
fn locks(folder: &Path, deep: bool, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && deep {
            locks(&path, deep, found);
        } else if !is_folder && path.extension().is_some_and(|end| end == "lock") {
            found.push(path);
        }
    }
}

/// Where a git of this repository may be at work.
fn checkouts(common: &Path, checkout: &Path) -> Vec<PathBuf> {
    let mut all = vec![common.to_owned(), checkout.to_owned()];
    all.extend(common.parent().map(Path::to_owned));
    for admin in fs::read_dir(common.join("worktrees")).into_iter().flatten().flatten() {
        let gitdir = fs::read_to_string(admin.path().join("gitdir")).unwrap_or_default();
        all.extend(Path::new(gitdir.trim()).parent().map(Path::to_owned));
    }
    all.iter().filter_map(|folder| fs::canonicalize(folder).ok()).collect()
}

/// Whether a process may still need one of these locks, as far as this machine tells.
fn in_use(locks: &[PathBuf], checkouts: &[PathBuf]) -> bool {
    let locks: Vec<PathBuf> = locks.iter().filter_map(|lock| fs::canonicalize(lock).ok()).collect();
    let Ok(processes) = fs::read_dir("/proc") else { return true };
    let mut seen = false;
    for process in processes.flatten().map(|entry| entry.path()) {
        let Ok(name) = fs::read_to_string(process.join("comm")) else { continue };
        seen = true;
        let open = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
        if open.filter_map(|open| fs::read_link(open.path()).ok()).any(|to| locks.contains(&to)) {
            return true;
        }
        if !name.starts_with("git") {
            continue;
        }
        match fs::read_link(process.join("cwd")) {
            Ok(cwd) if checkouts.iter().any(|checkout| cwd.starts_with(checkout)) => return true,
            // Another person's: it may be anywhere.
            Err(error) if error.kind() != ErrorKind::NotFound => return true,
            _ => {}
        }
    }
    !seen
}
