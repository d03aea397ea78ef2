//! A setup command in a sandbox, and what it wrote.
//!
//! What it leaves in `/tmp`, `/run` and `/var/tmp` is no part of the box: the first is memory,
//! the others hold what is of use only to who runs now.

use super::error::BuildError;
use super::network::{Attached, Network};
use super::progress::Teller;
use crate::error::Error;
use crate::hash::LayerId;
use crate::layer::{Bounds, lower, scan_upper};
use crate::sandbox::{
    Bind, End, ExecSpec, Level, Limits, Sandbox, SandboxSpec, Upper, remove_tree,
};
use crate::spec::{self, HostPort, Setup};
use crate::store::Writing;
use crate::tree::Manifest;
use crate::walls::walls;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// How long a command runs where its box does not say.
const WALL_MS: u64 = 60 * 60 * 1000;

/// How much of its output is told where its box does not say.
const OUTPUT_BYTES: u64 = 64 << 20;

/// A shell and what it starts need so many.
const PIDS_MIN: u32 = 16;

/// Folders of what runs now, from the root.
const PASSING: [&str; 2] = ["run", "var/tmp"];

/// A command to run.
pub struct Command<'c> {
    /// The box.
    pub name: &'c str,
    /// The step's key.
    pub key: &'c str,
    pub setup: &'c Setup,
    pub below: Vec<LayerId>,
    pub machine_dirs: &'c [PathBuf],
    pub env: BTreeMap<String, String>,
    pub limits: spec::Limits,
    pub network: Option<(&'c dyn Network, &'c BTreeSet<HostPort>)>,
}

impl Command<'_> {
    /// Runs it, and returns what it wrote: all that is in the upper folder.
    pub fn run(
        &self,
        level: &dyn Level,
        writing: &mut Writing<'_>,
        teller: &mut Teller<'_>,
    ) -> Result<Manifest, Error> {
        let scratch = Scratch(writing.temporary_path());
        let sandbox = self.sandbox(level, writing, &scratch.0)?;
        self.exec(&*sandbox, teller)?;
        sandbox.destroy()?;
        let upper = scratch.0.join("upper");
        for passing in PASSING {
            empty(&upper, passing)?;
        }
        scan_upper(&upper, &self.bounds(), writing).map_err(|error| match error {
            Error::Refused { path, why } => {
                self.failed(format!("left what no box can have: `{path}`: {why}"), Vec::new())
            }
            other => other,
        })
    }

    fn sandbox(
        &self,
        level: &dyn Level,
        writing: &Writing<'_>,
        scratch: &Path,
    ) -> Result<Box<dyn Sandbox>, Error> {
        let lowers = self.below.iter().map(|id| lower(writing.store(), *id));
        let bind =
            |dir: &PathBuf| Bind { source: dir.clone(), target: dir.clone(), writable: false };
        let walls = walls(&self.limits);
        let limits = Limits { pids: walls.pids.map(|pids| pids.max(PIDS_MIN)), ..walls };
        let mut spec = SandboxSpec {
            // The host name inside: the same each time, as a command may write it down.
            id: format!("build-{}", self.key.get(..16).unwrap_or("")),
            lower: lowers.collect::<Result<_, Error>>()?,
            upper: Upper::Directory(scratch.to_owned()),
            binds: self.machine_dirs.iter().map(bind).collect(),
            limits,
            listen: Vec::new(),
        };
        if let Some((network, allow)) = self.network {
            network.prepare(allow, &mut spec)?;
        }
        Ok(level.create(&spec)?)
    }

    fn exec(&self, sandbox: &dyn Sandbox, teller: &mut Teller<'_>) -> Result<(), Error> {
        let attached = match self.network {
            Some((network, allow)) => network.attach(allow, sandbox)?,
            None => Attached::default(),
        };
        let mut env = self.env.clone();
        env.extend(attached.env.clone());
        let wall_ms = self.limits.wall_ms.unwrap_or(WALL_MS);
        let spec =
            ExecSpec { argv: self.argv(), env, timeout_ms: Some(wall_ms), ..Default::default() };
        let running = sandbox.exec(&spec).map_err(|error| match error {
            crate::sandbox::Error::Command { command, source, .. } => {
                let hint = "is it in the box's base, extends or files?";
                self.failed(format!("did not start: `{command}`: {source}; {hint}"), Vec::new())
            }
            other => other.into(),
        })?;
        let mut lines = teller.lines();
        let output_max = self.limits.output_bytes.unwrap_or(OUTPUT_BYTES);
        let finished =
            running.wait(b"", output_max, &mut |stream, bytes| lines.heard(stream, bytes));
        let output = lines.end();
        drop(attached);
        match finished?.end {
            End::Code(0) => Ok(()),
            End::Code(code) => Err(self.failed(format!("failed with exit code {code}"), output)),
            End::Signal(signal) => {
                Err(self.failed(format!("was ended by signal {signal}"), output))
            }
            End::TimedOut => {
                Err(self.failed(format!("was killed after its {wall_ms} ms (limits.wall)"), output))
            }
        }
    }

    fn argv(&self) -> Vec<String> {
        match self.setup {
            Setup::Line(line) => ["/bin/sh", "-c", line].map(str::to_owned).to_vec(),
            Setup::Argv(argv) => argv.clone(),
        }
    }

    fn bounds(&self) -> Bounds {
        let bounds = Bounds::default();
        let disk = self.limits.disk_bytes.unwrap_or(u64::MAX);
        Bounds { total_bytes_max: bounds.total_bytes_max.min(disk), ..bounds }
    }

    fn failed(&self, how: String, output: Vec<String>) -> Error {
        let (name, command) = (self.name.to_owned(), shown(self.setup));
        BuildError::Setup { name, command, how, output }.into()
    }
}

/// A command as people read it.
pub fn shown(setup: &Setup) -> String {
    match setup {
        Setup::Line(line) => line.clone(),
        Setup::Argv(argv) => argv.join(" "),
    }
}

/// Removes a folder of the upper. The sandbox has ended, so that nobody changes it meanwhile;
/// but it may have put links there, which are not followed.
fn empty(upper: &Path, path: &str) -> Result<(), Error> {
    let mut at = upper.to_owned();
    for name in path.split('/') {
        at.push(name);
        if !at.symlink_metadata().is_ok_and(|metadata| metadata.is_dir()) {
            return Ok(());
        }
    }
    remove_tree(&at).map_err(|error| Error::io("remove", &at, error))
}

/// Where a command writes to; gone when this is dropped, whatever is in it.
struct Scratch(PathBuf);

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays after all is garbage, which is collected.
        let _ = remove_tree(&self.0);
    }
}
