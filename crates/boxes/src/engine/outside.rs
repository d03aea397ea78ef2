//! What a box reaches outside of itself: what an engine is given for that, and what it
//! serves.

use super::turn::Turn;
use crate::hub::Hub;
use crate::network::Secrets;
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
    /// Who carries the messages of boxes; a node gives it, with a `runtime`. Without it their
    /// sockets wait for a program that has one.
    pub hub: Option<Arc<dyn Hub>>,
    /// Another program that has one serves this folder: boxes that are started wait for it.
    pub beside_node: bool,
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

/// A sandbox, told from all others that its name had.
pub type Life = (u64, Option<u64>);

/// What this process serves of a box. Dropped, it is served no longer.
pub struct Served {
    /// When the box was made, and the sandbox of it whose sockets it serves: a later box of the
    /// name has other ones.
    pub life: Life,
    /// What commands are told of it.
    pub env: BTreeMap<String, String>,
    /// Its sockets: the way out and the hub, as far as it has them.
    pub _turns: Vec<Turn>,
}
