//! One thing that a check found. Knows no check.

use std::fmt;

/// Prints as `path:line: what, why, what to do [check]`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative to the workspace root.
    pub path: String,
    /// From 1.
    pub line: usize,
    /// The name that `tidy.exceptions` uses for the check.
    pub check: &'static str,
    /// What is wrong, why it matters and what to do.
    pub message: String,
}

impl Finding {
    pub fn new(check: &'static str, path: &str, line: usize, message: String) -> Self {
        Self { path: path.to_owned(), line, check, message }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} [{}]", self.path, self.line, self.message, self.check)
    }
}
