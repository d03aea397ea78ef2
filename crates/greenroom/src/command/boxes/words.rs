//! How boxes and what is in them read to people. Pure.

use crate::view::{plain, span};
use greenroom_boxes::branch::Diff;
use greenroom_boxes::engine::{Ending, Known, Loss};
use greenroom_boxes::spec::HostPort;
use greenroom_boxes::tree::{Change, Changes, Entry, Overlap, Planted, Rename};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A name on one line: what would end the line, or turn its letters around, is written out, so
/// that nobody can pass a name off as more than one.
pub fn name(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\n' | '\t' | '\r' => shown.extend(letter.escape_default()),
            letter => shown.push(letter),
        }
    }
    plain(&shown)
}

pub fn hosts(hosts: &BTreeSet<HostPort>) -> String {
    hosts.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// So much of a hash is enough for a person.
const SHORT: usize = 12;

pub fn short(id: impl std::fmt::Display) -> String {
    id.to_string().chars().take(SHORT).collect()
}

pub fn age(now_ms: u64, at_ms: u64) -> String {
    format!("{} ago", span(Duration::from_millis(now_ms.saturating_sub(at_ms))))
}

/// `1.5 MiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut value = count as f64;
    let mut unit = "B";
    for next in UNITS {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, next);
    }
    if unit == "B" { format!("{count} B") } else { format!("{value:.1} {unit}") }
}

pub fn loss(loss: Option<Loss>) -> &'static str {
    match loss {
        None => "",
        Some(Loss::Processes) => "its processes were lost; its files are as they were",
        Some(Loss::Unsynced) => {
            "its processes were lost, as the machine went down; writes since it was sealed last \
             are unsynced: as the disk had them"
        }
    }
}

pub fn status(known: &Known) -> &'static str {
    match (known.running, known.frozen) {
        (true, true) => "frozen",
        (true, false) => "running",
        (false, _) => "stopped",
    }
}

pub fn ending(ending: Option<Ending>) -> String {
    match ending {
        None => "no end known".to_owned(),
        Some(Ending::Code(code)) => format!("exit {code}"),
        Some(Ending::Signal(signal)) => format!("signal {signal}"),
        Some(Ending::TimedOut) => "timed out".to_owned(),
    }
}

pub fn entry(entry: Option<&Entry>) -> String {
    match entry {
        None | Some(Entry::Tombstone) => "nothing".to_owned(),
        Some(Entry::File { hash, size, mode, .. }) => {
            format!("file {mode:04o} {} {}", bytes(*size), short(hash))
        }
        Some(Entry::Dir { mode, .. }) => format!("folder {mode:04o}"),
        Some(Entry::Symlink { target }) => format!("link to {}", name(target)),
    }
}

/// What was done to a path, by a letter and words.
pub struct Told {
    pub letter: char,
    pub path: String,
    pub from: Option<String>,
    pub words: String,
    pub planted: Option<String>,
}

/// A diff, path by path; a rename is one line.
pub fn diff(diff: &Diff) -> Vec<Told> {
    changes(&diff.changes, &diff.renames, &diff.planted)
}

pub fn changes(changes: &Changes, renames: &[Rename], planted: &[Planted]) -> Vec<Told> {
    let by_new: BTreeMap<&str, &str> =
        renames.iter().map(|one| (one.to.as_str(), one.from.as_str())).collect();
    let gone: BTreeSet<&str> = renames.iter().map(|one| one.from.as_str()).collect();
    // Of several at a path the first is told.
    let planted: BTreeMap<&str, &Planted> =
        planted.iter().rev().map(|one| (one.path.as_str(), one)).collect();
    let told = |(path, change): (&greenroom_boxes::TreePath, &Change)| {
        let path = path.as_str();
        if gone.contains(path) {
            return None;
        }
        let from = by_new.get(path).map(|from| (*from).to_owned());
        let flag = planted.get(path);
        let prefix = format!("{path}: ");
        let flag = flag.map(|one| one.to_string().trim_start_matches(&prefix).to_owned());
        let (letter, words) = match (&from, &change.before, &change.after) {
            (Some(from), _, after) => {
                let before =
                    changes.by_path().get(from.as_str()).and_then(|one| one.before.as_ref());
                let both = before.zip(after.as_ref());
                ('R', both.map_or_else(String::new, |(before, after)| modified(before, after)))
            }
            (None, None, after) => ('A', entry(after.as_ref())),
            (None, Some(_), None) => ('D', String::new()),
            (None, Some(before), Some(after)) => ('M', modified(before, after)),
        };
        Some(Told { letter, path: path.to_owned(), from, words, planted: flag })
    };
    changes.by_path().iter().filter_map(told).collect()
}

fn modified(before: &Entry, after: &Entry) -> String {
    match (before, after) {
        (
            Entry::File { hash: one, size: was, mode: old, .. },
            Entry::File { hash: other, size: is, mode: new, .. },
        ) => {
            let mut words = Vec::new();
            if one != other {
                words.push(format!("{} to {}", bytes(*was), bytes(*is)));
            }
            if old != new {
                words.push(format!("mode {old:04o} to {new:04o}"));
            }
            words.join(", ")
        }
        (Entry::Dir { mode: old, .. }, Entry::Dir { mode: new, .. }) if old != new => {
            format!("mode {old:04o} to {new:04o}")
        }
        (before, after) => format!("{} to {}", entry(Some(before)), entry(Some(after))),
    }
}

impl Told {
    pub fn line(&self) -> String {
        let path = match &self.from {
            Some(from) => format!("{} -> {}", name(from), name(&self.path)),
            None => name(&self.path),
        };
        let words =
            if self.words.is_empty() { String::new() } else { format!("  ({})", self.words) };
        let flag = self.planted.as_ref().map(|flag| format!("  PLANTED: {}", name(flag)));
        format!("{} {path}{words}{}\n", self.letter, flag.unwrap_or_default())
    }

    pub fn json(&self) -> Value {
        let Told { letter, path, from, words, planted } = self;
        json!({ "what": letter, "path": path, "from": from, "words": words, "planted": planted })
    }
}

/// `3 paths: 1 added, 2 modified`.
pub fn count(told: &[Told]) -> String {
    let of = |letter: char| told.iter().filter(|one| one.letter == letter).count();
    let named = [('A', "added"), ('M', "modified"), ('D', "removed"), ('R', "renamed")];
    let parts: Vec<String> = named
        .into_iter()
        .map(|(letter, word)| (of(letter), word))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let paths = if told.len() == 1 { "path" } else { "paths" };
    if parts.is_empty() {
        return "nothing changed".to_owned();
    }
    format!("{} {paths}: {}", told.len(), parts.join(", "))
}

/// What both sides have of a path.
pub fn overlap(overlap: &Overlap) -> String {
    format!(
        "{}\n  base    {}\n  ours    {}\n  theirs  {}\n",
        name(overlap.path.as_str()),
        entry(overlap.base.as_ref()),
        entry(overlap.ours.as_ref()),
        entry(overlap.theirs.as_ref()),
    )
}
