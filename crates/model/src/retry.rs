//! Whether and when a failed attempt of a step is repeated: facts in,
//! decision out.

use crate::{Failure, failure};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A retry policy. The default tries 5 times in all, waiting 200 ms, 400 ms,
/// … at most 30 s, each wait up to 20 % shorter or longer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Retry {
    /// How many attempts in all; 0 means without end.
    pub attempts_max: u32,
    /// The wait before the second attempt.
    pub first_delay: Duration,
    /// What each further wait is multiplied by.
    pub factor: f64,
    /// The longest wait.
    pub delay_max: Duration,
    /// How far a wait may stray, as a part of it: 0.2 is ±20 %.
    pub jitter: f64,
    /// Kinds of failure that are not retried.
    pub non_retryable: Vec<String>,
}

impl Default for Retry {
    fn default() -> Retry {
        Retry {
            attempts_max: 5,
            first_delay: Duration::from_millis(200),
            factor: 2.0,
            delay_max: Duration::from_secs(30),
            jitter: 0.2,
            non_retryable: Vec::new(),
        }
    }
}

/// What to do about a failed attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryDecision {
    /// Try again after this wait.
    After(Duration),
    /// The failure stands.
    GiveUp,
}

impl Retry {
    /// One attempt only.
    pub fn never() -> Retry {
        Retry { attempts_max: 1, ..Retry::default() }
    }

    /// For ever, with the default waits.
    pub fn forever() -> Retry {
        Retry { attempts_max: 0, ..Retry::default() }
    }

    /// `count` attempts in all.
    pub fn attempts(count: u32) -> Retry {
        Retry { attempts_max: count, ..Retry::default() }
    }

    /// This policy if it allows more attempts than the default, else the
    /// default.
    pub fn or_more_patient(self) -> Retry {
        let default = Retry::default();
        let more = self.attempts_max == 0 || self.attempts_max > default.attempts_max;
        if more { self } else { default }
    }

    /// The decision after `attempt` (counted from 1) failed. `chance` in
    /// `0.0..1.0` is the jitter's draw.
    pub fn decide(&self, attempt: u32, failure: &Failure, chance: f64) -> RetryDecision {
        let spent = self.attempts_max != 0 && attempt >= self.attempts_max;
        if spent || !failure.retryable || self.non_retryable.iter().any(|kind| failure.is(kind)) {
            return RetryDecision::GiveUp;
        }
        let exponent = i32::try_from(attempt.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.first_delay.as_secs_f64() * self.factor.max(1.0).powi(exponent);
        let capped = grown.min(self.delay_max.as_secs_f64());
        let strayed = capped * (1.0 + self.jitter.clamp(0.0, 1.0) * (2.0 * chance - 1.0));
        let wait = Duration::try_from_secs_f64(strayed).unwrap_or(self.delay_max);
        // Whoever failed knows best when to come again.
        RetryDecision::After(wait.max(failure.left_alone_for().unwrap_or_default()))
    }

    /// The decision after `attempt` ended with a crash of the node, as
    /// `crashes` attempts of this step now have. The first crash is most likely
    /// not the step's doing, so it is tried again at once; a second looks like a
    /// loop, and waits as after a failure.
    pub fn decide_unknown(&self, attempt: u32, crashes: u32, chance: f64) -> RetryDecision {
        match self.decide(attempt, &Failure::new(failure::UNKNOWN, ""), chance) {
            RetryDecision::After(_) if crashes <= 1 => RetryDecision::After(Duration::ZERO),
            decision => decision,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait(retry: &Retry, attempt: u32) -> Duration {
        match retry.decide(attempt, &Failure::msg("x"), 0.5) {
            RetryDecision::After(wait) => wait,
            RetryDecision::GiveUp => panic!("gave up"),
        }
    }

    #[test]
    fn waits_grow_to_the_cap() {
        let retry = Retry::forever();
        assert_eq!(wait(&retry, 1), Duration::from_millis(200));
        assert_eq!(wait(&retry, 3), Duration::from_millis(800));
        assert_eq!(wait(&retry, 4_000_000), Duration::from_secs(30));
    }

    #[test]
    fn no_attempt_comes_before_the_time_that_was_asked_for() {
        let failure = Failure::new("rate_limited", "x").retry_after(Duration::from_secs(90));
        let decided = Retry::default().decide(1, &failure, 0.5);
        assert_eq!(decided, RetryDecision::After(Duration::from_secs(90)));
        let failure = Failure::new("rate_limited", "x").retry_after(Duration::MAX);
        let decided = Retry::default().decide(1, &failure, 0.5);
        assert_eq!(decided, RetryDecision::After(crate::RETRY_AFTER_MAX));
    }

    #[test]
    fn a_crash_counts_and_a_second_one_waits() {
        let retry = Retry::attempts(3);
        let after = |attempt, crashes| retry.decide_unknown(attempt, crashes, 0.5);
        assert_eq!(after(1, 1), RetryDecision::After(Duration::ZERO));
        assert_eq!(after(2, 1), RetryDecision::After(Duration::ZERO));
        assert_eq!(after(2, 2), RetryDecision::After(Duration::from_millis(400)));
        assert_eq!(after(3, 1), RetryDecision::GiveUp);
        let picky = Retry { non_retryable: vec!["unknown".into()], ..Retry::forever() };
        assert_eq!(picky.decide_unknown(1, 1, 0.5), RetryDecision::GiveUp);
    }

    #[test]
    fn gives_up_when_spent_or_fatal_or_listed() {
        let retry = Retry { non_retryable: vec!["card_declined".into()], ..Retry::attempts(3) };
        let gives_up =
            |attempt, failure| retry.decide(attempt, &failure, 0.5) == RetryDecision::GiveUp;
        assert!(!gives_up(2, Failure::msg("x")));
        assert!(gives_up(3, Failure::msg("x")));
        assert!(gives_up(1, Failure::fatal("x", "x")));
        assert!(gives_up(1, Failure::new("card_declined", "x")));
    }
}
