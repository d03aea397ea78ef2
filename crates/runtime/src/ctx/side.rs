//! Which of the two sorts of process a [`Ctx`](super::Ctx) belongs to.

use super::core::Shared;
use crate::ephemeral::Address;

#[derive(Clone)]
pub(crate) enum Side {
    /// Its operations become events of a journal.
    Durable(Shared),
    /// Its operations are done at once, in memory.
    Ephemeral(Address),
}
