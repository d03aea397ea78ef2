//! Every Rust file starts with a `//!` head. Must not judge what it says.

use super::finding::Finding;
use super::workspace::Workspace;

pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let headless = workspace.rust_files().filter(|file| !file.text.starts_with("//!"));
    let finding = |path: &str| {
        let message = "no head: a reader must learn the file's duty before its code; \
                       start it with `//! what it does, and what it must not know`";
        Finding::new("head", path, 1, message.to_owned())
    };
    headless.map(|file| finding(&file.path)).collect()
}
