//! Paths lead to the file that owns the name.

use super::*;

fn check(from: &str, path: &str, expected: Option<&str>) {
    let files = [
        ("lib.rs", "mod a;\npub use a::b::Bee;\npub use a::Bell;"),
        ("a/mod.rs", "pub mod b;\npub use b::Bell;"),
        ("a/b.rs", ""),
        ("c.rs", ""),
        ("c/tests.rs", ""),
    ];
    let files = files.map(|(path, text)| File::new(&format!("crates/x/src/{path}"), text.into()));
    let package = Package { dir: "crates/x".into(), ..Package::default() };
    let workspace = Workspace { files: files.into(), ..Workspace::default() };
    let tree = ModuleTree::new(&workspace, &package);
    assert_eq!(tree.modules.len(), 4);
    let split = |path: &str| -> Vec<String> {
        path.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()
    };
    let path = UsePath { segments: split(path), name: String::new(), reexport: false, position: 0 };
    let resolved = tree.resolve(&split(from), &path);
    assert_eq!(resolved.map(|module| module.join("::")).as_deref(), expected);
}

#[test]
fn modules_are_walked() {
    check("c", "crate::a::b::X", Some("a::b"));
    check("a::b", "super::X", Some("a"));
    check("a::b", "super::super::c::X", Some("c"));
    check("a", "b::X", Some("a::b"));
    check("a", "self::b::X", Some("a::b"));
    check("c", "crate::X", Some(""));
}

#[test]
fn reexports_are_followed() {
    check("c", "crate::Bee", Some("a::b"));
    check("c", "crate::Bell", Some("a::b"));
    check("c", "crate::a::Bell::new", Some("a::b"));
}

#[test]
fn other_crates_are_elsewhere() {
    check("c", "std::fmt", None);
    check("", "super::x", None);
}
