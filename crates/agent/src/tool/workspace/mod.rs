//! The tools that agents everywhere have, bound to one folder: `Read`, `Write`,
//! `Edit`, `Glob`, `Grep`, `LS`, `Bash`, under the names that people's agent files use.
//!
//! The file tools never leave the folder. `Bash` begins in it, with an environment of
//! a few names, but is no cage: what it runs may do what this node may do. Give it an
//! approval, or a box.

mod bash;
mod edit;
mod folder;
mod glob;
mod grep;
mod list;
mod read;
mod write;

pub(crate) use bash::{BASH, Output, Wanted as Command};
pub use folder::{COMMAND_FAILED, FILE_FAILED};
pub(crate) use folder::{ENTRIES_MAX, Files, OnFiles, PASSED_OVER};
pub(crate) use glob::pattern as path_pattern;

use super::Tool;
use crate::root::Root;
use folder::{Folder, Where};
use std::io;
use std::path::Path;

/// The folder that an agent works in.
#[derive(Clone)]
pub struct Workspace {
    folder: Folder,
}

impl Workspace {
    /// This folder.
    pub fn open(path: &Path) -> io::Result<Workspace> {
        let place = Where::Open(Root::open(path)?);
        Ok(Workspace { folder: Folder { place, env: Vec::new() } })
    }

    /// The same in another folder, which is opened with each call.
    pub fn at(&self, path: &Path) -> Workspace {
        let place = Where::At(path.to_owned());
        Workspace { folder: Folder { place, env: self.folder.env.clone() } }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        match &self.folder.place {
            Where::Open(root) => root.path(),
            Where::At(path) => path,
        }
    }

    /// Commands also find these of this node's environment.
    pub fn env<S: Into<String>>(mut self, names: impl IntoIterator<Item = S>) -> Workspace {
        self.folder.env.extend(names.into_iter().map(Into::into));
        self
    }

    /// All its tools.
    pub fn tools(&self) -> Vec<Tool> {
        let mut tools = over_files(&self.folder);
        tools.push(bash::tool(&self.folder));
        tools
    }
}

/// The tools over files, wherever those are.
pub(crate) fn over_files(files: &impl OnFiles) -> Vec<Tool> {
    vec![
        read::tool(files),
        write::tool(files),
        edit::tool(files),
        glob::tool(files),
        grep::tool(files),
        list::tool(files),
    ]
}
