//! Runs commands in a box: one trait per isolation level, and the level `namespace`.
//!
//! ```text
//!  owner (any program, many threads)
//!    │  create, destroy                     exec, freeze, files
//!    ▼                                          │
//!  spawner (one thread, own process) ──clone3──▶│
//!    cgroups, id maps, idmapped layers          ▼
//!                                    init (pid 1 of the box, no privilege left)
//!                                      └─ minder (subreaper, one per exec)
//!                                           └─ the command and all it starts
//! ```
//!
//! Why an init that forks and no `setns` per exec: a process that enters a box from outside is
//! inside with the owner's privileges for a moment, and real escapes came in by that moment. The
//! init gave everything up before the first command ran, and a fork of it has nothing to give up.
//!
//! Knows no layers and no branches: it is told directories.

mod cgroup;
pub(crate) mod clock;
mod detached;
mod doctor;
mod error;
mod identity;
mod inside;
mod level;
pub(crate) mod making;
mod owner;
mod seccomp;
mod spawner;
mod spec;
pub(crate) mod state;
pub(crate) mod sys;
pub(crate) mod wire;

pub use crate::level_name::LevelName;
pub use doctor::{Row, doctor, open};
pub use error::Error;
pub use level::{Level, Sandbox};
pub use making::Making;
pub use owner::{End, Finished, Namespace, Output, Running, Signals, Stream};
pub use spawner::{Launch, spawner_main};
pub use spec::{
    Bind, Enforced, Enforcement, ExecSpec, Limits, Listen, Living, SandboxSpec, Terminal, Upper,
    Usage,
};
pub(crate) use state::remove_tree;
pub use wire::BoxUsage;
