//! Patterns of paths.

use super::pattern;

#[test]
fn patterns_mean_what_they_mean_in_a_shell() {
    let is = |glob: &str, path: &str| pattern(glob).unwrap().is_match(path);
    assert!(is("*.rs", "a.rs") && !is("*.rs", "src/a.rs") && !is("*.rs", "a.rsx"));
    assert!(is("**/*.rs", "a.rs") && is("**/*.rs", "src/b/a.rs"));
    assert!(is("src/**", "src/b/a") && !is("src/**", "lib/a"));
    assert!(is("src/**/a.{rs,toml}", "src/a.toml") && !is("a.{rs,toml}", "a.md"));
    assert!(is("a?[0-9][!x].c++", "ab1y.c++") && !is("a?[0-9][!x].c++", "ab1x.c++"));
    assert!(is("./a(1).txt", "a(1).txt"));
    for wrong in ["", "a{b", "a[b", "[z-a]"] {
        assert!(pattern(wrong).is_err(), "{wrong}");
    }
}
