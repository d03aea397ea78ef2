//! Long results, read in pieces.

use super::*;

#[test]
fn a_long_text_is_read_piece_by_piece_and_searched() {
    let mut kept = Kept::default();
    let text = "ä".repeat(20_000) + "needle" + &"x".repeat(100);
    let (handle, whole) = kept.keep(text.clone());
    assert_eq!(whole, text.len());
    let mut read = String::new();
    let mut offset = 0;
    while offset < text.len() {
        let piece = kept.read(&json!({"handle": handle, "offset": offset})).unwrap();
        let words = piece.split_once('\n').unwrap().1;
        offset += words.len();
        read.push_str(words);
    }
    assert_eq!(read, text);
    let found = kept.read(&json!({"handle": handle, "search": "needle"})).unwrap();
    assert!(found.contains("\nneedlexxx"), "{}", &found[..60]);
}

#[test]
fn what_cannot_be_read_is_told() {
    let mut kept = Kept::default();
    assert!(kept.spec().is_none());
    kept.keep("abc".to_owned());
    let wrong = |arguments: Value| kept.read(&arguments).unwrap_err();
    assert!(wrong(json!({"handle": "result-7"})).contains("There are: result-1"));
    assert!(wrong(json!({"handle": "x"})).contains("result-1"));
    assert!(wrong(json!({})).contains("handle"));
    assert!(wrong(json!({"handle": "result-1", "search": "zzz"})).contains("does not stand"));
    assert!(
        kept.read(&json!({"handle": "result-1", "offset": 99})).unwrap().contains("3 to 3 of 3")
    );
}

#[test]
fn the_oldest_go_when_there_is_too_much() {
    let mut kept = Kept::default();
    for _ in 0..5 {
        kept.keep("x".repeat(3 << 20));
    }
    assert!(kept.bytes() <= KEPT_BYTES_MAX);
    assert!(kept.read(&json!({"handle": "result-3"})).is_err());
    assert!(kept.read(&json!({"handle": "result-5"})).is_ok());
}

#[test]
fn one_text_is_no_exception_and_control_characters_count_as_they_are_written() {
    let mut kept = Kept::default();
    let (handle, bytes) = kept.keep("\u{1}ä".repeat(4 << 20));
    assert!(kept.bytes() <= KEPT_BYTES_MAX && bytes > KEPT_BYTES_MAX / 8, "{bytes}");
    let end = kept.read(&json!({"handle": handle, "offset": bytes})).unwrap();
    assert!(end.starts_with(&format!("[bytes {bytes} to {bytes} of {bytes}]")), "{end}");
}
