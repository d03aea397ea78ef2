//! A spec that cannot be used, with the place where it says so.

use std::path::{Path, PathBuf};

/// What is wrong with a spec, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}:{line}:{column}: {message}", file.display())]
pub struct SpecError {
    /// The file.
    pub file: PathBuf,
    /// Its line, from 1.
    pub line: usize,
    /// The line's column, from 1, in characters.
    pub column: usize,
    /// What is wrong, and what to write instead.
    pub message: String,
}

impl SpecError {
    /// At a byte of the file's text.
    pub(crate) fn at(file: &Path, text: &str, byte: usize, message: String) -> SpecError {
        let before = text.get(..byte).unwrap_or(text);
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let column = before.get(line_start..).unwrap_or("").chars().count() + 1;
        let line = before.matches('\n').count() + 1;
        SpecError { file: file.to_owned(), line, column, message }
    }
}
