//! Running ephemeral processes from outside.

use super::handle::Node;
use crate::Result;
use crate::ephemeral::{Root, run_to_end};
use greenroom_model::{Exit, InHand, Origin, Payload};
use std::sync::Arc;

impl Node {
    /// Runs an ephemeral process of a kind, and all it spawns, to its end. It has
    /// no journal: it ends with the node, and when this future is dropped.
    ///
    /// # Errors
    /// `unknown_kind`.
    pub async fn run_ephemeral(&self, kind: &str, input: Payload, by: &str) -> Result<Exit> {
        let pool = self.engine.ephemeral.clone();
        if pool.code(kind).is_none() {
            return Err(self.unknown_kind(kind));
        }
        let (root, hops) = (by.to_owned(), 0);
        let envelope = InHand { root, hops, cause: None, deadline: None, account: None };
        let root = Arc::new(Root::new(Origin::External(by.to_owned()), envelope));
        Ok(run_to_end(pool, kind.to_owned(), input, root, None).await)
    }
}
