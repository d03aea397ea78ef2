//! Help and errors of the command line's own parser, in this program's words.

use crate::problem::Problem;
use clap::Command;
use clap::error::ErrorKind;

/// The commands with examples that begin with this program's name: a user's
/// own binary has another than `greenroom`.
pub fn named(command: Command, name: &str) -> Command {
    command.mut_subcommands(|sub| {
        let sub = named(sub, name);
        let Some(help) = sub.get_after_help().map(ToString::to_string) else {
            return sub;
        };
        sub.after_help(help.replace("greenroom", name))
    })
}

/// An error of the parser as every other error is told.
pub fn problem(error: &clap::Error) -> Problem {
    if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        return Problem::usage("no command was given").next("`greenroom help` lists them");
    }
    let text = error.render().to_string();
    let mut parts = text.split("\n\n").map(|part| {
        let words: Vec<&str> = part.split_whitespace().collect();
        words.join(" ")
    });
    let message = parts.next().unwrap_or_default();
    let problem = Problem::usage(message.trim_start_matches("error: "));
    let next: Vec<String> = parts.filter(|part| !part.is_empty()).collect();
    if next.is_empty() { problem } else { problem.next(next.join("; ")) }
}
