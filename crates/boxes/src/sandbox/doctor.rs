//! Which isolation levels there are here, each mechanism proven by doing it.

use std::path::Path;

use serde::Serialize;

use super::error::Error;
use super::level::{Level, Sandbox};
use super::owner::Namespace;
use super::spawner::Launch;
use super::spec::{Enforcement, Limits, SandboxSpec, Upper};
use super::wire::Check;
use crate::level_name::LevelName;

/// A mechanism, and whether it is there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    /// The level that needs it.
    pub level: LevelName,
    /// Its name.
    pub mechanism: String,
    /// Whether it was seen to work.
    pub ok: bool,
    /// What was seen, or why it is missing.
    pub reason: String,
}

/// Opens the level, or says why it is missing. Never another one instead.
pub fn open(level: LevelName, program: &Launch, state: &Path) -> Result<Box<dyn Level>, Error> {
    match level {
        LevelName::Namespace => Ok(Box::new(Namespace::open(program, state)?)),
        #[cfg(feature = "wasm")]
        LevelName::Wasm => Ok(Box::new(crate::wasm::Wasm::open(state)?)),
        #[cfg(feature = "microvm")]
        LevelName::Microvm => Ok(Box::new(crate::microvm::Microvm::open(state)?)),
        #[cfg(not(all(feature = "wasm", feature = "microvm")))]
        absent => Err(Error::Missing { level: absent, why: built_without(absent) }),
    }
}

/// Tries every mechanism of every level, in a box that is made and ended for it. The rows of what
/// works without privilege or cgroups, but less well, say so.
pub fn doctor(program: &Launch, state: &Path) -> Vec<Row> {
    let mut rows = match probe(program, state) {
        Ok(rows) => rows,
        // The error says at which step the box could not be made.
        Err(error) => vec![row(LevelName::Namespace, "box", false, error.to_string())],
    };
    #[cfg(feature = "wasm")]
    rows.extend(
        crate::wasm::probe(state).into_iter().map(|check| from_check(LevelName::Wasm, check)),
    );
    #[cfg(not(feature = "wasm"))]
    rows.push(row(LevelName::Wasm, "backend", false, built_without(LevelName::Wasm)));
    #[cfg(feature = "microvm")]
    rows.extend(
        crate::microvm::probe().into_iter().map(|check| from_check(LevelName::Microvm, check)),
    );
    #[cfg(not(feature = "microvm"))]
    rows.push(row(LevelName::Microvm, "backend", false, built_without(LevelName::Microvm)));
    rows
}

#[cfg(not(all(feature = "wasm", feature = "microvm")))]
fn built_without(level: LevelName) -> String {
    format!("this program was built without the feature `{level}`; build it with that")
}

fn probe(program: &Launch, state: &Path) -> Result<Vec<Row>, Error> {
    let level = Namespace::open(program, state)?;
    let sandbox = level.make(&spec())?;
    let checks = sandbox.probe()?;
    let enforced = sandbox.enforced().clone();
    let mut rows: Vec<_> =
        checks.into_iter().map(|check| from_check(LevelName::Namespace, check)).collect();
    let held = [("memory", &enforced.memory), ("pids", &enforced.pids), ("cpu", &enforced.cpu)];
    for (name, by) in held {
        for row in rows.iter_mut().filter(|row| row.mechanism == name) {
            row.ok &= matches!(by, Enforcement::Cgroup | Enforcement::BoxLimit);
            row.reason = format!("{}; {}", by_whom(by), row.reason);
        }
    }
    let frozen = sandbox.freeze().and_then(|()| sandbox.thaw());
    let said = frozen.as_ref().map_or_else(ToString::to_string, |()| by_whom(&enforced.freeze));
    rows.push(row(LevelName::Namespace, "freeze", frozen.is_ok(), said));
    let ended = Box::new(sandbox).destroy();
    let said = ended.as_ref().map_or_else(ToString::to_string, |()| "nothing is left".to_owned());
    rows.push(row(LevelName::Namespace, "destroy", ended.is_ok(), said));
    Ok(rows)
}

fn spec() -> SandboxSpec {
    let limits = Limits {
        memory_bytes: Some(64 << 20),
        pids: Some(16),
        cpu_milli: Some(100),
        ..Limits::default()
    };
    SandboxSpec {
        id: "doctor".to_owned(),
        lower: Vec::new(),
        upper: Upper::Memory { bytes: 1 << 20, inodes: 100 },
        binds: Vec::new(),
        limits,
        listen: Vec::new(),
    }
}

fn by_whom(by: &Enforcement) -> String {
    match by {
        Enforcement::NotAsked => "not asked for".to_owned(),
        Enforcement::Cgroup => "held by a cgroup".to_owned(),
        Enforcement::BoxLimit => {
            "held for the box by a resource limit, without a cgroup".to_owned()
        }
        Enforcement::ProcessLimit => {
            "no cgroup; a resource limit holds each process, not the box".to_owned()
        }
        Enforcement::MemoryFiles => "held by a file system in memory".to_owned(),
        Enforcement::Watched => "watched: what runs is killed when the box is over it".to_owned(),
        Enforcement::Signals => "no cgroup; by signals".to_owned(),
        Enforcement::NotEnforced(why) => format!("not held: {why}"),
    }
}

fn from_check(level: LevelName, check: Check) -> Row {
    row(level, &check.mechanism, check.ok, check.seen)
}

fn row(level: LevelName, mechanism: &str, ok: bool, reason: impl Into<String>) -> Row {
    Row { level, mechanism: mechanism.to_owned(), ok, reason: reason.into() }
}
