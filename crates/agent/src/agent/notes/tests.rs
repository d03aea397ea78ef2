//! Who reports without an end.

use super::{NOTE_BYTES_MAX, NOTES_MAX, Notes};

#[test]
fn the_oldest_give_way_and_are_counted() {
    let mut notes = Notes::default();
    for n in 0..NOTES_MAX + 1000 {
        notes.push(format!("note {n}"));
    }
    notes.push("é".repeat(NOTE_BYTES_MAX));
    let told = notes.take();
    assert_eq!(told.len(), NOTES_MAX + 1);
    assert_eq!(told[0], "[1001 older notes are left out]");
    assert_eq!(told[1], "note 1001");
    assert!(told[NOTES_MAX].len() < NOTE_BYTES_MAX + 10 && told[NOTES_MAX].ends_with(" […]"));
    assert!(notes.take().is_empty());
}
