//! Suggestions.

use super::*;

#[test]
fn the_name_that_was_meant_is_suggested_and_no_other() {
    let names = ["memory", "cpu", "network", "extends"];
    assert_eq!(nearest("memroy", &names), Some("memory"));
    assert_eq!(nearest("extend", &names), Some("extends"));
    assert_eq!(nearest("netwrok", &names), Some("network"));
    assert_eq!(nearest("ports", &names), None);
    assert_eq!(distance("kitten", "sitting"), 3);
    assert_eq!(distance("", "abc"), 3);
}
