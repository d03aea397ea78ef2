//! No function over 70 lines, tests included.
//!
//! Counts braces in masked code; must not need a real parser.

#[cfg(test)]
mod tests;

use super::finding::Finding;
use super::mask::{is_word, word_positions};
use super::workspace::{File, Workspace};

const LINES_MAX: usize = 70;

pub fn check(workspace: &Workspace) -> Vec<Finding> {
    workspace.rust_files().flat_map(long).collect()
}

fn long(file: &File) -> Vec<Finding> {
    let functions = functions(&file.code).into_iter();
    let long = functions.filter_map(|function| {
        let first = file.line_at(function.start);
        let lines = file.line_at(function.end) - first + 1;
        let name = function.name;
        let message = format!(
            "fn {name} has {lines} lines, over {LINES_MAX}: it does more than one thing; \
             name its parts and make each a function (aim for 25)"
        );
        (lines > LINES_MAX).then(|| Finding::new("fn-length", &file.path, first, message))
    });
    long.collect()
}

/// A function with a body: where `fn` starts and where its last brace stands.
#[derive(Debug, PartialEq, Eq)]
struct Function<'code> {
    name: &'code str,
    start: usize,
    end: usize,
}

fn functions(code: &str) -> Vec<Function<'_>> {
    word_positions(code, "fn").filter_map(|start| function(code, start)).collect()
}

/// None for a function without a body (a trait's), and for `fn(…)` as a type.
fn function(code: &str, start: usize) -> Option<Function<'_>> {
    let name = code.get(start + 2..)?.trim_start();
    let name = name.strip_prefix("r#").unwrap_or(name);
    let length = name.bytes().take_while(|byte| is_word(*byte) || *byte == b'$').count();
    let name = name.get(..length).filter(|name| !name.is_empty())?;
    let open = start + body(code.get(start..)?)?;
    let end = open + closing(code.get(open..)?)?;
    Some(Function { name, start, end })
}

/// Where the body's brace opens: the first one outside parentheses and brackets.
fn body(signature: &str) -> Option<usize> {
    let mut depth = 0;
    for (position, byte) in signature.bytes().enumerate() {
        match byte {
            b'(' | b'[' => depth += 1,
            b')' | b']' => depth -= 1,
            b'{' if depth == 0 => return Some(position),
            b';' if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Where the brace that opens `code` closes.
pub fn closing(code: &str) -> Option<usize> {
    let mut depth = 0;
    for (position, byte) in code.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(position);
        }
    }
    None
}
