//! The paths that a Rust file names: `use` trees spelled out, and `a::b` in its code.
//!
//! Works on masked code; must not know which path is a file.

#[cfg(test)]
mod tests;

use super::fn_length::closing;
use super::mask::{is_word, word_positions};

/// One path as written, and where.
#[derive(Debug, PartialEq, Eq)]
pub struct UsePath {
    /// `crate::a::B` as its segments; `*` may be the last.
    pub segments: Vec<String>,
    /// The name it gets by `use`: the last segment, or what stands after `as`. Empty in code.
    pub name: String,
    /// In a `pub use`, of whatever visibility.
    pub reexport: bool,
    pub position: usize,
}

/// All paths of at least two segments, those of inline modules left out.
pub fn use_paths(code: &str) -> Vec<UsePath> {
    let code = without_inline_modules(code);
    let mut paths = Vec::new();
    let mut rest = code.clone().into_bytes();
    for position in word_positions(&code, "use") {
        let statement = code.get(position + 3..).unwrap_or_default();
        let length = statement.find(';').unwrap_or(statement.len());
        let tree = statement.get(..length).unwrap_or_default();
        if tree.trim_start().starts_with('<') {
            continue; // `impl Trait + use<'a>`: not an import
        }
        let reexport = is_public(&code, position);
        let start = paths.len();
        expand(&[], tree, &mut paths);
        for path in paths.iter_mut().skip(start) {
            path.reexport = reexport;
            path.position = position;
        }
        blank(&mut rest, position, position + 3 + length);
    }
    let rest = String::from_utf8_lossy(&rest).into_owned();
    paths.extend(plain_paths(&rest));
    paths
}

/// Spells out one `use` tree: `a::{b, c::{self, D as E}}`.
fn expand(prefix: &[String], tree: &str, paths: &mut Vec<UsePath>) {
    let tree = tree.trim();
    if let Some((head, group)) = tree.split_once('{') {
        let mut prefix = prefix.to_vec();
        prefix.extend(segments(head));
        let group = group.trim_end().strip_suffix('}').unwrap_or(group);
        for part in split_top(group) {
            expand(&prefix, part, paths);
        }
        return;
    }
    let (path, alias) = match tree.split_once(" as ") {
        Some((path, alias)) => (path, Some(alias.trim())),
        None => (tree, None),
    };
    let mut all = prefix.to_vec();
    all.extend(segments(path));
    if all.len() > 1 && all.last().is_some_and(|last| last == "self") {
        all.pop();
    }
    if let Some(last) = all.last().cloned() {
        let name = alias.map_or(last, str::to_owned);
        paths.push(UsePath { segments: all, name, reexport: false, position: 0 });
    }
}

fn segments(path: &str) -> impl Iterator<Item = String> {
    path.split("::").map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned)
}

/// Splits at the commas outside braces.
fn split_top(group: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (position, byte) in group.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            b',' if depth == 0 => {
                parts.extend(group.get(start..position));
                start = position + 1;
            }
            _ => {}
        }
    }
    parts.extend(group.get(start..));
    parts.retain(|part| !part.trim().is_empty());
    parts
}

/// Paths outside `use`: every chain of words joined by `::`, but for `pub(in a::b)`.
fn plain_paths(code: &str) -> Vec<UsePath> {
    let mut paths = Vec::new();
    let mut at = 0;
    while let Some(found) = code.get(at..).and_then(|rest| rest.find("::")) {
        let joint = at + found;
        let before = code.get(..joint).unwrap_or_default();
        let first = before.bytes().rev().take_while(|byte| is_word(*byte)).count();
        let start = joint - first;
        let tail = code.get(start..).unwrap_or_default();
        let length = tail.bytes().take_while(|byte| is_word(*byte) || *byte == b':').count();
        let path = tail.get(..length).unwrap_or_default();
        at = (start + length).max(joint + 2);
        let rooted = code.get(..start).unwrap_or_default();
        if first == 0 || rooted.ends_with("(in ") {
            continue;
        }
        let segments = segments(path.trim_end_matches(':')).collect();
        paths.push(UsePath { segments, name: String::new(), reexport: false, position: start });
    }
    paths
}

/// Whether `pub` or `pub(…)` stands right before the position.
fn is_public(code: &str, position: usize) -> bool {
    let before = code.get(..position).unwrap_or_default().trim_end();
    let before = match before.strip_suffix(')') {
        Some(inside) => inside.rsplit_once('(').map_or("", |(before, _)| before),
        None => before,
    };
    before.ends_with("pub")
}

/// Blanks `mod name { … }`: its paths count from another place.
fn without_inline_modules(code: &str) -> String {
    let mut bytes = code.as_bytes().to_vec();
    for position in word_positions(code, "mod") {
        let after = code.get(position + 3..).unwrap_or_default();
        let Some(open) = after.find(['{', ';']).map(|open| position + 3 + open) else {
            continue;
        };
        let end = code.get(open..).and_then(closing).map(|length| open + length);
        if let (Some(b'{'), Some(end)) = (code.as_bytes().get(open), end) {
            blank(&mut bytes, position, end + 1);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn blank(bytes: &mut [u8], start: usize, end: usize) {
    let blanked = bytes.iter_mut().take(end).skip(start).filter(|byte| **byte != b'\n');
    blanked.for_each(|byte| *byte = b' ');
}
