//! The parts of a spec, as plain data.

use super::action::Action;
use super::network::HostPort;
use super::places::Places;
use super::rights::Rights;
use super::skill::Skill;
use crate::LevelName;
use crate::path::TreePath;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// What a box is made of and what it may do. What a box does not say it does not get.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BoxSpec {
    /// Its name; errors of composing name it.
    pub name: String,
    /// The folder of its `box.toml`; paths of its files are relative to it.
    pub dir: PathBuf,
    /// What the `SKILL.md` in its folder says, if there is one.
    pub skill: Option<Skill>,
    /// What lies under everything. Unsaid: nothing, or what it extends says.
    pub base: Option<Base>,
    /// The boxes it is built upon, left to right, as it names them.
    pub extends: Vec<String>,
    /// What is put into it, by path.
    pub files: BTreeMap<TreePath, FileSource>,
    /// Commands that run once, when it is built.
    pub setup: Vec<Setup>,
    /// Its environment.
    pub env: BTreeMap<String, String>,
    /// Secrets by name, each with the hosts it is for. Unsaid is not the same as none:
    /// a box that says none grants none to what it extends.
    pub secrets: Option<BTreeMap<String, BTreeSet<HostPort>>>,
    /// The hosts it may reach. Unsaid is not the same as none, as with secrets.
    pub network: Option<BTreeSet<HostPort>>,
    /// What its programs may do by the hub. Unsaid is not the same as nothing, as with secrets.
    pub hub: Option<Rights>,
    /// What it may use up.
    pub limits: Limits,
    /// What can be asked of it, by name.
    pub actions: BTreeMap<String, Action>,
    /// How hard its walls are at least.
    pub level: Option<LevelName>,
    /// Where it may say something else than the boxes it extends.
    pub overrides: Overrides,
    /// Where it says what; nowhere if it was put together by a program.
    pub places: Places,
}

/// What lies under a box's own files.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Base {
    /// Nothing.
    Empty,
    /// The machine's system folders, to be read only.
    Host,
    /// The tree in a tar file.
    Tarball(PathBuf),
    /// An image in an OCI layout.
    Oci {
        /// The layout's folder.
        dir: PathBuf,
        /// Which image of it; unsaid: its only one.
        tag: Option<String>,
    },
}

/// Where a file of a box comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileSource {
    /// A file or folder, relative to the spec's folder.
    From {
        /// The spec's folder and the path in it.
        path: PathBuf,
        /// Permission bits, if not those of the file.
        mode: Option<u32>,
    },
    /// This text.
    Text {
        /// The content.
        text: String,
        /// Permission bits.
        mode: u32,
    },
}

/// A command that runs when a box is built.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Setup {
    /// A line for the shell.
    Line(String),
    /// A program with its arguments; no shell reads them.
    Argv(Vec<String>),
}

/// What a box may use up; `None` is no limit of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Memory.
    pub memory_bytes: Option<u64>,
    /// Processor time: thousandths of a core.
    pub cpu_millis: Option<u32>,
    /// Processes and threads at once.
    pub pids: Option<u32>,
    /// What it writes to disk.
    pub disk_bytes: Option<u64>,
    /// How long one command runs.
    pub wall_ms: Option<u64>,
    /// What one command prints.
    pub output_bytes: Option<u64>,
}

impl Limits {
    /// The tighter of both, each for itself.
    #[must_use]
    pub fn tightest(self, other: Limits) -> Limits {
        fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        Limits {
            memory_bytes: least(self.memory_bytes, other.memory_bytes),
            cpu_millis: least(self.cpu_millis, other.cpu_millis),
            pids: least(self.pids, other.pids),
            disk_bytes: least(self.disk_bytes, other.disk_bytes),
            wall_ms: least(self.wall_ms, other.wall_ms),
            output_bytes: least(self.output_bytes, other.output_bytes),
        }
    }
}

/// What a box says anew on purpose. Among the boxes it extends the rightmost wins there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// Paths of files.
    pub files: BTreeSet<TreePath>,
    /// Names of actions.
    pub actions: BTreeSet<String>,
    /// Names of the environment.
    pub env: BTreeSet<String>,
}
