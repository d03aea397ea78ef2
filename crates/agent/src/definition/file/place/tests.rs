//! Lines of fields, however they are written.

use super::*;

const HEAD: &str = "---
name: x
description: limits: none
limits: {turns: 1, child: {money: 2},
  money: 3}
approve:
  pay:
    above: {pointer: amount, most: 1}
  \"Write\":
    above:
      pointer: path
output:
  type: object
  properties:
    type: {type: nope}
---
limits: x
";

#[test]
fn a_field_is_found_where_it_stands() {
    let at = |path: &[&str]| line_of(HEAD, path);
    assert_eq!(at(&["limits"]), 4);
    assert_eq!(at(&["limits", "turns"]), 4);
    assert_eq!(at(&["limits", "money"]), 4, "the first of this name");
    assert_eq!(at(&["approve", "pay", "above"]), 8);
    assert_eq!(at(&["approve", "Write", "above", "pointer"]), 11);
    assert_eq!(at(&["output", "type"]), 13);
    assert_eq!(at(&["output", "properties", "type", "type"]), 15);
}

#[test]
fn of_one_that_is_not_there_it_is_where_it_would_be() {
    assert_eq!(line_of(HEAD, &["approve", "none", "above"]), 6);
    assert_eq!(line_of(HEAD, &["tools"]), 1);
    assert_eq!(line_of("", &["tools"]), 1);
}
