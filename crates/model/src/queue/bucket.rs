//! A token bucket, as the generic cell rate algorithm (ITU-T I.371): one time
//! instead of a count, so that nothing has to be refilled.

use super::spec::Rate;
use std::time::Duration;

/// Timers are no finer: where tokens come faster, those of so long may be taken
/// together.
const GRAIN: Duration = Duration::from_millis(5);

/// When the next token is due, and how far ahead of it one may be taken.
#[derive(Clone, Debug)]
pub(super) struct Bucket {
    /// The time one token takes to come.
    interval: Duration,
    /// How far ahead: what a burst takes to come, less one token.
    slack: Duration,
    /// When the bucket is full again.
    full_at: Duration,
}

impl Bucket {
    /// It begins with one token, not with a burst: a node that crashes again and
    /// again must not go beyond the rate.
    pub fn new(rate: &Rate, now: Duration) -> Bucket {
        let interval = (rate.period / rate.count).max(Duration::from_nanos(1));
        let burst = interval.saturating_mul(rate.burst.saturating_sub(1));
        let slack = if interval < GRAIN { burst.max(GRAIN) } else { burst };
        Bucket { interval, slack, full_at: now.saturating_add(slack) }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// When there will be one.
    pub fn take(&mut self, now: Duration) -> Result<(), Duration> {
        let from = self.full_at.saturating_sub(self.slack);
        if from > now {
            return Err(from);
        }
        self.full_at = self.full_at.max(now).saturating_add(self.interval);
        Ok(())
    }
}
