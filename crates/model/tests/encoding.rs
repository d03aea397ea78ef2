//! The journal's encoding, event by event. A line that changes here is a change
//! of the format: old journals must stay readable.

use greenroom_model::Event;
use std::collections::BTreeSet;

const LINES: &str = include_str!("golden/events.ndjson");

#[test]
fn every_line_reads_and_writes_back_to_the_letter() {
    for line in LINES.lines() {
        let event: Event =
            serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert_eq!(serde_json::to_string(&event).expect("written"), line);
        assert!(line.starts_with(&format!("{{\"{}\":", event.name())), "{line}");
    }
}

#[test]
fn every_event_has_a_line() {
    let lines: BTreeSet<&str> = LINES.lines().filter_map(|line| line.split('"').nth(1)).collect();
    // The list in the source is what the compiler makes complete.
    let source = include_str!("../src/event.rs");
    let start = source.find("match self {").expect("the list of names");
    let listed: BTreeSet<&str> = source[start..]
        .lines()
        .filter_map(|line| line.split("=> \"").nth(1)?.split('"').next())
        .collect();
    assert!(listed.len() > 25, "{listed:?}");
    assert_eq!(lines, listed);
}
