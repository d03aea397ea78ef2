//! The clock of processes that have no environment to ask: they are the edge.

use rustix::time::{ClockId, clock_gettime};

/// Milliseconds of the monotonic clock.
pub fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000
        + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}
