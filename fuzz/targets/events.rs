//! Any text as a turn's events: an error, or events that read back the same,
//! from which a ledger and a history in force can be made.
#![no_main]

use greenroom_journal::{decode_events, encode_events};
use greenroom_model::{Event, Ledger, Seq, history_in_force, restart_point};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let count = serde_json::from_str::<Vec<Event>>(text).map_or(0, |events| events.len());
    let Ok(events) = decode_events(text, count) else { return };
    let written = encode_events(&events).expect("events can be written");
    assert_eq!(decode_events(&written, count).expect("what was written can be read"), events);
    let numbered: Vec<(Seq, Event)> =
        events.into_iter().enumerate().map(|(at, event)| (Seq(at as u64 + 1), event)).collect();
    let events = history_in_force(numbered, |(seq, event)| (*seq, event));
    let _ = restart_point(&events);
    let ledger = Ledger::of(events.iter().map(|(seq, event)| (*seq, event)));
    let _ = (ledger.status(), ledger.wake_at());
});
