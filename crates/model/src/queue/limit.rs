//! How many steps at once: a fixed number, or one that is found.
//!
//! What is found follows TCP's congestion control: additive increase,
//! multiplicative decrease, with a slow start (Jacobson, "Congestion Avoidance
//! and Control", 1988). That growing latency tells of a queue elsewhere before
//! anything is lost is from TCP Vegas (Brakmo, Peterson, 1994); to compare a
//! short with a long average of it, so that no least latency has to be known, is
//! from the Gradient2 limit of Netflix's concurrency-limits.

use std::time::Duration;

/// So many times slower than usual means overload.
const TOLERANCE: f64 = 2.0;
/// What is left of the limit when it is slower than usual.
const SLOWER: f64 = 0.9;
/// What is left of it after an overload.
const OVERLOADED: f64 = 0.5;
/// The weight of a new latency in the averages.
const SHORT: f64 = 0.3;
const LONG: f64 = 0.02;
/// So many answers make a usual latency.
const USUAL_AFTER: u32 = 10;

#[derive(Clone, Debug)]
pub(super) enum Limit {
    None,
    Fixed(u32),
    Adaptive(Adaptive),
}

/// A limit that is found.
#[derive(Clone, Debug)]
pub(super) struct Adaptive {
    min: f64,
    max: f64,
    now: f64,
    /// It has never been too much: the limit doubles with each round.
    slow_start: bool,
    answers: u32,
    short: f64,
    long: f64,
    /// Attempts begun before that have been answered for already: a limit is
    /// lowered once in a round.
    lowered_at: Duration,
    /// When as many as may be were last under way.
    filled_at: Duration,
}

impl Limit {
    pub fn new(concurrency: Option<u32>, adaptive: Option<(u32, u32)>) -> Limit {
        match (adaptive, concurrency) {
            (Some((min, max)), _) => Limit::Adaptive(Adaptive::new(min, max)),
            (None, Some(steps)) => Limit::Fixed(steps),
            (None, None) => Limit::None,
        }
    }

    /// `None`: there is none.
    pub fn now(&self) -> Option<u32> {
        match self {
            Limit::None => None,
            Limit::Fixed(steps) => Some(*steps),
            // At least 1, at most a u32.
            Limit::Adaptive(adaptive) => Some(adaptive.now as u32),
        }
    }

    /// So many are under way now.
    pub fn used(&mut self, now: Duration, running: usize) {
        if let Limit::Adaptive(adaptive) = self
            && running >= adaptive.now as usize
        {
            adaptive.filled_at = now;
        }
    }

    /// An attempt was answered.
    pub fn answered(&mut self, now: Duration, took: Duration) {
        if let Limit::Adaptive(adaptive) = self {
            adaptive.answered(now, took);
        }
    }

    /// An attempt ended in an overload.
    pub fn overloaded(&mut self, now: Duration, took: Duration) {
        if let Limit::Adaptive(adaptive) = self {
            adaptive.lower(now, took, OVERLOADED);
        }
    }
}

impl Adaptive {
    fn new(min: u32, max: u32) -> Adaptive {
        let (min, max) = (f64::from(min), f64::from(max));
        Adaptive {
            min,
            max,
            now: min,
            slow_start: true,
            answers: 0,
            short: 0.0,
            long: 0.0,
            lowered_at: Duration::ZERO,
            filled_at: Duration::ZERO,
        }
    }

    fn answered(&mut self, now: Duration, took: Duration) {
        let took_s = took.as_secs_f64();
        if self.answers == 0 {
            (self.short, self.long) = (took_s, took_s);
        }
        self.answers = self.answers.saturating_add(1);
        self.short += SHORT * (took_s - self.short);
        // A plain average at first: the first answer alone says little.
        self.long += LONG.max(1.0 / f64::from(self.answers)) * (took_s - self.long);
        if self.answers > USUAL_AFTER && self.short > TOLERANCE * self.long {
            self.lower(now, took, SLOWER);
        } else if self.filled_at >= now.saturating_sub(took) {
            // Who does not use what there is learns nothing about more.
            let more = if self.slow_start { 1.0 } else { 1.0 / self.now };
            self.now = (self.now + more).min(self.max);
        }
    }

    fn lower(&mut self, now: Duration, took: Duration, to: f64) {
        if now.saturating_sub(took) < self.lowered_at {
            return;
        }
        self.slow_start = false;
        self.lowered_at = now;
        self.now = (self.now * to).max(self.min);
    }
}
