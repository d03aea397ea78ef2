//! Counts the processes of a box where no cgroup does: all that descend from its first. Whoever
//! loses its parent in a box is given to its first process, so none gets away.

use std::collections::BTreeMap;

use rustix::process::Pid;

#[cfg(test)]
mod tests;

/// How many there are, the first one with them; `None` if this process may not look.
pub fn processes(first: Pid) -> Option<u64> {
    let first = first.as_raw_nonzero().get();
    let mut children: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
    let mut seen = false;
    for entry in std::fs::read_dir("/proc").ok()?.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<i32>().ok()) else { continue };
        seen |= pid == first;
        if let Some(parent) = parent(pid) {
            children.entry(parent).or_default().push(pid);
        }
    }
    let (mut count, mut left) = (0, vec![first]);
    while let Some(pid) = left.pop() {
        count += 1;
        left.extend(children.remove(&pid).unwrap_or_default());
    }
    seen.then_some(count)
}

/// `None` of one that has ended, also if nobody has collected it yet.
fn parent(pid: i32) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in brackets and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut words = rest.split_whitespace();
    let state = words.next()?;
    words.next()?.parse().ok().filter(|_| !matches!(state, "Z" | "X"))
}
