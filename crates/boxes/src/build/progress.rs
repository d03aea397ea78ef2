//! What is told while a box is built.

use crate::sandbox::Stream;
use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;
use std::collections::VecDeque;

/// The longest line that is told in one piece.
const LINE_BYTES_MAX: usize = 8 << 10;

/// How much of a command's output is kept for its error.
const TAIL_LINES: usize = 20;

/// Something that happened in a build.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Progress {
    /// A step has begun.
    Began {
        /// Which, from 1.
        step: u32,
        /// How many there are.
        of: u32,
        /// What it does.
        what: String,
    },
    /// A line that the step's command has written.
    Output {
        /// Which step.
        step: u32,
        /// Whether it is one of errors.
        error: bool,
        /// The line.
        line: String,
    },
    /// A step is done.
    Ended {
        /// Which.
        step: u32,
        /// Whether it had been built before, so that nothing was done.
        cached: bool,
        /// How long it took.
        took_ms: u64,
    },
}

/// Counts steps and tells of them.
pub struct Teller<'p> {
    to: &'p mut dyn FnMut(&Progress),
    step: u32,
    of: u32,
    began_ms: u64,
}

impl<'p> Teller<'p> {
    pub fn new(of: u32, to: &'p mut dyn FnMut(&Progress)) -> Teller<'p> {
        Teller { to, step: 0, of, began_ms: 0 }
    }

    pub fn began(&mut self, what: String) {
        self.step += 1;
        self.began_ms = now_ms();
        (self.to)(&Progress::Began { step: self.step, of: self.of, what });
    }

    pub fn ended(&mut self, cached: bool) {
        let took_ms = now_ms().saturating_sub(self.began_ms);
        (self.to)(&Progress::Ended { step: self.step, cached, took_ms });
    }

    /// Hears a command's output.
    pub fn lines(&mut self) -> Lines<'_, 'p> {
        Lines { teller: self, open: Default::default(), tails: Default::default() }
    }
}

/// Output put together to lines.
pub struct Lines<'t, 'p> {
    teller: &'t mut Teller<'p>,
    /// What has no line break yet, of both streams.
    open: [Vec<u8>; 2],
    /// The last lines of each: in which order the two were written nobody knows, and a flood
    /// of one must not hide the other.
    tails: [VecDeque<String>; 2],
}

impl Lines<'_, '_> {
    pub fn heard(&mut self, stream: Stream, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let open = self.open(stream);
            open.extend_from_slice(piece);
            if open.ends_with(b"\n") || open.len() >= LINE_BYTES_MAX {
                self.tell(stream);
            }
        }
    }

    /// The last lines of what was printed, then of errors, when there will be no more.
    pub fn end(mut self) -> Vec<String> {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if !self.open(stream).is_empty() {
                self.tell(stream);
            }
        }
        self.tails.into_iter().flatten().collect()
    }

    fn open(&mut self, stream: Stream) -> &mut Vec<u8> {
        let [stdout, stderr] = &mut self.open;
        if stream == Stream::Stdout { stdout } else { stderr }
    }

    fn tell(&mut self, stream: Stream) {
        let bytes = std::mem::take(self.open(stream));
        let line = String::from_utf8_lossy(&bytes).trim_end_matches(['\n', '\r']).to_owned();
        let [stdout, stderr] = &mut self.tails;
        let tail = if stream == Stream::Stdout { stdout } else { stderr };
        if tail.len() == TAIL_LINES {
            tail.pop_front();
        }
        tail.push_back(line.clone());
        let error = stream == Stream::Stderr;
        (self.teller.to)(&Progress::Output { step: self.teller.step, error, line });
    }
}

/// Milliseconds of the monotonic clock: only shown to people, no part of what is built.
fn now_ms() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1000
        + u64::try_from(now.tv_nsec).unwrap_or(0) / 1_000_000
}
