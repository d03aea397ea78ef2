//! Names that every provider takes.

use super::*;

fn name(tool: &str, names: &mut BTreeSet<String>) -> String {
    free_name("git", tool, names)
}

#[test]
fn names_are_plain_short_and_apart() {
    let mut names = BTreeSet::new();
    assert_eq!(name("log", &mut names), "mcp__git__log");
    assert_eq!(name("a.b", &mut names), "mcp__git__a_b");
    let other = name("a/b", &mut names);
    assert!(other.starts_with("mcp__git__a_b_") && other.len() == 22, "{other}");
    let long = name(&"x".repeat(100), &mut names);
    let longer = name(&"x".repeat(101), &mut names);
    assert!(long.len() == 64 && longer.len() == 64 && long != longer);
}
