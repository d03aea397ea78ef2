//! The real-process campaign: refunds run while their node is killed again and
//! again and the payment service misbehaves; then every refund happened once.
//!
//! Knows the `refund` example only by its command line and the payment
//! service's HTTP.

mod campaign;
pub mod chance;
pub mod clock;
mod http;
mod judge;
mod options;
mod orders;
mod payments;
pub mod program;
pub mod running;
pub mod waiting;

use campaign::Campaign;
use options::Options;
use program::Program;
use std::process::ExitCode;

/// `soak [OPTIONS]`. Exit code 1 when anything is not as it must be.
pub fn run(words: &[String]) -> anyhow::Result<ExitCode> {
    if words.iter().any(|word| matches!(word.as_str(), "-h" | "--help")) {
        println!("{}", options::USAGE);
        return Ok(ExitCode::SUCCESS);
    }
    let options = match Options::read(words) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("soak: {error}\n{}", options::USAGE);
            return Ok(ExitCode::from(2));
        }
    };
    let Options { kills, refunds, seed, .. } = options;
    println!("soak: {kills} kills, {refunds} refunds, seed {seed}");
    let (label, store) = (seed.to_string(), options.store.clone());
    let program = match Program::build("refund", options.release, &label, store) {
        Ok(program) => program,
        Err(error) => {
            eprintln!("soak: {error:#}");
            return Ok(ExitCode::FAILURE);
        }
    };
    let began = clock::now();
    let outcome = Campaign::new(&options, &program).and_then(Campaign::run);
    let seconds = began.elapsed_s();
    match outcome {
        Ok(summary) => {
            println!("soak: passed in {seconds} s: {summary}; seed {seed}");
            Ok(ExitCode::SUCCESS)
        }
        Err(error) => {
            eprintln!("soak: FAILED after {seconds} s: {error:#}");
            eprintln!("soak: again with --kills {kills} --refunds {refunds} --seed {seed}");
            eprintln!("soak: everything is left in {}", program.keep().display());
            Ok(ExitCode::FAILURE)
        }
    }
}
