//! How a setup command gets at a network: by whoever builds, never by itself.

use crate::error::Error;
use crate::sandbox::{Sandbox, SandboxSpec};
use crate::spec::HostPort;
use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};

/// Lets the sandbox of a setup command reach the hosts that its spec allows, and no others.
/// Asked only for boxes that name a host.
pub trait Network: Send + Sync {
    /// Before the sandbox is made: what its spec needs for it.
    fn prepare(&self, allow: &BTreeSet<HostPort>, spec: &mut SandboxSpec) -> Result<(), Error>;

    /// When it is made, before the command runs.
    fn attach(&self, allow: &BTreeSet<HostPort>, sandbox: &dyn Sandbox) -> Result<Attached, Error>;
}

/// A network for as long as this is held.
#[derive(Default)]
pub struct Attached {
    /// What the command is told of it. No part of what is built: it may differ each time.
    pub env: BTreeMap<String, String>,
    /// Ends it when it is dropped.
    pub guard: Option<Box<dyn Any + Send>>,
}

impl std::fmt::Debug for Attached {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Attached").field("env", &self.env).finish_non_exhaustive()
    }
}
