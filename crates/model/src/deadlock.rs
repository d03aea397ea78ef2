//! Circles of calls: processes of which each waits for another's reply, and
//! none can go on. Pure.

use crate::ProcessId;
use std::collections::{BTreeMap, BTreeSet};

/// Processes that wait for each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadlock {
    /// Each waits for the next, the last for the first.
    pub circle: Vec<ProcessId>,
    /// All that wait for these, as far as was looked, and these.
    pub stuck: BTreeSet<ProcessId>,
}

/// Whether `start` waits in vain. `waits` tells whom a process waits for that
/// waits for replies and for nothing else; `None`: it may go on. Whoever may go
/// on may answer, so one such process that it waits for, by whatever way, is
/// enough for there to be no deadlock.
pub fn deadlock(
    start: &ProcessId,
    waits: &mut dyn FnMut(&ProcessId) -> Option<Vec<ProcessId>>,
) -> Option<Deadlock> {
    let mut known: BTreeMap<ProcessId, Vec<ProcessId>> = BTreeMap::new();
    let mut next = vec![start.clone()];
    while let Some(id) = next.pop() {
        if known.contains_key(&id) {
            continue;
        }
        let targets = waits(&id).filter(|targets| !targets.is_empty())?;
        next.extend(targets.iter().cloned());
        known.insert(id, targets);
    }
    // Everybody waits for somebody known, so this comes round.
    let (mut path, mut at) = (vec![start.clone()], start);
    loop {
        at = known.get(at)?.first()?;
        if let Some(place) = path.iter().position(|passed| passed == at) {
            let circle = path.split_off(place);
            return Some(Deadlock { circle, stuck: known.into_keys().collect() });
        }
        path.push(at.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(text: &str) -> ProcessId {
        ProcessId::parse(text).unwrap()
    }

    fn circle(start: &str, edges: &[(&str, &[&str])]) -> Option<Vec<String>> {
        let mut waits = |who: &ProcessId| {
            let found = edges.iter().find(|(from, _)| *from == who.as_str());
            found.map(|(_, to)| to.iter().map(|to| id(to)).collect())
        };
        let found = deadlock(&id(start), &mut waits)?;
        Some(found.circle.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_circle_is_found_from_outside_too() {
        let edges: &[(&str, &[&str])] =
            &[("x/x", &["a/a"]), ("a/a", &["b/b"]), ("b/b", &["c/c"]), ("c/c", &["a/a"])];
        assert_eq!(circle("a/a", edges).unwrap(), ["a/a", "b/b", "c/c"]);
        assert_eq!(circle("x/x", edges).unwrap(), ["a/a", "b/b", "c/c"]);
        assert_eq!(circle("a/a", &[("a/a", &["a/a"])]).unwrap(), ["a/a"]);
    }

    #[test]
    fn one_that_may_go_on_is_enough() {
        assert_eq!(circle("a/a", &[("a/a", &["b/b"])]), None);
        let edges: &[(&str, &[&str])] = &[("a/a", &["b/b"]), ("b/b", &["a/a", "c/c"])];
        assert_eq!(circle("a/a", edges), None);
    }
}
