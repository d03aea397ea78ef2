//! Lines out of bytes, however they are cut.

use super::*;

fn text(words: &str) -> Typed {
    Typed::Text(words.to_owned())
}

#[test]
fn lines_are_the_same_however_they_are_cut() {
    let bytes = "one\n\ntw\u{f6}\nend".as_bytes();
    for size in 1..=bytes.len() {
        let mut lines = Lines::default();
        let mut typed: Vec<Typed> = bytes.chunks(size).flat_map(|cut| lines.take(cut)).collect();
        typed.extend(lines.end());
        assert_eq!(typed, [text("one"), text(""), text("tw\u{f6}"), text("end")], "{size}");
        assert_eq!(lines.end(), None);
    }
    assert_eq!(Lines::default().take(b"\xff\nok\n"), [Typed::NotText, text("ok")]);
}

#[test]
fn a_line_that_no_message_can_hold_is_told_and_not_held() {
    let (mut lines, piece) = (Lines::default(), vec![b'x'; 1 << 20]);
    // Each byte is looked at once: 40 MB in pieces of a pipe take no time to speak of.
    for _ in 0..40 {
        for cut in piece.chunks(8192) {
            assert_eq!(lines.take(cut), []);
            assert!(lines.held.len() <= PAYLOAD_MAX_BYTES);
        }
    }
    assert_eq!(lines.take(b"y\nnext\n"), [Typed::TooLong, text("next")]);
    lines.take(b"half");
    assert_eq!(lines.end(), Some(text("half")));
}

#[test]
fn what_is_pasted_at_once_is_one_text() {
    assert_eq!(paste(vec![text("a"), text(""), text("b")]), Some(text("a\n\nb")));
    assert_eq!(paste(vec![text("a"), Typed::NotText, text("b")]), Some(Typed::NotText));
    let half = || Typed::Text("x".repeat(PAYLOAD_MAX_BYTES / 2));
    assert_eq!(paste(vec![half(), half(), text("b")]), Some(Typed::TooLong));
    assert_eq!(paste(Vec::new()), None);
}
