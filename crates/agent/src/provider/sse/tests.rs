//! The parser by its texts, and by all ways to cut them.

use super::{Event, Parser, TooLong};
use proptest::prelude::*;

fn event(name: &str, data: &str) -> Event {
    Event { name: name.to_owned(), data: data.to_owned() }
}

fn parse(chunks: &[&[u8]]) -> Vec<Event> {
    let mut parser = Parser::new(1 << 20);
    let mut events = Vec::new();
    for chunk in chunks {
        parser.push(chunk, &mut events).unwrap();
    }
    events.extend(parser.finish());
    events
}

#[test]
fn texts_and_their_events() {
    let cases: &[(&str, &[Event])] = &[
        ("data: a\n\n", &[event("", "a")]),
        ("data:a\r\n\r\ndata: b\r\n\r\n", &[event("", "a"), event("", "b")]),
        ("data: a\r\rdata: b\r\r", &[event("", "a"), event("", "b")]),
        ("event: ping\ndata: {}\n\n", &[event("ping", "{}")]),
        ("data: a\ndata: b\ndata\n\n", &[event("", "a\nb\n")]),
        (": keep-alive\n\ndata: a\n\n", &[event("", "a")]),
        ("\u{feff}data: a\n\n", &[event("", "a")]),
        ("id: 7\nretry: 10\ndata:  a:b\n\n", &[event("", " a:b")]),
        ("event: lost\n\ndata: kept\n\n", &[event("", "kept")]),
        ("data\n\n", &[event("", "")]),
        ("data: not ended", &[event("", "not ended")]),
        ("data: not ended\n", &[event("", "not ended")]),
        ("", &[]),
        ("\n\n\r\n", &[]),
    ];
    for (text, events) in cases {
        assert_eq!(parse(&[text.as_bytes()]), *events, "{text:?}");
    }
}

#[test]
fn every_byte_alone_gives_the_same() {
    let text =
        "\u{feff}event: a\r\ndata: Grüße 🦀\r\n\r\n: c\rdata: x\rdata: y\r\rdata: z\n\n".as_bytes();
    let whole = parse(&[text]);
    assert_eq!(whole, [event("a", "Grüße 🦀"), event("", "x\ny"), event("", "z")]);
    let bytes: Vec<&[u8]> = text.chunks(1).collect();
    assert_eq!(parse(&bytes), whole);
}

#[test]
fn what_is_no_utf8_is_marked_and_the_rest_kept() {
    assert_eq!(parse(&[b"data: a\xffb\n\n"]), [event("", "a\u{fffd}b")]);
}

#[test]
fn an_event_without_end_is_refused() {
    let mut parser = Parser::new(100);
    let mut events = Vec::new();
    parser.push(b"data: short\n\n", &mut events).unwrap();
    let long = [b'x'; 60];
    parser.push(b"data: ", &mut events).unwrap();
    parser.push(&long, &mut events).unwrap();
    assert_eq!(parser.push(&long, &mut events), Err(TooLong(100)));
    assert_eq!(events.len(), 1);
    // Many short lines of one event count together.
    let mut parser = Parser::new(100);
    let lines = b"data: 0123456789\n".repeat(20);
    assert_eq!(parser.push(&lines, &mut events), Err(TooLong(100)));
}

#[test]
fn what_is_no_stream_of_events_is_known() {
    let is_foreign = |said: &[u8]| {
        let mut parser = Parser::new(100);
        parser.push(said, &mut Vec::new()).unwrap();
        parser.is_foreign()
    };
    for said in [&b"\xff\xfe"[..], b"Not found\n", b"{\"a\": 1}\n\n", b"x\ny"] {
        assert!(is_foreign(said), "{said:?}");
    }
    for said in [
        &b""[..],
        b"\n\n",
        b": wait",
        b": wait\n",
        b"da",
        b"data: x",
        b"\xef\xbb\xbfdata",
        b"odd\nid: 1\n",
        b"event",
        b"retry:3",
    ] {
        assert!(!is_foreign(said), "{said:?}");
    }
}

proptest! {
    #[test]
    fn any_cut_gives_the_same_events(
        pieces in prop::collection::vec(
            prop::sample::select(vec!["\n", "\r", "\r\n", "data: ", "data:é", ":", "event: x", "🦀", "\u{feff}", " "]),
            0..40,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let text = pieces.concat().into_bytes();
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(text.len() + 1)).collect();
        cuts.push(text.len());
        cuts.sort_unstable();
        let mut from = 0;
        let mut chunks = Vec::new();
        for cut in cuts {
            chunks.push(&text[from..cut]);
            from = cut;
        }
        prop_assert_eq!(parse(&chunks), parse(&[&text]));
    }
}
