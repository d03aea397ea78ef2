//! Who a box's root is on the host: pure choice of an id, from the ids this process may give.
//!
//! A box has one id, 0 inside. As root it becomes a high id of the box's own, so that neither the
//! host's root nor another box is the same user; the host's 0 is never mapped while there is any
//! other id to map to. Without privilege it becomes the caller's own id, which is the only one
//! the kernel lets it map; `newuidmap` is not asked for more, as one id is all a box uses.

#[cfg(test)]
mod tests;

use std::path::Path;

/// A line of `uid_map`: ids that exist for this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// The first id.
    pub first: u32,
    /// How many.
    pub count: u32,
}

/// Above all ids that people, services and containers are given; below 2^31, where some programs
/// take ids for negative.
const FIRST: u32 = 0x7000_0000;
/// Process ids end below it on every Linux.
const SPAN: u32 = 1 << 22;

/// Whether the id is one of those that boxes get.
pub fn is_box(id: u32) -> bool {
    (FIRST..FIRST + SPAN).contains(&id)
}

/// The id for a box whose init has this process id. An upper directory that was a box's before
/// keeps its id, or its files would belong to nobody.
pub fn choose(extents: &[Extent], pid: u32, kept: Option<u32>) -> u32 {
    let fits = |id: u32| extents.iter().any(|one| id >= one.first && u64::from(id) < end(one));
    if let Some(kept) = kept.filter(|id| is_box(*id) && fits(*id)) {
        return kept;
    }
    let own = FIRST + pid % SPAN;
    if fits(own) {
        return own;
    }
    // In a container with few ids: one near the end. The very last two are often `nobody` and -1.
    let last = extents.iter().map(end).max().unwrap_or(0);
    let mut near =
        [3, 2, 1].into_iter().filter_map(|back| u32::try_from(last.checked_sub(back)?).ok());
    near.find(|id| *id != 0 && fits(*id)).unwrap_or(0)
}

fn end(extent: &Extent) -> u64 {
    u64::from(extent.first) + u64::from(extent.count)
}

/// The ids that exist for this process.
pub fn extents(map: &Path) -> std::io::Result<Vec<Extent>> {
    Ok(parse(&std::fs::read_to_string(map)?))
}

fn parse(map: &str) -> Vec<Extent> {
    let line = |line: &str| {
        let mut numbers = line.split_whitespace().map(str::parse::<u32>);
        let first = numbers.next()?.ok()?;
        let count = numbers.nth(1)?.ok()?;
        Some(Extent { first, count })
    };
    map.lines().filter_map(line).collect()
}
