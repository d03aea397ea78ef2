//! An exception hides its finding and nothing else; an idle one is itself a finding.

use super::*;
use crate::tidy::workspace::File;

fn left(text: &str, max: usize) -> Vec<String> {
    let files = vec![File::new(LIST, text.to_owned())];
    let workspace = Workspace { files, ..Workspace::default() };
    let finding = |check, path| Finding::new(check, path, 7, String::new());
    let findings = vec![finding("head", "a.rs"), finding("head", "b.rs")];
    let left = apply_list(&list(&workspace), max, findings);
    left.iter().map(|finding| format!("{}:{}", finding.path, finding.line)).collect()
}

#[test]
fn an_exception_hides_its_finding() {
    assert_eq!(left("# why\nhead a.rs  # soon", 1), ["b.rs:7"]);
}

#[test]
fn an_idle_exception_is_found() {
    assert_eq!(left("\nname a.rs", 1), [&format!("{LIST}:2"), "a.rs:7", "b.rs:7"]);
}

#[test]
fn a_growing_list_is_found() {
    assert_eq!(left("head a.rs", 0), [&format!("{LIST}:1"), "b.rs:7"]);
}
