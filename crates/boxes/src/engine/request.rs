//! What is asked of a box, and what comes of it: plain data.

use super::records::{BoxRow, Ending};
use crate::hash::LayerId;
use crate::sandbox::{Terminal, Usage};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A command to run in a box.
#[derive(Clone, Debug, Default)]
pub struct ExecRequest {
    /// The program and its arguments. No shell reads them.
    pub argv: Vec<String>,
    /// Beside the environment of the image, and over it.
    pub env: BTreeMap<String, String>,
    /// Where it starts. Default `/`.
    pub cwd: Option<PathBuf>,
    /// A terminal instead of three pipes.
    pub terminal: Option<Terminal>,
    /// After so long it is killed with all that it started; at the latest when the box's
    /// `limits.wall` says.
    pub timeout_ms: Option<u64>,
    /// Whether what it started may live on when it has ended.
    pub keep_background: bool,
    /// The box's `/bin/sh` starts it and does not wait: the command has begun when this ends,
    /// and lives on. What it prints can be read by [`super::Engine::read_log`].
    pub background: bool,
}

impl ExecRequest {
    /// A command with nothing said beside it.
    #[must_use]
    pub fn of(argv: impl IntoIterator<Item = impl Into<String>>) -> ExecRequest {
        ExecRequest { argv: argv.into_iter().map(Into::into).collect(), ..Default::default() }
    }
}

/// What a command printed, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Printed {
    /// The command's number.
    pub no: i64,
    /// How it ended.
    pub ending: Ending,
    /// What it used.
    pub usage: Usage,
    /// The beginning of what it printed, as far as `limits.output` lets it.
    pub stdout: String,
    /// The same of its errors.
    pub stderr: String,
    /// A layer with all of both, where that is more.
    pub output: Option<LayerId>,
    /// Bytes beyond what is kept at all.
    pub cut_bytes: u64,
}

impl Printed {
    /// Whether it ended with exit code 0.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.ending == Ending::Code(0)
    }
}

/// A box and what is known of it.
#[derive(Clone, Debug, Serialize)]
pub struct Known {
    /// What is written down.
    #[serde(flatten)]
    pub row: BoxRow,
    /// The name of what it was started from.
    pub image_name: String,
    /// The box that it is a branch of.
    pub parent: Option<String>,
    /// How many layers it stands on.
    pub layers: usize,
    /// Whether a sandbox runs it.
    pub running: bool,
    /// Whether somebody froze it.
    pub frozen: bool,
}

/// Something in a box that no layer can have.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LeftOut {
    /// The box.
    pub name: String,
    /// Where.
    pub path: String,
    /// What.
    pub what: &'static str,
}

impl std::fmt::Display for LeftOut {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}: {}, which is left out", self.name, self.path, self.what)
    }
}
