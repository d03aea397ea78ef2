//! Whether a node's memory stays flat: pure.

use std::fmt;

/// What a node took at each look, over all its lives.
#[derive(Default)]
pub struct Memory {
    /// Second of the campaign and bytes.
    looks: Vec<(u64, u64)>,
}

/// How much more the last third may take than the one before: caches fill, and
/// the allocator keeps what it had once.
const GROWTH_MAX: f64 = 1.25;
const SLACK_BYTES: u64 = 48 << 20;

impl Memory {
    pub fn add(&mut self, second: u64, bytes: u64) {
        if bytes > 0 {
            self.looks.push((second, bytes));
        }
    }

    /// The most it took in each third of the time.
    pub fn thirds(&self) -> [u64; 3] {
        let end = self.looks.last().map_or(0, |(second, _)| *second) + 1;
        let most = |third: u64| {
            let within = self.looks.iter().filter(|(second, _)| second * 3 / end == third);
            within.map(|(_, bytes)| *bytes).max().unwrap_or(0)
        };
        [most(0), most(1), most(2)]
    }

    pub fn is_flat(&self) -> bool {
        let [first, second, third] = self.thirds();
        let before = first.max(second) as f64;
        third <= (before * GROWTH_MAX) as u64 + SLACK_BYTES
    }
}

impl fmt::Display for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third] = self.thirds().map(|bytes| bytes >> 20);
        write!(f, "at most {first}, {second} and {third} MiB in each third of the time")
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
        assert!(!of((0..90).map(|second| 100 + 10 * second)).is_flat());
        assert_eq!(of((0..3).map(|second| second + 1)).thirds(), [1 << 20, 2 << 20, 3 << 20]);
    }
}
