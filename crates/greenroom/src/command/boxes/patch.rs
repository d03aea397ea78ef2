//! What a box has changed as a patch, in the words that git has for it. A box has chosen the names
//! and the texts: a name stays on its line, and a terminal gets no control characters.

use super::words::{Told, bytes, short};
use crate::exit::Code;
use crate::out;
use crate::paint::{Paint, Tone};
use crate::view::{is_unsafe, plain};
use greenroom_boxes::Error;
use greenroom_boxes::branch::{Content, Diff};
use greenroom_boxes::engine::Engine;
use greenroom_boxes::tree::{Change, Entry};
use serde_json::Value;
use std::fmt::Write;
use std::io::IsTerminal;

/// Larger files are not compared line by line.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// So much of patches is in one JSON value.
const JSON_BYTES_MAX: usize = 64 << 20;

/// What patches are made of.
pub struct Patches<'a> {
    pub engine: &'a Engine,
    pub diff: &'a Diff,
}

/// Prints a patch of all paths, one after the other.
pub fn print(patches: &Patches<'_>, told: &[Told], paint: Paint) -> anyhow::Result<Code> {
    let is_terminal = std::io::stdout().is_terminal();
    for one in told {
        let text = patches.of(one)?;
        // Whoever reads a pipe may want to apply it.
        out::print(&if is_terminal { shown(&text, paint) } else { text })?;
    }
    if told.is_empty() {
        out::say("nothing changed\n");
    }
    Ok(Code::Done)
}

impl Patches<'_> {
    /// Paths with their patches; after so much of them the others have none (`null`).
    pub fn json(&self, told: &[Told]) -> Result<Vec<Value>, Error> {
        let mut room = JSON_BYTES_MAX;
        let mut one = |one: &Told| {
            let mut value = one.json();
            let text = if room > 0 { Some(self.of(one)?) } else { None };
            room = room.saturating_sub(text.as_ref().map_or(0, String::len));
            if let Value::Object(fields) = &mut value {
                fields.insert("patch".to_owned(), text.into());
            }
            Ok(value)
        };
        told.iter().map(&mut one).collect()
    }

    /// The patch of a path; what git has no words for is a line with `#`, which nothing applies.
    fn of(&self, one: &Told) -> Result<String, Error> {
        let change = |path: &str| self.diff.changes.by_path().get(path);
        let from = one.from.as_deref().unwrap_or(&one.path);
        let before = change(from).and_then(|change| change.before.as_ref()).filter(known);
        let after = change(&one.path).and_then(|change| change.after.as_ref()).filter(known);
        let sides: &[[Option<&Entry>; 2]] = match (before, after) {
            (None, None) => &[],
            (Some(was), Some(is)) if kind(was) != kind(is) => {
                &[[Some(was), None], [None, Some(is)]]
            }
            sides => &[sides.into()],
        };
        let mut text = String::new();
        for [before, after] in sides {
            let change = Change { before: before.cloned(), after: after.cloned() };
            let content = self.engine.branches().content(&change, FILE_BYTES_MAX)?;
            text.push_str(&section(from, &one.path, &change, content));
        }
        let loses = loses_mode(before, after);
        Ok(match one.planted.is_some() || loses || text.is_empty() {
            true => format!("# {}{text}", one.line()),
            false => text,
        })
    }
}

/// Whether git knows of such things.
fn known(entry: &&Entry) -> bool {
    matches!(entry, Entry::File { .. } | Entry::Symlink { .. })
}

fn kind(entry: &Entry) -> u32 {
    mode(entry) & 0o170_000
}

/// As git has it: what it is, and whether it can be run.
fn mode(entry: &Entry) -> u32 {
    match entry {
        Entry::File { mode, .. } if mode & 0o100 != 0 => 0o100_755,
        Entry::File { .. } => 0o100_644,
        Entry::Symlink { .. } => 0o120_000,
        Entry::Dir { .. } | Entry::Tombstone => 0,
    }
}

/// Whether the permissions of a file are others now, in a way that git has no words for.
fn loses_mode(before: Option<&Entry>, after: Option<&Entry>) -> bool {
    let exact = |entry: &Entry| match entry {
        Entry::File { mode, .. } => 0o100_000 | mode,
        other => mode(other),
    };
    let is_lost = |entry: &Entry| mode(entry) != exact(entry);
    match (before, after) {
        (None, Some(is)) => is_lost(is),
        (Some(was), Some(is)) => exact(was) != exact(is) && (is_lost(was) || is_lost(is)),
        _ => false,
    }
}

/// One path of a patch; nothing if there is nothing to say.
fn section(from: &str, to: &str, change: &Change, content: Content) -> String {
    let mut text = String::new();
    // Writing to memory cannot fail.
    let _ = match (&change.before, &change.after) {
        (None, Some(is)) => writeln!(text, "new file mode {:o}", mode(is)),
        (Some(was), None) => writeln!(text, "deleted file mode {:o}", mode(was)),
        (Some(was), Some(is)) if mode(was) != mode(is) => {
            writeln!(text, "old mode {:o}\nnew mode {:o}", mode(was), mode(is))
        }
        _ => Ok(()),
    };
    if from != to {
        let (from, to) = (quoted(from), quoted(to));
        let _ = write!(text, "similarity index 100%\nrename from {from}\nrename to {to}\n");
    }
    let side = |entry: &Option<Entry>, prefix: &str, path: &str| match entry {
        Some(_) => quoted(&format!("{prefix}/{path}")),
        None => "/dev/null".to_owned(),
    };
    let (old, new) = (side(&change.before, "a", from), side(&change.after, "b", to));
    let differ = format!("{}Binary files {old} and {new} differ\n", index(change));
    let mut note = String::new();
    match content {
        Content::Same => {}
        Content::Lines(hunks) => {
            let _ = write!(text, "--- {}\n+++ {}\n{hunks}", ended(&old), ended(&new));
        }
        Content::Binary => text.push_str(&differ),
        Content::Large => {
            let most = bytes(FILE_BYTES_MAX);
            note = format!("# only files of up to {most} are compared line by line\n");
            text.push_str(&differ);
        }
    }
    if text.is_empty() {
        return text;
    }
    let names = (quoted(&format!("a/{from}")), quoted(&format!("b/{to}")));
    format!("{note}diff --git {} {}\n{text}", names.0, names.1)
}

/// Which contents differ, by our own hashes. Without this line git takes no note of what is binary;
/// with it, it refuses the whole patch.
fn index(change: &Change) -> String {
    let hash = |entry: &Option<Entry>| match entry {
        Some(Entry::File { hash, .. }) => short(hash),
        _ => short("0".repeat(64)),
    };
    format!("index {}..{}\n", hash(&change.before), hash(&change.after))
}

/// A name with a space in it ends with a tab, so that `patch` reads all of it.
fn ended(name: &str) -> String {
    let tab = if name.contains(' ') && !name.starts_with('"') { "\t" } else { "" };
    format!("{name}{tab}")
}

/// A name as git writes it: in quotes if it could be more than a name.
fn quoted(name: &str) -> String {
    if !name.chars().any(|letter| is_unsafe(letter) || matches!(letter, '"' | '\\')) {
        return name.to_owned();
    }
    let mut shown = String::from("\"");
    for letter in name.chars() {
        match letter {
            '\n' => shown.push_str("\\n"),
            '\t' => shown.push_str("\\t"),
            '\r' => shown.push_str("\\r"),
            '"' | '\\' => shown.extend(['\\', letter]),
            letter if is_unsafe(letter) => {
                let mut buffer = [0; 4];
                let octal =
                    letter.encode_utf8(&mut buffer).bytes().map(|byte| format!("\\{byte:03o}"));
                shown.extend(octal);
            }
            letter => shown.push(letter),
        }
    }
    shown.push('"');
    shown
}

/// As a terminal shows it.
fn shown(text: &str, paint: Paint) -> String {
    let mut in_hunk = false;
    let line = |line: &str| {
        let tone = match line.chars().next() {
            // No line of a hunk begins with these.
            Some('d' | '#') => {
                in_hunk = false;
                Tone::Strong
            }
            Some('@') => {
                in_hunk = true;
                Tone::Quiet
            }
            Some('+') if in_hunk => Tone::Good,
            Some('-') if in_hunk => Tone::Bad,
            _ if in_hunk => Tone::Plain,
            _ => Tone::Strong,
        };
        // It would be gone from the line, and tells what has changed.
        format!("{}\n", paint.tone(tone, &plain(&line.replace('\r', "\\r"))))
    };
    text.split_terminator('\n').map(line).collect()
}
