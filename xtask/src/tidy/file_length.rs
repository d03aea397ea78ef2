//! No Rust file over 800 lines. Knows nothing of what is in them.

use super::finding::Finding;
use super::workspace::{File, Workspace};

const LINES_MAX: usize = 800;

pub fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace.rust_files().filter_map(long).collect()
}

fn long(file: &File) -> Option<Finding> {
    let lines = file.text.lines().count();
    let message = format!(
        "{lines} lines, over {LINES_MAX}: too much to hold in mind at once; \
         split it by what it does (aim for 200)"
    );
    (lines > LINES_MAX).then(|| Finding::new("file-length", &file.path, LINES_MAX + 1, message))
}
