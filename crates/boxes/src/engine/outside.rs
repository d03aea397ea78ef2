//! What a box reaches outside of itself: what an engine is given for that, and what it
//! serves.

use crate::network::{Proxy, Secrets};
use crate::sandbox::Launch;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::runtime::Handle;

/// What an engine is given by who opens it.
#[derive(Default)]
pub struct Setup {
    /// Which program becomes the spawner.
    pub launch: Launch,
    /// Where boxes' networks are served. Without it, no box that may reach a host is started.
    pub runtime: Option<Handle>,
    /// Where the values of secrets come from. Without it there are none.
    pub secrets: Option<Arc<dyn Secrets>>,
    /// Certificates, in DER, that are trusted beside the machine's roots.
    pub roots: Vec<Vec<u8>>,
}

/// Nobody has a secret.
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn value(&self, _name: &str) -> Result<Option<String>, String> {
        Ok(None)
    }
}

/// What this process serves of a box. Dropped, it is served no longer.
pub struct Served {
    /// The sandbox whose sockets it serves.
    pub sandbox: Option<u64>,
    /// What commands are told of it.
    pub env: BTreeMap<String, String>,
    /// The way out.
    pub _proxy: Option<Proxy>,
}
