//! When a failed process is started again in its place: a token bucket, so a
//! decision costs the same whatever has happened before. (The strategies over
//! several children are the model's.)

use greenroom_model::Millis;
use std::time::Duration;

/// How many restarts in how long are too many.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restarts {
    pub max: u32,
    pub period: Duration,
}

/// What is left of the restarts allowed.
#[derive(Clone, Debug)]
pub(crate) struct Bucket {
    allowed: Restarts,
    /// In thousandths of a restart.
    left: u64,
    at: Millis,
}

impl Bucket {
    pub fn new(allowed: Restarts, now: Millis) -> Bucket {
        Bucket { allowed, left: u64::from(allowed.max) * 1_000, at: now }
    }

    /// Takes one restart, if there is one.
    pub fn take(&mut self, now: Millis) -> bool {
        let period_ms = u64::try_from(self.allowed.period.as_millis()).unwrap_or(u64::MAX).max(1);
        let full = u64::from(self.allowed.max) * 1_000;
        let passed_ms = now.0.saturating_sub(self.at.0).min(period_ms);
        let refill = u128::from(full) * u128::from(passed_ms) / u128::from(period_ms);
        self.left = full.min(self.left + u64::try_from(refill).unwrap_or(full));
        self.at = now;
        let taken = self.left >= 1_000;
        if taken {
            self.left -= 1_000;
        }
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_so_many_and_fills_up_again() {
        let allowed = Restarts { max: 2, period: Duration::from_secs(10) };
        let mut bucket = Bucket::new(allowed, Millis(0));
        assert!(bucket.take(Millis(0)) && bucket.take(Millis(1)) && !bucket.take(Millis(2)));
        assert!(!bucket.take(Millis(4_000)));
        assert!(bucket.take(Millis(5_100)) && !bucket.take(Millis(5_200)));
        assert!(!Bucket::new(Restarts { max: 0, ..allowed }, Millis(0)).take(Millis(99_999)));
    }
}
