//! What stands for somebody in a queue.

/// Somebody's place in a queue, waiting or let in. Never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);
