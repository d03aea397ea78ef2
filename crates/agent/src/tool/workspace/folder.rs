//! What the tools of a workspace share: its folder, and bounds on what they show.

use crate::root::{Entry, Root};
use crate::tool::Tool;
use crate::tool::outside;
use greenroom_model::Failure;
use greenroom_runtime::Step;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A failure's kind: a file tool could not do it, in words for a model.
pub const FILE_FAILED: &str = "file_failed";
/// A failure's kind: a command could not be started, or took too long.
pub const COMMAND_FAILED: &str = "command_failed";

/// The largest file that is read or searched, in bytes.
const FILE_MAX_BYTES: u64 = 8 << 20;

/// So much text a tool returns, in bytes.
const TEXT_MAX: usize = 64 << 10;

/// Folders that nothing is looked for in.
pub const PASSED_OVER: &[&str] = &[".git", ".greenroom", ".hg", ".svn", "node_modules", "target"];

/// So many files and folders are looked at.
pub const ENTRIES_MAX: usize = 200_000;

/// Files that tools work on, by path. What it does blocks.
pub trait Files {
    /// The path as these files have it. Errors: in words, one that leaves them.
    fn below(&self, path: &str) -> Result<PathBuf, String>;
    /// The whole file. Errors: in words; one that is longer than `max` bytes.
    fn read(&self, path: &str, max: u64) -> Result<Vec<u8>, String>;
    /// Puts these bytes there instead of what was. Errors: in words.
    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), String>;
    /// What is in a folder, in order.
    fn list(&self, path: &Path) -> io::Result<Vec<Entry>>;
    /// The files below a folder, without those that are passed over. Whether there were more.
    fn walk(&self, below: &Path) -> Result<(Vec<String>, bool), String> {
        files(self, below)
    }
}

impl Files for Root {
    fn below(&self, path: &str) -> Result<PathBuf, String> {
        Root::below(self, path)
    }

    fn read(&self, path: &str, max: u64) -> Result<Vec<u8>, String> {
        Root::read(self, path, max)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        Root::write(self, path, bytes)
    }

    fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        Root::list(self, path)
    }
}

/// Where the tools over files are done.
pub trait OnFiles {
    /// A tool over files: a function that blocks, and fails in words.
    fn on_files<I, F>(&self, name: &str, description: &str, run: F) -> Tool
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(&dyn Files, &Step, I) -> Result<String, String> + Send + Sync + 'static;
}

/// The folder, and what commands find in their environment.
#[derive(Clone)]
pub struct Folder {
    pub place: Where,
    pub env: Vec<String>,
}

/// A folder that is open, or one that is opened for each call: it may not be there
/// when a journal is looked at.
#[derive(Clone)]
pub enum Where {
    Open(Root),
    At(PathBuf),
}

impl Folder {
    /// The folder. Errors: in words, one that is gone.
    pub fn root(&self) -> Result<Root, String> {
        match &self.place {
            Where::Open(root) => Ok(root.clone()),
            Where::At(path) => Root::open(path)
                .map_err(|error| format!("the workspace {} is gone: {error}", path.display())),
        }
    }
}

impl OnFiles for Folder {
    fn on_files<I, F>(&self, name: &str, description: &str, run: F) -> Tool
    where
        I: DeserializeOwned + JsonSchema + Send + 'static,
        F: Fn(&dyn Files, &Step, I) -> Result<String, String> + Send + Sync + 'static,
    {
        let (folder, run) = (self.clone(), Arc::new(run));
        Tool::function(name, description, move |step: Step, input: I| {
            let (folder, run) = (folder.clone(), run.clone());
            async move {
                let done = outside::blocking(move || run(&folder.root()?, &step, input)).await;
                let done = done.unwrap_or_else(|| Err("it ended in a panic".to_owned()));
                done.map_err(|why| Failure::fatal(FILE_FAILED, why))
            }
        })
    }
}

/// The files below a folder, by path, without those that are passed over. Whether
/// there were more.
fn files<T: Files + ?Sized>(root: &T, below: &Path) -> Result<(Vec<String>, bool), String> {
    let (mut files, mut folders, mut seen) = (Vec::new(), vec![below.to_owned()], 0);
    let mut is_first = true;
    while let Some(folder) = folders.pop() {
        let entries = match root.list(&folder) {
            Ok(entries) => entries,
            Err(error) if is_first => return Err(format!("`{}`: {error}", folder.display())),
            // It has gone meanwhile, or is not ours to read.
            Err(_) => continue,
        };
        is_first = false;
        for entry in entries {
            seen += 1;
            if seen > ENTRIES_MAX {
                files.sort();
                return Ok((files, true));
            }
            let name = entry.path.rsplit('/').next().unwrap_or_default();
            if !entry.is_dir {
                files.push(entry.path);
            } else if !PASSED_OVER.contains(&name) {
                folders.push(entry.path.into());
            }
        }
    }
    files.sort();
    Ok((files, false))
}

/// The file as text. Errors: in words, one that is no text.
pub fn text(root: &dyn Files, path: &str) -> Result<String, String> {
    let bytes = root.read(path, FILE_MAX_BYTES)?;
    match String::from_utf8(bytes) {
        Ok(text) if !text.contains('\0') => Ok(text),
        _ => Err(format!("`{path}` is no text")),
    }
}

/// The lines up to so many bytes, and a word on those left out.
pub fn joined(lines: &[String], more: &str) -> String {
    let (mut text, mut shown) = (String::new(), 0);
    for line in lines {
        if text.len() + line.len() > TEXT_MAX {
            break;
        }
        text.push_str(line);
        text.push('\n');
        shown += 1;
    }
    if shown < lines.len() {
        text.push_str(&format!("({} more {more}; ask for less)\n", lines.len() - shown));
    }
    text
}

/// A line up to so many bytes.
pub fn cut(line: &str, max: usize) -> String {
    match line.floor_char_boundary(max) {
        end if end < line.len() => format!("{}…", &line[..end]),
        _ => line.to_owned(),
    }
}
