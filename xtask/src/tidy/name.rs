//! No file or folder with a name that says nothing. Must not look inside files.

#[cfg(test)]
mod tests;

use super::finding::Finding;
use super::workspace::Workspace;

const EMPTY_NAMES: &[&str] =
    &["util", "utils", "common", "types", "manager", "managers", "helper", "helpers"];

pub fn check(workspace: &Workspace) -> Vec<Finding> {
    let named = |path: &str| {
        let name = path.split('/').find_map(empty_name)?;
        let message = format!(
            "named `{name}`: such a name draws in whatever has no home; \
             name it after what it does, and put each thing beside its owner"
        );
        Some(Finding::new("name", path, 1, message))
    };
    workspace.files.iter().filter_map(|file| named(&file.path)).collect()
}

fn empty_name(component: &str) -> Option<&str> {
    let stem = component.split('.').next()?;
    EMPTY_NAMES.contains(&stem).then_some(stem)
}
