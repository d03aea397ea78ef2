//! The node's queues and lines, from outside.

use super::handle::Node;
use crate::engine::BlockedBy;
use crate::{Error, Result};
use greenroom_model::ProcessNo;
use greenroom_model::queue::QueueView;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

impl Node {
    /// What each queue is doing, by name. Reads no store.
    pub fn queues(&self) -> Vec<QueueView> {
        self.engine.lines.view()
    }

    /// The queue after ending what keeps it shut, since what lies behind it can be used again:
    /// the wish to be left alone of a failure with `retry_after`, and an open
    /// circuit. Limits and rates stay as they are. It is forgotten with the node,
    /// as what it ends is.
    ///
    /// # Errors
    /// [`Error::NoQueue`].
    pub fn reopen_queue(&self, name: &str) -> Result<QueueView> {
        if self.engine.lines.reopen(name)
            && let Some(queue) = self.queues().into_iter().find(|queue| queue.name == name)
        {
            return Ok(queue);
        }
        let known = self.engine.lines.names().join(", ");
        let known = if known.is_empty() { "none".to_owned() } else { known };
        Err(Error::NoQueue { name: name.to_owned(), known })
    }

    /// Which of these have a step that waits in a queue, and in which.
    pub fn queued(&self, of: &HashSet<ProcessNo>) -> HashMap<ProcessNo, Arc<str>> {
        self.engine.lines.waiting(of)
    }

    /// What these wait for, of those that a full mailbox or a budget blocks. Reads no
    /// store.
    pub fn blocked_by(&self, of: &HashSet<ProcessNo>) -> HashMap<ProcessNo, BlockedBy> {
        self.engine.blocked_by(of)
    }
}
