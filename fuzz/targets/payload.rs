//! Any text as a payload: refused, or kept to the letter through a journal.
#![no_main]

use greenroom_model::Payload;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let Ok(payload) = Payload::parse(text) else { return };
    assert_eq!(payload.text(), Some(text.trim_matches([' ', '\t', '\r', '\n'])));
    let written = serde_json::to_string(&payload).expect("a payload can be written");
    let read: Payload = serde_json::from_str(&written).expect("what was written can be read");
    // What could be taken for a blob's name goes to the blob store instead.
    assert!(payload.wants_blob() || read == payload);
});
