//! The node's queues, from outside.

use super::handle::Node;
use greenroom_model::ProcessNo;
use greenroom_model::queue::QueueView;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

impl Node {
    /// What each queue is doing, by name. Reads no store.
    pub fn queues(&self) -> Vec<QueueView> {
        self.engine.lines.view()
    }

    /// Which of these have a step that waits in a queue, and in which.
    pub fn queued(&self, of: &HashSet<ProcessNo>) -> HashMap<ProcessNo, Arc<str>> {
        self.engine.lines.waiting(of)
    }
}
