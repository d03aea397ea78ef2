//! What counts as code and what does not.

use super::*;

/// Compares what stays, spaces aside, and that no position or line moves.
fn check(text: &str, kept: &str) {
    let masked = mask(text);
    assert_eq!(masked.split_whitespace().collect::<Vec<_>>().join(" "), kept);
    assert_eq!(masked.len(), text.len());
    assert_eq!(masked.lines().count(), text.lines().count());
}

#[test]
fn comments_go_and_lines_stay() {
    check("a // {\nb", "a b");
    check("a /* x /* { */ } */ b", "a b");
    check("/* a\nb */c", "c");
}

#[test]
fn strings_go_with_their_escapes() {
    check(r#"f("}\"{") + "\\" x"#, "f( ) + x");
    check(r##"f(r#"a"b"#)"##, "f(r )");
    check(r##"br"\" + x"##, "br + x");
    check(r#"c"a" b"b" z"#, "c b z");
}

#[test]
fn chars_go_and_lifetimes_stay() {
    check(r"'{' + '\'' + '\u{1F}' + '\\' x", "+ + + x");
    check("fn a<'a>(x: &'a str)", "fn a<'a>(x: &'a str)");
    check("b'{' '\"' 'ä' '🎭' x", "b x");
    check("'outer: loop {}", "'outer: loop {}");
}

#[test]
fn raw_identifiers_stay() {
    check("r#fn + r", "r#fn + r");
}

#[test]
fn words_are_whole() {
    let positions: Vec<_> = word_positions("fn_a fn fn b_fn", "fn").collect();
    assert_eq!(positions, [5, 8]);
}
