//! Both ways to write a hunk lead from one text to the other, and none takes for ever.

use super::*;
use proptest::prelude::*;

fn applied(before: &str, hunks: &str) -> String {
    let patch = format!("--- a\n+++ b\n{hunks}");
    diffy::apply(before, &diffy::Patch::from_str(&patch).unwrap()).unwrap()
}

/// To compare all lines with all would take many minutes.
#[test]
fn far_apart_texts_are_replaced_in_one_hunk() {
    let text = |word: &str| -> String {
        (0..100_000).map(|line| format!("{word}{line}\n")).collect::<String>()
    };
    let (old, new) = (text("a"), text("b"));
    let (before, after) = (format!("one\ntwo\n{old}end"), format!("one\ntwo\n{new}end"));
    let hunks = hunks(&before, &after);
    assert!(!are_near(&before, &after));
    assert!(hunks.starts_with("@@ -1,100003 +1,100003 @@\n one\n two\n-a0\n"), "{:.60}", hunks);
    assert!(hunks.ends_with("+b99999\n end\n\\ No newline at end of file\n"));
    assert_eq!(applied(&before, &hunks), after);
}

#[test]
fn a_long_text_with_few_changes_is_compared() {
    let before: String = (0..50_000).map(|line| format!("{line}\n")).collect();
    let after = before.replace("\n7\n", "\nseven\n").replace("\n49000\n", "\n");
    let hunks = hunks(&before, &after);
    assert_eq!(hunks.matches("@@ -").count(), 2, "{hunks}");
    assert_eq!(hunks.lines().filter(|line| line.starts_with(['-', '+'])).count(), 3);
    assert_eq!(applied(&before, &hunks), after);
}

#[test]
fn an_empty_side_and_a_missing_line_end_are_told() {
    assert_eq!(hunks("", "a\n"), "@@ -0,0 +1 @@\n+a\n");
    assert_eq!(hunks("a\n", "a"), "@@ -1 +1 @@\n-a\n+a\n\\ No newline at end of file\n");
    assert_eq!(replaced("", "a"), "@@ -0,0 +1,1 @@\n+a\n\\ No newline at end of file\n");
    assert_eq!(replaced("a\nb\n", "a\n"), "@@ -1,2 +1,1 @@\n a\n-b\n");
}

proptest! {
    #[test]
    fn any_two_texts(before in "([ab]\n?|\n){0,12}", after in "([ab]\n?|\n){0,12}") {
        prop_assume!(before != after);
        prop_assert_eq!(applied(&before, &hunks(&before, &after)), after.clone());
        prop_assert_eq!(applied(&before, &replaced(&before, &after)), after);
    }

    /// Against the plain table of all distances.
    #[test]
    fn how_far_apart(
        old in prop::collection::vec(0_usize..3, 0..8),
        new in prop::collection::vec(0_usize..3, 0..8),
        apart_max in 0_usize..12,
    ) {
        let mut table = vec![vec![0; new.len() + 1]; old.len() + 1];
        for x in 0..=old.len() {
            for y in 0..=new.len() {
                table[x][y] = match (x, y) {
                    (0, _) | (_, 0) => x + y,
                    _ if old[x - 1] == new[y - 1] => table[x - 1][y - 1],
                    _ => 1 + table[x - 1][y].min(table[x][y - 1]),
                };
            }
        }
        prop_assert_eq!(is_within(&old, &new, apart_max), table[old.len()][new.len()] <= apart_max);
    }
}
