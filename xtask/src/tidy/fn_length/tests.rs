//! The function scanner against the ways Rust writes functions and braces.

use super::*;

/// Each function's name and its number of lines.
fn scan(text: &str) -> Vec<(String, usize)> {
    let file = File::new("a.rs", text.to_owned());
    let functions = functions(&file.code);
    let lines =
        |function: &Function<'_>| file.line_at(function.end) - file.line_at(function.start) + 1;
    functions.iter().map(|function| (function.name.to_owned(), lines(function))).collect()
}

fn check(text: &str, expected: &[(&str, usize)]) {
    let expected = expected.iter().map(|(name, lines)| ((*name).to_owned(), *lines));
    assert_eq!(scan(text), expected.collect::<Vec<_>>());
}

#[test]
fn braces_in_text_do_not_count() {
    check("fn a() {\n  f(\"}\", '}', /* } */ r#\"}\"#); // }\n}\nfn b() {}", &[("a", 3), ("b", 1)]);
}

#[test]
fn lifetimes_are_not_chars() {
    check("fn a<'a>(x: &'a str) -> &'a str {\n x\n}\nfn b() {\n}", &[("a", 3), ("b", 2)]);
}

#[test]
fn no_body_no_function() {
    check("trait T {\n fn a();\n fn b(x: [u8; 3]) {}\n}\ntype F = fn(u8) -> u8;", &[("b", 1)]);
}

#[test]
fn inner_functions_count_for_both() {
    check("fn a() {\n  fn b() {\n  }\n}", &[("a", 4), ("b", 2)]);
}

#[test]
fn signatures_count() {
    check("async fn a(\n  x: u8,\n) -> u8\nwhere\n  u8: Copy,\n{\n  x\n}", &[("a", 8)]);
}

#[test]
fn long_ones_are_found() {
    let body = "    x();\n".repeat(LINES_MAX - 1);
    let workspace = Workspace {
        files: [
            File::new("short.rs", format!("fn a() {{\n{}}}", &body["    x();\n".len()..])),
            File::new("long.rs", format!("\nfn a() {{\n{body}}}")),
        ]
        .into(),
        ..Workspace::default()
    };
    let found = super::check(&workspace);
    let found: Vec<_> = found.iter().map(|found| (found.path.as_str(), found.line)).collect();
    assert_eq!(found, [("long.rs", 2)]);
}
