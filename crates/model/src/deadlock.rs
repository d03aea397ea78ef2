//! Circles of calls: processes of which each waits for another's reply, and
//! none can go on. Pure.

use crate::ProcessId;
use std::collections::{BTreeMap, BTreeSet};

/// Whom each process waits for that waits for replies and for nothing else. A
/// process that is not here may go on.
pub type Waits = BTreeMap<ProcessId, Vec<ProcessId>>;

/// Who of these waits in vain. Whoever may go on may answer, so one such process
/// that somebody waits for, by whatever way, is enough for that one not to.
/// Takes time in proportion to the number of calls.
pub fn stuck(waits: &Waits) -> BTreeSet<ProcessId> {
    let mut callers: BTreeMap<&ProcessId, Vec<&ProcessId>> = BTreeMap::new();
    let mut free: Vec<&ProcessId> = Vec::new();
    for (who, targets) in waits {
        if targets.is_empty() || !targets.iter().all(|target| waits.contains_key(target)) {
            free.push(who);
        }
        targets.iter().for_each(|target| callers.entry(target).or_default().push(who));
    }
    let mut stuck: BTreeSet<ProcessId> = waits.keys().cloned().collect();
    while let Some(who) = free.pop() {
        if stuck.remove(who) {
            free.extend(callers.remove(who).unwrap_or_default());
        }
    }
    stuck
}

/// A circle for each set of processes that wait for each other: each waits for
/// the next, the last for the first. No process is in two. All in `waits` must
/// be [`stuck`].
pub fn circles(waits: &Waits) -> Vec<Vec<ProcessId>> {
    let mut passed: BTreeSet<&ProcessId> = BTreeSet::new();
    let mut found = Vec::new();
    for start in waits.keys() {
        let (mut path, mut at) = (Vec::new(), start);
        // Everybody waits for somebody known, so this comes round, or to where
        // another has passed.
        while passed.insert(at) {
            path.push(at);
            let Some(next) = waits.get(at).and_then(|targets| targets.first()) else { break };
            at = next;
        }
        if let Some(place) = path.iter().position(|passed| *passed == at) {
            found.push(path.split_off(place).into_iter().cloned().collect());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(edges: &[(&str, &[&str])]) -> Waits {
        let id = |text: &&str| ProcessId::parse(text).unwrap();
        edges.iter().map(|(from, to)| (id(from), to.iter().map(id).collect())).collect()
    }

    fn found(edges: &[(&str, &[&str])]) -> Vec<String> {
        let mut waits = waits(edges);
        let stuck = stuck(&waits);
        waits.retain(|id, _| stuck.contains(id));
        let words = |circle: &Vec<ProcessId>| {
            circle.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        circles(&waits).iter().map(words).collect()
    }

    #[test]
    fn a_circle_is_found_from_outside_too() {
        let edges: &[(&str, &[&str])] =
            &[("a/a", &["b/b"]), ("b/b", &["c/c"]), ("c/c", &["a/a"]), ("a/0", &["b/b"])];
        assert_eq!(found(&edges[..3]), ["a/a b/b c/c"]);
        assert_eq!(found(edges), ["b/b c/c a/a"]);
        assert_eq!(stuck(&waits(edges)).len(), 4);
        assert_eq!(found(&[("a/a", &["a/a"])]), ["a/a"]);
    }

    #[test]
    fn all_circles_are_found_each_once() {
        let edges: &[(&str, &[&str])] = &[
            ("a/a", &["b/b"]),
            ("b/b", &["a/a"]),
            ("c/c", &["d/d"]),
            ("d/d", &["c/c"]),
            ("e/e", &["a/a", "c/c"]),
            ("f/f", &["g/g"]),
        ];
        assert_eq!(found(edges), ["a/a b/b", "c/c d/d"]);
    }

    #[test]
    fn one_that_may_go_on_is_enough() {
        assert!(found(&[("a/a", &["b/b"])]).is_empty());
        let edges: &[(&str, &[&str])] = &[("a/a", &["b/b"]), ("b/b", &["a/a", "c/c"])];
        assert!(found(edges).is_empty());
    }
}
