//! How far a long command has come, on one line of a terminal; elsewhere
//! nothing.

use crate::out;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

/// A line that changes at most so often.
const EVERY: Duration = Duration::from_millis(100);

/// The line.
pub struct Progress {
    shown: bool,
    last: Option<Instant>,
}

impl Progress {
    /// Shown to a person at a terminal only.
    pub fn new(json: bool) -> Progress {
        Progress { shown: !json && std::io::stderr().is_terminal(), last: None }
    }

    /// Says it, unless something was said just now.
    #[expect(clippy::disallowed_methods, reason = "a person watches, in real time")]
    pub fn say(&mut self, words: impl FnOnce() -> String) {
        if !self.shown || self.last.is_some_and(|last| last.elapsed() < EVERY) {
            return;
        }
        self.last = Some(Instant::now());
        out::say(&format!("\r\x1b[K{}", words()));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.last.is_some() {
            out::say("\r\x1b[K");
        }
    }
}
