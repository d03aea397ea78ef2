//! Use trees and plain paths, spelled out.

use super::*;

fn check(code: &str, expected: &[&str]) {
    let paths = use_paths(code);
    let paths: Vec<_> = paths.iter().map(|path| path.segments.join("::")).collect();
    assert_eq!(paths, expected);
}

#[test]
fn trees_are_spelled_out() {
    check("use crate::a::B;", &["crate::a::B"]);
    check(
        "use crate::{a::{self, B as C}, d::*, e};",
        &["crate::a", "crate::a::B", "crate::d::*", "crate::e"],
    );
    check("use super::super::{\n  x,\n};", &["super::super::x"]);
}

#[test]
fn names_and_visibility_are_kept() {
    let paths = use_paths("pub(crate) use a::B as C; pub use d::E; use f::G;");
    let kept: Vec<_> = paths.iter().map(|path| (path.name.as_str(), path.reexport)).collect();
    assert_eq!(kept, [("C", true), ("E", true), ("G", false)]);
}

#[test]
fn code_names_paths_too() {
    check("fn a() { crate::b::c(x::Y::new()) }", &["crate::b::c", "x::Y::new"]);
    check("let v = Vec::<u8>::new();", &["Vec"]);
    check("pub(in crate::a) fn b() -> impl X + use<'_> { super::c() }", &["super::c"]);
}

#[test]
fn inline_modules_are_left_out() {
    check("mod a;\nmod b { use super::c::D; }\nuse e::F;", &["e::F"]);
}
