//! A circuit breaker (Nygard, "Release It!"): what is down is left alone, and
//! tried with a few steps before all are let in again.
//!
//! ```text
//!            too many failures              time is over
//!   closed ─────────────────────► open ─────────────────────► half-open
//!     ▲                            ▲      a probe fails           │
//!     │                            └──────────────────────────────┤
//!     └───────────────────────────────────────────────────────────┘
//!                          all probes are answered
//! ```

use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// How many of the last attempts can be looked at at most.
const WINDOW_MAX: u32 = 10_000;

/// When a circuit opens, and how it closes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Breaker {
    /// It opens when so many …
    pub failures: u32,
    /// … of the last so many attempts have failed.
    pub window: u32,
    /// For how long.
    pub open_for: Duration,
    /// Then so many steps are let in, and must all be answered.
    pub probes: u32,
    /// While it is open steps fail at once as `circuit_open`, rather than wait.
    pub fails_fast: bool,
}

impl Default for Breaker {
    /// 5 of the last 10, 30 s, 1 probe; steps wait.
    fn default() -> Breaker {
        let open_for = Duration::from_secs(30);
        Breaker { failures: 5, window: 10, open_for, probes: 1, fails_fast: false }
    }
}

/// Where a circuit stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CircuitState {
    /// Steps are let in.
    Closed,
    /// None is.
    Open,
    /// A few are, to see.
    HalfOpen,
}

impl Breaker {
    pub(super) fn check(&self) -> Result<(), String> {
        let Breaker { failures, window, open_for, probes, .. } = self;
        if *failures == 0 || failures > window || *window > WINDOW_MAX {
            let words = format!("1 <= failures <= window <= {WINDOW_MAX}");
            return Err(format!("a breaker of {failures} failures in {window}: {words}"));
        }
        if open_for.is_zero() || *probes == 0 {
            return Err("a breaker that is open for no time, or is never probed".to_owned());
        }
        Ok(())
    }
}

#[derive(Clone, Debug)]
pub(super) struct Circuit {
    pub breaker: Breaker,
    stage: Stage,
    /// Goes up with each change: what was let in before says nothing any more.
    round: u64,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Whether each of the last attempts failed.
    Closed(VecDeque<bool>),
    Open {
        until: Duration,
    },
    HalfOpen {
        running: u32,
        answered: u32,
    },
}

/// Whether one may be let in.
pub(super) enum Gate {
    Free,
    /// Not before this time.
    Shut(Duration),
    /// Not before a probe has ended.
    Probing,
}

impl Circuit {
    pub fn new(breaker: Breaker) -> Circuit {
        Circuit { breaker, stage: Stage::Closed(VecDeque::new()), round: 0 }
    }

    pub fn state(&self) -> CircuitState {
        match self.stage {
            Stage::Closed(_) => CircuitState::Closed,
            Stage::Open { .. } => CircuitState::Open,
            Stage::HalfOpen { .. } => CircuitState::HalfOpen,
        }
    }

    pub fn gate(&mut self, now: Duration) -> Gate {
        if let Stage::Open { until } = self.stage {
            if now < until {
                return Gate::Shut(until);
            }
            self.turn(Stage::HalfOpen { running: 0, answered: 0 });
        }
        match self.stage {
            Stage::HalfOpen { running, answered } if running + answered >= self.breaker.probes => {
                Gate::Probing
            }
            _ => Gate::Free,
        }
    }

    /// One is let in. Gives back the round it belongs to.
    pub fn enter(&mut self) -> u64 {
        if let Stage::HalfOpen { running, .. } = &mut self.stage {
            *running += 1;
        }
        self.round
    }

    /// One that was let in has ended; `failed: None`: nobody knows how.
    pub fn ended(&mut self, now: Duration, round: u64, failed: Option<bool>) {
        if round != self.round {
            return;
        }
        let (failures, window) = (self.breaker.failures, self.breaker.window as usize);
        match (&mut self.stage, failed) {
            (Stage::Closed(last), Some(failed)) => {
                last.push_back(failed);
                if last.len() > window {
                    last.pop_front();
                }
                let count = last.iter().filter(|failed| **failed).count();
                if failed && count >= failures as usize {
                    self.open(now);
                }
            }
            (Stage::HalfOpen { .. }, Some(true)) => self.open(now),
            (Stage::HalfOpen { running, answered }, Some(false)) => {
                (*running, *answered) = (running.saturating_sub(1), *answered + 1);
                if *answered >= self.breaker.probes {
                    self.close();
                }
            }
            (Stage::HalfOpen { running, .. }, None) => *running = running.saturating_sub(1),
            (Stage::Closed(_), None) | (Stage::Open { .. }, _) => {}
        }
    }

    /// Closes it, whatever was seen before.
    pub fn close(&mut self) {
        self.turn(Stage::Closed(VecDeque::new()));
    }

    fn open(&mut self, now: Duration) {
        let until = now.saturating_add(self.breaker.open_for);
        self.turn(Stage::Open { until });
    }

    fn turn(&mut self, stage: Stage) {
        self.stage = stage;
        self.round += 1;
    }
}
