//! Whether a node's memory stays flat: pure. A node that lives long must not take more
//! and more; and none, however short its life, more than it is meant to.

use std::fmt;

/// What nodes took at each look.
#[derive(Default)]
pub struct Memory {
    /// The most that any took.
    peak: u64,
    /// Second of the campaign and bytes, of the node that lives now.
    looks: Vec<(u64, u64)>,
}

/// How much more the second half of the last node's life may take than the first: caches
/// fill, and the allocator keeps what it had once.
const GROWTH_MAX: f64 = 1.25;
const SLACK_BYTES: u64 = 48 << 20;

/// A node keeps waiting processes of 512 MiB at most (`resident_bytes_max`); the rest is
/// for those at work.
const PEAK_MAX_BYTES: u64 = 768 << 20;

impl Memory {
    pub fn add(&mut self, second: u64, bytes: u64) {
        if bytes > 0 {
            self.peak = self.peak.max(bytes);
            self.looks.push((second, bytes));
        }
    }

    /// Another node begins with nothing.
    pub fn next_life(&mut self) {
        self.looks.clear();
    }

    /// Counts another's peak.
    pub fn include(&mut self, other: &Memory) {
        self.peak = self.peak.max(other.peak);
    }

    /// The most it took in each half of the last life.
    pub fn halves(&self) -> [u64; 2] {
        let begin = self.looks.first().map_or(0, |(second, _)| *second);
        let end = self.looks.last().map_or(0, |(second, _)| *second) + 1;
        let most = |half: u64| {
            let is_in = |second: u64| (second - begin) * 2 / (end - begin) == half;
            let within = self.looks.iter().filter(|(second, _)| is_in(*second));
            within.map(|(_, bytes)| *bytes).max().unwrap_or(0)
        };
        [most(0), most(1)]
    }

    pub fn is_flat(&self) -> bool {
        let [first, second] = self.halves();
        second <= (first as f64 * GROWTH_MAX) as u64 + SLACK_BYTES && self.peak <= PEAK_MAX_BYTES
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second] = self.halves().map(|bytes| bytes >> 20);
        let (peak, seconds) = (self.peak >> 20, self.looks.len() / 4);
        write!(
            f,
            "at most {peak} MiB; of the last node, that lived {seconds} s, {first} and {second} MiB \
             in each half of its life"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Memory;

    fn of(looks: impl Iterator<Item = u64>) -> Memory {
        let mut memory = Memory::default();
        looks.enumerate().for_each(|(second, mib)| memory.add(second as u64, mib << 20));
        memory
    }

    #[test]
    fn growth_is_told_from_noise() {
        assert!(of((0..90).map(|second| 300 + second % 7)).is_flat());
        assert!(!of((0..90).map(|second| 100 + 5 * second)).is_flat());
        assert_eq!(of(1..5).halves(), [2 << 20, 4 << 20]);
    }

    #[test]
    fn a_life_begins_with_nothing_but_its_peak_is_kept() {
        let mut memory = of((0..90).map(|second| 100 + 5 * second));
        memory.next_life();
        memory.add(100, 90 << 20);
        assert!(memory.is_flat());
        memory.add(101, 800 << 20);
        memory.next_life();
        assert!(!memory.is_flat(), "a peak is a peak, whenever it was");
    }
}
