//! The names of the isolation levels.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How strongly a box is kept apart. One that is missing on a machine is an error, never
/// another one instead.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LevelName {
    /// WASI components: pure code.
    Wasm,
    /// The kernel's namespaces: the default on Linux.
    Namespace,
    /// A virtual machine: hostile code.
    Microvm,
}

impl fmt::Display for LevelName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Wasm => "wasm",
            Self::Namespace => "namespace",
            Self::Microvm => "microvm",
        })
    }
}
