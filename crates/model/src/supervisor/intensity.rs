//! How many restarts a supervisor bears: OTP's sliding window, kept exact.
//!
//! Only the last `intensity` restarts can matter, so a ring of that many points
//! in time answers in O(1). OTP scans every restart of the window each time,
//! which makes a storm of restarts quadratic.

use crate::Millis;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// The last restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Restarts(VecDeque<Millis>);

impl Restarts {
    /// Counts a restart at `at`. `false`: with it there are more than
    /// `intensity` within the period.
    pub fn count(&mut self, at: Millis, intensity: u32, period: Duration) -> bool {
        while self.0.front().is_some_and(|first| at.since(*first) > period) {
            self.0.pop_front();
        }
        if self.0.len() >= intensity as usize {
            return false;
        }
        self.0.push_back(at);
        true
    }

    /// Forgets them: a person has decided that it may go on.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// OTP's own rule, written naively: too many if more than `intensity`
        /// restarts, this one with them, lie within the period.
        #[test]
        fn the_ring_decides_as_a_scan_of_all_restarts(
            intensity in 1..5_u32,
            period in 1..50_u64,
            waits in prop::collection::vec(0..30_u64, 1..60),
        ) {
            let (mut ring, mut all, mut now) = (Restarts::default(), Vec::new(), 1_000);
            for wait in waits {
                now += wait;
                all.push(now);
                let within = all.iter().filter(|at| now - **at <= period).count();
                let borne = ring.count(Millis(now), intensity, Duration::from_millis(period));
                prop_assert_eq!(borne, within <= intensity as usize);
                if !borne {
                    break;
                }
            }
        }
    }
}
