//! The workspace's own checks: `cargo run -q -p xtask -- tidy`, `… -- soak`,
//! `… -- herd`.
//!
//! Knows files, `cargo metadata` and binaries; must not depend on any crate of
//! the workspace.

mod herd;
mod soak;
mod tidy;

use std::process::ExitCode;

const USAGE: &str = "usage: cargo run -q -p xtask -- tidy|soak|herd [OPTIONS]";

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.first().map(String::as_str) {
        Some("tidy") => tidy::run(),
        Some("soak") => soak::run(&words[1..]),
        Some("herd") => herd::run(&words[1..]),
        Some("help" | "--help" | "-h") => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        _ => {
            eprintln!("{USAGE}");
            Ok(ExitCode::from(2))
        }
    }
}
