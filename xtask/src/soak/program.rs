//! The binary of an example: built by cargo, used by its command line alone.

use super::running::Running;
use anyhow::{Context, bail, ensure};
use serde_json::Value;
use std::cell::Cell;
use std::fs::File;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub struct Program {
    binary: PathBuf,
    dir: PathBuf,
    store: Option<String>,
    /// Whether the directory stays when this goes.
    kept: Cell<bool>,
}

/// A command as it is given to threads: `Program` itself stays with its owner.
#[derive(Clone)]
pub struct Caller {
    binary: PathBuf,
    dir: PathBuf,
    variables: Vec<(&'static str, String)>,
}

impl Program {
    /// `label`: part of the name of the directory it works in.
    pub fn build(
        package: &str,
        release: bool,
        label: &str,
        store: Option<String>,
    ) -> anyhow::Result<Program> {
        let mut cargo = Command::new("cargo");
        cargo.args(["build", "--quiet", "--package", package, "--message-format", "json"]);
        if release {
            cargo.arg("--release");
        }
        let output = cargo.stderr(Stdio::inherit()).output().context("cannot run cargo")?;
        ensure!(output.status.success(), "the example does not build");
        let text = String::from_utf8(output.stdout)?;
        let executable = |line| executable(line, package);
        let binary = text.lines().filter_map(executable).next_back().context("no binary built")?;
        let dir = std::env::temp_dir().join(format!("soak-{label}-{}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        Ok(Program { binary, dir, store, kept: Cell::new(false) })
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Leaves the directory for whoever wants to see what went wrong.
    pub fn keep(&self) -> &Path {
        self.kept.set(true);
        &self.dir
    }

    /// For commands and nodes with these variables.
    pub fn caller(&self, mut variables: Vec<(&'static str, String)>) -> Caller {
        let store = self.store.iter().map(|store| ("GREENROOM_STORE", store.clone()));
        variables.extend(store);
        variables.push(("GREENROOM_DIR", self.dir.display().to_string()));
        Caller { binary: self.binary.clone(), dir: self.dir.clone(), variables }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        if !self.kept.get() {
            let _ = std::fs::remove_dir_all(&self.dir);
        }
    }
}

fn executable(line: &str, package: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    let executable = message["executable"].as_str()?;
    (message["target"]["name"] == package).then(|| executable.into())
}

impl Caller {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.env_remove("GREENROOM_STORE").envs(self.variables.iter().cloned());
        command.args(words).stdin(Stdio::null()).current_dir(&self.dir);
        command
    }

    /// Starts a process that goes on; what it prints is added to `NAME.out`.
    pub fn start(&self, name: &str, words: &[&str]) -> anyhow::Result<Running> {
        let out = File::options().create(true).append(true).open(self.output(name))?;
        let mut command = self.command(words);
        command.stdout(out.try_clone()?).stderr(out);
        Running::start(command)
    }

    /// What processes of this name have printed.
    pub fn output(&self, name: &str) -> PathBuf {
        self.dir.join(name).with_extension("out")
    }

    /// Whether the node answers.
    pub fn is_up(&self) -> bool {
        UnixStream::connect(self.dir.join("node.sock")).is_ok()
    }

    /// Runs a command to its end and reads its JSON.
    pub fn ask(&self, words: &[&str]) -> anyhow::Result<Value> {
        let output = self.command(words).arg("--json").output()?;
        if !output.status.success() {
            bail!("{words:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        if output.stdout.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&output.stdout).with_context(|| format!("{words:?} prints no JSON"))
    }
}
