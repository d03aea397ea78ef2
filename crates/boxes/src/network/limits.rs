//! How much of the host a box's proxy may take.

use std::time::Duration;

/// Bounds on time, connections and bytes. Memory is bounded by their product: a
/// connection holds a few buffers, of at most `head_bytes_max` each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections served at once; further ones wait in the listener's queue.
    pub connections_max: usize,
    /// For a whole request head, a TLS handshake, and between requests.
    pub head: Duration,
    /// To look up a name, and to connect to one of its addresses.
    pub connect: Duration,
    /// Without a byte in either direction. Measured in steps: up to twice as long.
    pub idle: Duration,
    /// The head of a request or response, in bytes.
    pub head_bytes_max: usize,
}

impl Limits {
    /// How long the box itself may neither read nor write. Longer than a server may
    /// think, so that the box hears that the server has not answered.
    pub(super) fn box_idle(&self) -> Duration {
        self.idle.saturating_mul(3)
    }
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections_max: 256,
            head: Duration::from_secs(30),
            connect: Duration::from_secs(10),
            idle: Duration::from_secs(300),
            head_bytes_max: 64 << 10,
        }
    }
}
