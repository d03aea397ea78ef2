//! Processes under those that spawned them.

use super::process::status_tone;
use super::span::span;
use crate::paint::{Paint, Tone};
use greenroom_api::wire::Process;
use greenroom_model::{Millis, ProcessId};
use std::collections::{BTreeMap, BTreeSet};

/// The tree. A process whose parent is not among them is a root.
pub fn tree(processes: &[Process], now: Millis, paint: Paint) -> String {
    let known: BTreeSet<&ProcessId> = processes.iter().map(|process| &process.id).collect();
    let mut children: BTreeMap<Option<&ProcessId>, Vec<&Process>> = BTreeMap::new();
    for process in processes {
        let parent = process.parent.as_ref().filter(|parent| known.contains(parent));
        children.entry(parent).or_default().push(process);
    }
    let mut out = String::new();
    // A stack of its own: a tree may be deeper than the program's stack.
    let mut open: Vec<(String, &'static str, &'static str, &Process)> = Vec::new();
    push(&mut open, children.get(&None), "", true);
    while let Some((indent, branch, below, process)) = open.pop() {
        let status = paint.tone(status_tone(process.status), process.status.word());
        let away = if process.detached { "  detached" } else { "" };
        let age = paint.tone(Tone::Quiet, &span(now.since(process.started_at)));
        out.push_str(&format!("{indent}{branch}{}  {status}{away}  {age}\n", process.id));
        push(&mut open, children.get(&Some(&process.id)), &format!("{indent}{below}"), false);
    }
    out
}

fn push<'a>(
    open: &mut Vec<(String, &'static str, &'static str, &'a Process)>,
    children: Option<&Vec<&'a Process>>,
    indent: &str,
    roots: bool,
) {
    for (index, process) in children.into_iter().flatten().rev().enumerate() {
        let (branch, below) = match (roots, index) {
            (true, _) => ("", ""),
            (false, 0) => ("└─ ", "   "),
            (false, _) => ("├─ ", "│  "),
        };
        open.push((indent.to_owned(), branch, below, process));
    }
}
