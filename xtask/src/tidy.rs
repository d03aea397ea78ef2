//! Runs every check over the workspace and prints what it found, one line each.
//!
//! A check is a file with one function: workspace in, findings out. It must not
//! print, and must not read files itself.

mod circle;
mod exceptions;
mod file_length;
mod finding;
mod fn_length;
mod head;
mod imports;
mod machine_path;
mod mask;
mod module_tree;
mod name;
mod unsafe_code;
mod use_paths;
mod workspace;

use std::process::ExitCode;

use finding::Finding;
use workspace::Workspace;

const CHECKS: &[fn(&Workspace) -> Vec<Finding>] = &[
    imports::check,
    file_length::check,
    fn_length::check,
    head::check,
    name::check,
    unsafe_code::check,
    circle::check,
    machine_path::check,
];

/// Checks the workspace around the current directory. Exit code 1 when anything is found.
pub fn run() -> anyhow::Result<ExitCode> {
    let workspace = Workspace::load()?;
    let found = CHECKS.iter().flat_map(|check| check(&workspace)).collect();
    let mut findings = exceptions::apply(&workspace, found);
    findings.sort();
    for finding in &findings {
        eprintln!("{finding}");
    }
    if findings.is_empty() {
        println!("tidy: {} files, nothing found", workspace.files.len());
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("tidy: {} found", findings.len());
    Ok(ExitCode::FAILURE)
}
