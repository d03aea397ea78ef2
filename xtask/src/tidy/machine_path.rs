//! No absolute path of somebody's machine in any text file.

#[cfg(test)]
mod tests;

use super::finding::Finding;
use super::workspace::{File, Workspace};

/// Folders that only one machine has. Written in two parts, or this file would find itself.
const MACHINE_FOLDERS: &[&str] =
    &[concat!("/", "work/"), concat!("/", "root/"), concat!("/", "farm/")];

pub fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace.files.iter().flat_map(in_file).collect()
}

fn in_file(file: &File) -> Vec<Finding> {
    let lines = file.text.lines().enumerate();
    let found = lines.filter_map(|(index, line)| {
        let folder = MACHINE_FOLDERS.iter().find(|folder| is_absolute(line, folder))?;
        let message = format!(
            "`{folder}…` is a path of one machine: it is wrong on every other; \
             use a path relative to the repository, or a temporary folder"
        );
        Some(Finding::new("machine-path", &file.path, index + 1, message))
    });
    found.collect()
}

/// Whether the line has the folder at the start of a path, not inside one or inside a URL.
fn is_absolute(line: &str, folder: &str) -> bool {
    let inside = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.}~)*/".contains(&byte);
    line.match_indices(folder).any(|(position, _)| {
        let before = position.checked_sub(1).and_then(|before| line.as_bytes().get(before));
        !before.copied().is_some_and(inside)
    })
}
