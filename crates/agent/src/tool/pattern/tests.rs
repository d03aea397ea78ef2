//! Which servers a list of names is about.

use super::Pattern;

fn pattern(text: &str) -> Pattern {
    Pattern::new(text).unwrap()
}

#[test]
fn whether_a_server_may_be_meant() {
    let may = |text: &str| pattern(text).may_begin_with("mcp__git__");
    for name in ["*", "mcp__*", "mcp__git", "mcp__git__*", "mcp__git__log", "mcp__*__log", "m*g"] {
        assert!(may(name), "{name}");
    }
    for name in ["Read", "mcp__shop__*", "mcp__github__log", "mcp__gi", "mcp__git_"] {
        assert!(!may(name), "{name}");
    }
}

#[test]
fn whether_a_server_is_meant_whole() {
    let all = |text: &str| pattern(text).is_all_below("mcp__git__");
    for name in ["*", "mcp__*", "mcp__git", "mcp__git__*", "mcp__g*"] {
        assert!(all(name), "{name}");
    }
    for name in ["Read", "mcp__git__log", "mcp__git__l*", "mcp__*__log", "mcp__github", "m*g"] {
        assert!(!all(name), "{name}");
    }
}
