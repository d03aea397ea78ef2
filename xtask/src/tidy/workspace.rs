//! What the checks look at: the packages by `cargo metadata`, the files by `git ls-files`.
//!
//! Reads everything once. Must not judge.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use serde_json::Value;

use super::mask;

/// Everything the checks may see.
#[derive(Debug, Default)]
pub struct Workspace {
    pub packages: Vec<Package>,
    /// Tracked files, and new ones that git does not ignore. Text only.
    pub files: Vec<File>,
}

/// A member of the workspace.
#[derive(Debug, Default)]
pub struct Package {
    pub name: String,
    /// Its folder, relative to the root: `crates/model`.
    pub dir: String,
    pub dependencies: Vec<Dependency>,
}

/// One entry of a package's dependency tables.
#[derive(Debug)]
pub struct Dependency {
    pub name: String,
    /// `[dev-dependencies]`; build dependencies count as normal ones.
    pub dev: bool,
}

/// One text file.
#[derive(Debug, Default)]
pub struct File {
    /// Relative to the root, with `/`.
    pub path: String,
    pub text: String,
    /// For Rust: the text with comments, strings and chars blanked out. Else empty.
    pub code: String,
}

impl File {
    pub fn new(path: &str, text: String) -> Self {
        let code = if path.ends_with(".rs") { mask::mask(&text) } else { String::new() };
        Self { path: path.to_owned(), text, code }
    }

    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The line of a byte position, from 1.
    pub fn line_at(&self, position: usize) -> usize {
        let before = self.text.as_bytes().iter().take(position);
        before.filter(|byte| **byte == b'\n').count() + 1
    }
}

impl Workspace {
    /// Reads the workspace around the current directory.
    pub fn load() -> anyhow::Result<Self> {
        let metadata = output("cargo", &["metadata", "--no-deps", "--format-version", "1"], None)?;
        let metadata: Value = serde_json::from_slice(&metadata)?;
        let root = metadata["workspace_root"].as_str().context("cargo metadata names no root")?;
        let root = PathBuf::from(root);
        let members =
            metadata["packages"].as_array().context("cargo metadata lists no packages")?;
        Ok(Self {
            packages: members.iter().map(|member| package(&root, member)).collect(),
            files: files(&root)?,
        })
    }

    pub fn rust_files(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.is_rust())
    }

    pub fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|file| file.path == path)
    }
}

fn package(root: &Path, member: &Value) -> Package {
    let manifest = Path::new(member["manifest_path"].as_str().unwrap_or_default());
    let dir = manifest.parent().and_then(|dir| dir.strip_prefix(root).ok());
    let dependencies = member["dependencies"].as_array().into_iter().flatten();
    Package {
        name: member["name"].as_str().unwrap_or_default().to_owned(),
        dir: dir.map(|dir| dir.to_string_lossy().into_owned()).unwrap_or_default(),
        dependencies: dependencies
            .map(|dependency| Dependency {
                name: dependency["name"].as_str().unwrap_or_default().to_owned(),
                dev: dependency["kind"] == "dev",
            })
            .collect(),
    }
}

fn files(root: &Path) -> anyhow::Result<Vec<File>> {
    let arguments = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"];
    let listed = output("git", &arguments, Some(root))?;
    let mut paths: Vec<_> = String::from_utf8_lossy(&listed)
        .split('\0')
        .filter(|path| !path.is_empty())
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    // A listed file may be deleted in the work tree, and a binary one is no text: left out.
    let read = |path: String| {
        let text = std::fs::read_to_string(root.join(&path)).ok()?;
        Some(File::new(&path, text))
    };
    Ok(paths.into_iter().filter_map(read).collect())
}

fn output(program: &str, arguments: &[&str], dir: Option<&Path>) -> anyhow::Result<Vec<u8>> {
    let mut command = Command::new(program);
    command.args(arguments);
    if let Some(dir) = dir {
        command.current_dir(dir);
    }
    let output = command.output().with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        bail!("{program} {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    }
    Ok(output.stdout)
}
