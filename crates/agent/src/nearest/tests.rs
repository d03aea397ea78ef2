//! Slips, and words that are no slips.

use super::*;

#[test]
fn a_slip_is_near_and_another_word_is_not() {
    let known = ["refund", "research", "add"];
    assert_eq!(nearest("refnud", known), Some("refund"));
    assert_eq!(nearest("ad", known), Some("add"));
    assert_eq!(nearest("payment", known), None);
    assert_eq!(nearest("x", []), None);
}
