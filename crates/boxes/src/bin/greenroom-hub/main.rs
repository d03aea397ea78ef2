//! The hub's client, for programs in a box: sends, publishes, and listens, by the socket that the
//! box was born with.
//!
//! Built once more by `build.rs`, as a static program of the standard library alone: a box may
//! have an empty base. So it takes JSON apart by hand, and leaves checking it to the hub.

mod command;
mod json;
mod socket;

use command::Command;
use socket::Problem;
use std::process::ExitCode;

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let command = match command::parse(&words) {
        Ok(Some(command)) => command,
        Ok(None) => {
            print!("{}", command::HELP);
            return ExitCode::SUCCESS;
        }
        Err(why) => {
            eprintln!("greenroom-hub: {why}\n\n{}", command::HELP);
            return ExitCode::from(2);
        }
    };
    match run(&command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Problem::Refused { code, words }) => {
            eprintln!("greenroom-hub: {words} ({code})");
            ExitCode::from(1)
        }
        Err(Problem::Unreachable(why)) => {
            eprintln!("greenroom-hub: {why}");
            ExitCode::from(3)
        }
        Err(Problem::Output(why)) => {
            eprintln!("greenroom-hub: {why}; the event was not acknowledged");
            ExitCode::from(1)
        }
    }
}

fn run(command: &Command) -> Result<(), Problem> {
    match command {
        Command::Request { line, wait } => {
            let answer = socket::ask(line, *wait)?;
            // What was asked for is done; nobody needs to read of it.
            println!("{answer}");
            Ok(())
        }
        Command::Events { line, once, wait } => socket::listen(line, *once, *wait),
    }
}
