//! What a queue is declared as.

use super::circuit::Breaker;
use crate::Millis;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The highest priority a step may have; 0 is the lowest, and the default.
pub const PRIORITY_MAX: u8 = 9;

/// A queue's name may have so many bytes.
const NAME_MAX: usize = 100;

/// A queue, declared: how many steps at once, how many in a period, what to do
/// when what lies behind it is overloaded or down.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueSpec {
    /// Its name.
    pub name: String,
    /// How many steps run at once at most; `None`: as many as like.
    pub concurrency: Option<u32>,
    /// How many may begin in a period.
    pub rate: Option<Rate>,
    /// The limit of steps at once is found between these two.
    pub adaptive: Option<(u32, u32)>,
    /// When nobody is let in, since what lies behind it is down.
    pub breaker: Option<Breaker>,
}

/// So many in a period.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// How many.
    pub count: u32,
    /// In how long.
    pub period: Duration,
    /// How many of them may begin at the same moment, after a quiet time.
    pub burst: u32,
}

/// What the journal says of a step that stands in a queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// The queue.
    pub name: String,
    /// Since when: its place in the line, also after a crash.
    pub since: Millis,
}

impl QueueSpec {
    /// A queue without limits yet.
    pub fn new(name: &str) -> QueueSpec {
        QueueSpec {
            name: name.to_owned(),
            concurrency: None,
            rate: None,
            adaptive: None,
            breaker: None,
        }
    }

    /// At most so many steps at once.
    #[must_use]
    pub fn concurrency(mut self, steps: u32) -> QueueSpec {
        self.concurrency = Some(steps);
        self
    }

    /// At most `count` steps begin in `period`, spread evenly.
    #[must_use]
    pub fn rate(mut self, count: u32, period: Duration) -> QueueSpec {
        self.rate = Some(Rate { count, period, burst: self.rate.map_or(1, |rate| rate.burst) });
        self
    }

    /// After a quiet time so many may begin at once, within the rate. Say
    /// [`rate`](QueueSpec::rate) first.
    #[must_use]
    pub fn burst(mut self, burst: u32) -> QueueSpec {
        let none = Rate { count: 0, period: Duration::ZERO, burst };
        self.rate = Some(Rate { burst, ..self.rate.unwrap_or(none) });
        self
    }

    /// The limit of steps at once follows what lies behind the queue: it grows
    /// while that answers as fast as ever, and falls when it slows down or says
    /// that it is overloaded.
    #[must_use]
    pub fn adaptive(mut self, min: u32, max: u32) -> QueueSpec {
        self.adaptive = Some((min, max));
        self
    }

    /// With a circuit breaker.
    #[must_use]
    pub fn breaker(mut self, breaker: Breaker) -> QueueSpec {
        self.breaker = Some(breaker);
        self
    }

    /// Whether it can be one.
    ///
    /// # Errors
    /// What is wrong, and what to say instead.
    pub fn check(&self) -> Result<(), String> {
        let name = &self.name;
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(fits) {
            return Err(format!(
                "`{name}` cannot be a queue's name: 1 to {NAME_MAX} letters, digits, `-`, `_`, `.`"
            ));
        }
        self.check_limits().map_err(|what| format!("the queue {name}: {what}"))
    }

    fn check_limits(&self) -> Result<(), String> {
        if self.concurrency == Some(0) {
            return Err("concurrency 0 would let no step begin: 1 is the least".to_owned());
        }
        if let Some(rate) = &self.rate {
            rate.check()?;
        }
        if let Some((min, max)) = self.adaptive {
            if self.concurrency.is_some() {
                return Err(
                    "`adaptive` finds the concurrency itself: say one of the two".to_owned()
                );
            }
            if min == 0 || min > max {
                return Err(format!("adaptive({min}, {max}): 1 <= min <= max"));
            }
        }
        self.breaker.as_ref().map_or(Ok(()), Breaker::check)
    }
}

impl Rate {
    fn check(&self) -> Result<(), String> {
        let Rate { count, period, burst } = *self;
        if count == 0 || period.is_zero() {
            let words = "would let no step begin, or all: say how many in how long, as in";
            return Err(format!("a rate of {count} in {period:?} {words} rate(60, 1 minute)"));
        }
        if period > Duration::from_secs(366 * 24 * 3600) {
            return Err(format!("a rate's period of {period:?} is longer than a year"));
        }
        if burst == 0 {
            return Err("burst 0 would let no step begin: 1 is the least".to_owned());
        }
        Ok(())
    }
}
