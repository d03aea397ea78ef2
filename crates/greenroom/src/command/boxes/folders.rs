//! `box cp` of folders. What comes out of a box is told by names that it has chosen.

use super::beside::beside;
use super::desk::Desk;
use super::problem;
use super::words::{bytes, name as shown};
use crate::exit::Code;
use crate::out;
use crate::problem::Problem;
use crate::progress::Progress;
use greenroom_boxes::engine::Folder;
use greenroom_boxes::export::{Copied, Copying, Note};
use greenroom_boxes::{Error, sandbox};
use serde_json::json;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::signal::unix::{SignalKind, signal};

/// So many notes of a kind are shown.
const NOTES_SHOWN: usize = 10;

/// The folder of a box at a path, if the path says that it is one's, or if that is known without
/// starting the box: a stopped one is started for a file only.
pub fn known(desk: &Desk, name: &str, path: &str) -> anyhow::Result<Option<Folder>> {
    if !path.starts_with('/') {
        return Ok(None);
    }
    if path.ends_with('/') || path.ends_with("/.") {
        return match desk.engine.folder(name, path)? {
            None => Err(none(name, path).into()),
            folder => Ok(folder),
        };
    }
    match desk.engine.find(name)?.running {
        true => Ok(None),
        false => Ok(desk.engine.folder(name, path).ok().flatten()),
    }
}

/// Whether what could not be opened as a file may be a folder.
pub fn may_be(error: &Error) -> bool {
    matches!(error, Error::Sandbox(sandbox::Error::Setup { source, .. })
        if source.kind() != ErrorKind::NotFound)
}

/// Whether what could not be made as a file is a folder.
pub fn is_one(error: &Error) -> bool {
    matches!(error, Error::Sandbox(sandbox::Error::Setup { source, .. })
        if source.kind() == ErrorKind::IsADirectory)
}

fn none(name: &str, path: &str) -> Problem {
    let words = format!("box `{name}` has no folder {}", shown(path));
    Problem::new("not_found", words).next("`greenroom box exec BOX -- ls -l /` shows what it has")
}

/// Whether only what is in a folder is meant.
fn is_contents(path: &str) -> bool {
    path == "." || path.ends_with("/.")
}

/// A folder out of a box, of which these are the name and the path; `None` is standard output.
pub fn out(
    desk: &Desk,
    name: &str,
    path: &str,
    folder: Folder,
    to: Option<&Path>,
    planted: bool,
) -> anyhow::Result<Code> {
    let Some(to) = to else {
        let words = format!("{name}:{} is a folder, and - takes single files", shown(path));
        let next = "copy it into a folder here; or `greenroom box exec BOX -- tar c -C /DIR .`";
        return Err(Problem::usage(words).next(next).into());
    };
    let own = Path::new(path).file_name().and_then(|own| own.to_str());
    let own = own.or(folder.name()).filter(|_| !is_contents(path)).map(str::to_owned);
    let (into, child) = match to.is_dir() {
        true => (to, own),
        false => {
            let name = to.file_name().and_then(|name| name.to_str()).map(str::to_owned);
            if name.is_none() {
                let words = format!("{} is no folder that can be looked at", to.display());
                return Err(Problem::usage(words).next("name a folder, or a new name").into());
            }
            (to.parent().unwrap_or(to), name)
        }
    };
    if !to.is_dir() && to.symlink_metadata().is_ok() {
        let words = format!("{} is no folder, and {name}:{} is one", to.display(), shown(path));
        return Err(Problem::usage(words).next("name a folder, or a name that is free").into());
    }
    let into = if into.as_os_str().is_empty() { Path::new(".") } else { into };
    if !into.is_dir() {
        let words = format!("{} is no folder", into.display());
        return Err(Problem::usage(words).next("make it first").into());
    }
    watched(desk, "each of them whole", |copying| {
        desk.engine.copy_out(folder, into, child.as_deref(), planted, &desk.dir, copying)
    })
}

/// A folder into a box.
pub fn into(desk: &Desk, from: &str, name: &str, path: &str) -> anyhow::Result<Code> {
    if !path.starts_with('/') {
        let words = format!("`{path}` is no path in a box");
        return Err(Problem::usage(words).next("write it from the root, as in BOX:/srv").into());
    }
    let to = Path::new("/").join(path.trim_matches('/'));
    watched(desk, "the last file perhaps in part", |copying| {
        let contents = is_contents(from);
        desk.engine.copy_in(Path::new(from), &desk.dir, name, &to, contents, copying)
    })
}

/// Tells how far a copy is, and what came of it; Ctrl-C ends it between two pieces.
fn watched(
    desk: &Desk,
    left: &str,
    work: impl FnOnce(&mut Copying<'_>) -> Result<(), Error>,
) -> anyhow::Result<Code> {
    let (begun, stopped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
    on_interrupt(begun.clone(), stopped.clone())?;
    let mut progress = Progress::new(desk.json);
    let mut go_on = |copied: &Copied| {
        begun.store(true, Ordering::Release);
        let Copied { of, bytes: count, .. } = copied;
        progress.say(|| format!("{} of {of} paths, {}", copied.paths(), bytes(*count)));
        !stopped.load(Ordering::Acquire)
    };
    let mut copying = Copying::new(&mut go_on);
    let done = work(&mut copying);
    let copied = copying.copied;
    drop(progress);
    if !desk.json {
        notes(&copied);
    }
    let Err(error) = done else {
        let Copied { files, folders, links, bytes: count, notes, more_notes, .. } = &copied;
        let value = json!({
            "files": files, "folders": folders, "links": links, "bytes": count, "notes": notes,
            "more_notes": more_notes,
        });
        return desk.tell(&value, &format!("{} copied\n", words(&copied)));
    };
    let (paths, of) = (copied.paths(), copied.of);
    let far = match paths {
        0 => "nothing was copied".to_owned(),
        _ => format!("{paths} of {of} paths were copied, {left}"),
    };
    if stopped.load(Ordering::Acquire) {
        return Err(Problem::new("interrupted", format!("interrupted: {far}")).into());
    }
    let problem = Problem::of(&problem::told(error.into()));
    let message = format!("{}; {far}", problem.message);
    Err(Problem { message, ..problem }.into())
}

/// `3 files, 1 folder, 2 links, 1.5 KiB`.
fn words(copied: &Copied) -> String {
    let many = |count: u64, word: &str| match count {
        1 => format!("1 {word}"),
        _ => format!("{count} {word}s"),
    };
    let Copied { files, folders, links, .. } = copied;
    let mut parts = vec![many(*files, "file"), many(*folders, "folder")];
    parts.extend((*links > 0).then(|| many(*links, "link")));
    parts.push(bytes(copied.bytes));
    parts.join(", ")
}

/// A note, to people.
pub fn tell(note: &Note) {
    let word = if note.left_out { "left out" } else { "take care" };
    out::say(&format!("{word}: {}: {}\n", shown(&note.path), note.what));
}

fn notes(copied: &Copied) {
    let mut hidden = 0;
    for alike in copied.notes.chunk_by(|one, other| one.about == other.about) {
        alike.iter().take(NOTES_SHOWN).for_each(tell);
        hidden += alike.len().saturating_sub(NOTES_SHOWN) as u64;
    }
    match (hidden, copied.more_notes) {
        (0, _) => {}
        (_, 0) => out::say(&format!("and {hidden} more; --json names them\n")),
        (_, more) => {
            let all = hidden + more;
            out::say(&format!("and {all} more; --json names all but {more} of them\n"));
        }
    }
}

/// Before anything was copied this process just ends, which leaves nothing.
fn on_interrupt(begun: Arc<AtomicBool>, stopped: Arc<AtomicBool>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let entered = runtime.enter();
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    drop(entered);
    beside(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            stopped.store(true, Ordering::Release);
            if !begun.load(Ordering::Acquire) {
                out::say("interrupted: nothing was copied\n");
                std::process::exit(i32::from(Code::Failed as u8));
            }
        });
    });
    Ok(())
}
