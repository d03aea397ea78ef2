//! The long campaign: crews of supervised processes that talk, while their node
//! and they themselves are killed at random, and one process sends a million
//! messages to another with a small mailbox. Then every message has arrived
//! once and in order, and memory has not grown.
//!
//! Knows the `herd` example only by its command line.

mod campaign;
mod memory;
mod options;

use crate::soak::clock;
use crate::soak::program::Program;
use campaign::Campaign;
use options::Options;
use std::process::ExitCode;

/// `herd [OPTIONS]`. Exit code 1 when anything is not as it must be.
pub fn run(words: &[String]) -> anyhow::Result<ExitCode> {
    if words.iter().any(|word| matches!(word.as_str(), "-h" | "--help")) {
        println!("{}", options::USAGE);
        return Ok(ExitCode::SUCCESS);
    }
    let options = match Options::read(words) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("herd: {error}\n{}", options::USAGE);
            return Ok(ExitCode::from(2));
        }
    };
    println!("herd: {options}");
    let label = format!("herd-{}", options.seed);
    let program = Program::build("herd", options.release, &label, options.store.clone())?;
    let began = clock::now();
    let outcome = Campaign::new(&options, program.caller(Vec::new())).run();
    let seconds = began.elapsed_s();
    match outcome {
        Ok(summary) => {
            println!("herd: passed in {seconds} s: {summary}");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("herd: FAILED after {seconds} s: {error:#}");
            eprintln!("herd: everything is left in {}", program.keep().display());
            Ok(ExitCode::FAILURE)
        }
    }
}
