//! The last words of a stream, in bounded memory.

use std::sync::{Arc, Mutex, PoisonError};

/// The last bytes of what was written.
#[derive(Clone)]
pub struct Tail {
    max: usize,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Tail {
    /// At most `max` bytes.
    pub fn new(max: usize) -> Tail {
        Tail { max, bytes: Arc::default() }
    }

    /// Adds what was written.
    pub fn push(&self, more: &[u8]) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend_from_slice(&more[more.len().saturating_sub(self.max)..]);
        let over = bytes.len().saturating_sub(self.max);
        bytes.drain(..over);
    }

    /// What there is of it, as text.
    pub fn text(&self) -> String {
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&bytes).trim().to_owned()
    }
}
