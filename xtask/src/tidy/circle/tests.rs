//! Circles that must be found, and shapes that only look like one.

use super::*;
use crate::tidy::workspace::File;

/// The message's circle, of files under `crates/x/src/`.
fn circle(files: &[(&str, &str)]) -> Option<String> {
    let file = |(path, text): &(&str, &str)| {
        File::new(&format!("crates/x/src/{path}"), (*text).to_owned())
    };
    let workspace = Workspace {
        packages: vec![Package { dir: "crates/x".into(), ..Package::default() }],
        files: files.iter().map(file).collect(),
    };
    let found = check(&workspace);
    assert!(found.len() <= 1, "{found:?}");
    let message = found.into_iter().next()?.message;
    let circle = message.strip_prefix("import circle ")?.split(':').next()?;
    Some(circle.to_owned())
}

#[test]
fn two_files_that_use_each_other() {
    let files =
        [("lib.rs", "mod a; mod b;"), ("a.rs", "use crate::b::B;"), ("b.rs", "use super::a::A;")];
    assert_eq!(circle(&files).as_deref(), Some("a.rs -> b.rs -> a.rs"));
}

#[test]
fn a_circle_of_three_through_a_reexport() {
    let files = [
        ("lib.rs", "mod a; mod b; mod c; pub use a::A;"),
        ("a.rs", "fn f() { crate::b::f() }"),
        ("b.rs", "use crate::{c::C, x};"),
        ("c.rs", "use crate::A;"),
    ];
    assert_eq!(circle(&files).as_deref(), Some("a.rs -> b.rs -> c.rs -> a.rs"));
}

#[test]
fn a_parent_that_uses_its_child_and_back() {
    let files = [("a/mod.rs", "mod b; fn f() { b::g() } struct S;"), ("a/b.rs", "use super::S;")];
    assert_eq!(circle(&files).as_deref(), Some("a/b.rs -> a/mod.rs -> a/b.rs"));
}

#[test]
fn a_list_of_modules_is_no_part_of_a_circle() {
    let files = [
        ("lib.rs", "pub mod a;\npub use a::{b::B, C};"),
        ("a/mod.rs", "pub mod b; mod c; pub use c::C;"),
        ("a/b.rs", "use super::C; use crate::a;"),
        ("a/c.rs", ""),
    ];
    assert_eq!(circle(&files), None);
}

#[test]
fn tests_may_use_everything() {
    let files = [
        ("a.rs", "mod tests;"),
        ("a/tests.rs", "use super::*; use crate::b;"),
        ("b.rs", "use crate::a;"),
    ];
    assert_eq!(circle(&files), None);
}

#[test]
fn comments_are_no_imports() {
    let files =
        [("a.rs", "use crate::b;"), ("b.rs", "// crate::a::A\nconst X: &str = \"crate::a\";")];
    assert_eq!(circle(&files), None);
}
