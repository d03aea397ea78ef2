//! No `unsafe`, and every package takes the workspace's lints, which forbid it. But for one file:
//! the system calls of boxes, in a package whose lints are the same but `deny` where they forbid.

use super::finding::Finding;
use super::mask::word_positions;
use super::workspace::{File, Package, Workspace};

/// The one file that may say `unsafe`, and its package.
const SYSTEM_CALLS: &str = "crates/boxes/src/sandbox/sys.rs";
const BOXES: &str = "crates/boxes";

pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let words = workspace.rust_files().filter(|file| file.path != SYSTEM_CALLS).flat_map(words);
    let ordinary = workspace.packages.iter().filter(|package| package.dir != BOXES);
    let lintless = ordinary.filter_map(|package| lintless(workspace, package));
    words.chain(lintless).chain(forbidden(workspace)).chain(looser(workspace)).collect()
}

fn words(file: &File) -> Vec<Finding> {
    let finding = |position| {
        let message = "`unsafe`: one wrong pointer undoes every promise of the runtime; \
                       use safe code, or a crate that wraps this";
        Finding::new("unsafe", &file.path, file.line_at(position), message.to_owned())
    };
    word_positions(&file.code, "unsafe").map(finding).collect()
}

fn lintless(workspace: &Workspace, package: &Package) -> Option<Finding> {
    let path = format!("{}/Cargo.toml", package.dir);
    let manifest = &workspace.file(&path)?.text;
    let message = "no `[lints] workspace = true`: the package escapes the workspace's lints, \
                   `unsafe_code = \"forbid\"` among them; add the two lines";
    let has = has_line(manifest, "[lints]", "workspace=true");
    (!has).then(|| Finding::new("unsafe", &path, 1, message.to_owned()))
}

fn forbidden(workspace: &Workspace) -> Option<Finding> {
    let path = "Cargo.toml";
    let manifest = &workspace.file(path)?.text;
    let has = has_line(manifest, "[workspace.lints.rust]", "unsafe_code=\"forbid\"");
    let message = "[workspace.lints.rust] lacks `unsafe_code = \"forbid\"`: \
                   the compiler must hold what tidy only greps for; add it";
    (!has).then(|| Finding::new("unsafe", path, 1, message.to_owned()))
}

/// Whether the table holds the line, spaces aside.
fn has_line(manifest: &str, table: &str, wanted: &str) -> bool {
    let lines = manifest.lines().skip_while(|line| line.trim() != table).skip(1);
    let mut lines = lines.take_while(|line| !line.starts_with('['));
    lines.any(|line| line.replace(' ', "") == wanted)
}

/// The lints of the package that cannot inherit them, where they are not the workspace's.
fn looser(workspace: &Workspace) -> Option<Finding> {
    let path = format!("{BOXES}/Cargo.toml");
    let manifest = &workspace.file(&path)?.text;
    let shared = &workspace.file("Cargo.toml")?.text;
    let missing = ["rust", "clippy"].into_iter().find_map(|tool| {
        let own = lints(manifest, &format!("[lints.{tool}]"));
        let shared = lints(shared, &format!("[workspace.lints.{tool}]"));
        let mut shared = shared.into_iter().map(|line| line.replace("forbid", "deny"));
        shared.find(|line| !own.contains(line))
    })?;
    let message = format!("the package's lints lack `{missing}` of the workspace's; add it");
    Some(Finding::new("unsafe", &path, 1, message))
}

/// The lines of a table of lints, without spaces and comments.
fn lints(manifest: &str, table: &str) -> Vec<String> {
    let lines = manifest.lines().skip_while(|line| line.trim() != table).skip(1);
    let lines = lines.take_while(|line| !line.starts_with('['));
    let lines = lines.filter(|line| line.contains('=') && !line.starts_with('#'));
    lines.map(|line| line.replace(' ', "")).collect()
}
