//! Errors of boxes as every other error is told.

use crate::exit::Code;
use crate::problem::Problem;
use greenroom_boxes::{Error, sandbox};
use std::io::ErrorKind;

/// What happened, what to do next, and the exit code.
fn problem(error: &Error) -> Problem {
    let words = error.to_string();
    match error {
        Error::Missing(what) => {
            let next = match what {
                what if what.starts_with("image") => Some("`greenroom box images` lists them"),
                what if what.starts_with("action") => Some("`greenroom box inspect` shows them"),
                what if what.starts_with("command") => Some("`greenroom box ps BOX` lists them"),
                what if what.starts_with("layer ") || what.starts_with("blob ") => Some(
                    "the boxes' folder has lost it: restore that from a copy, or build and \
                     begin anew what needs it",
                ),
                what if what.starts_with("box") => Some("`greenroom box ls` lists the boxes"),
                _ => None,
            };
            let problem = Problem::new("not_found", words).exit(Code::Missing);
            next.into_iter().fold(problem, Problem::next)
        }
        Error::Spec(_) | Error::Compose(_) => Problem::new("bad_spec", words).exit(Code::Usage),
        Error::Build(_) => Problem::new("build_failed", words)
            .next("correct it and build again: the steps before it are kept"),
        Error::Refused { .. } => Problem::new("refused", words),
        Error::Overtaken { .. } => Problem::new("overtaken", words),
        Error::Conflict { .. } => Problem::new("conflict", words),
        Error::NotNow { .. } => Problem::new("not_now", words),
        Error::Damaged(_) => Problem::new("damaged", words),
        Error::Busy(_) => Problem::new("busy", words),
        // SQLite has its own word for it.
        Error::Io { source, .. }
            if source.kind() == ErrorKind::StorageFull || words.contains("disk is full") =>
        {
            Problem::new("disk_full", words)
                .next("`greenroom box rm -f BOX` and `greenroom box gc` make room")
        }
        Error::Io { .. } => Problem::new("failed", words),
        Error::Network(_) => Problem::new("network", words),
        Error::Sandbox(error) => of_sandbox(error, words),
    }
}

fn of_sandbox(error: &sandbox::Error, words: String) -> Problem {
    match error {
        sandbox::Error::Missing { .. } => {
            Problem::new("no_level", words).next("`level` in the box's box.toml asks for it")
        }
        sandbox::Error::Invalid { .. } => Problem::new("usage", words).exit(Code::Usage),
        sandbox::Error::Gone { .. } => Problem::new("gone", words),
        sandbox::Error::Frozen { id } => {
            Problem::new("frozen", words).next(format!("`greenroom box thaw {id}`"))
        }
        sandbox::Error::Port { .. } => Problem::new("port", words),
        sandbox::Error::Command { source, command, .. } => {
            let (exit, next) = match source.kind() {
                ErrorKind::NotFound if command.contains('/') => {
                    (Code::NoCommand, "the box has no such file, or not what it is run by")
                }
                ErrorKind::NotFound => (
                    Code::NoCommand,
                    "the box has no such program in its PATH; its files are those of its base \
                     and its own",
                ),
                _ => (Code::NotExecutable, "the box has it, but it is no program that can be run"),
            };
            Problem::new("no_command", words).next(next).exit(exit)
        }
        sandbox::Error::Setup { source, .. } if source.kind() == ErrorKind::NotFound => {
            Problem::new("not_found", words)
        }
        sandbox::Error::Setup { .. } => Problem::new("setup", words)
            .next("`greenroom box doctor` shows what this machine can do"),
        sandbox::Error::Protocol { .. } | sandbox::Error::Spawner => Problem::new("spawner", words),
        sandbox::Error::System { .. } => Problem::new("failed", words),
    }
}

/// An error of boxes with what to do next; any other as it is.
pub fn told(error: anyhow::Error) -> anyhow::Error {
    if let Some(error) = error.downcast_ref::<Error>() {
        return problem(error).into();
    }
    match error.downcast_ref::<sandbox::Error>() {
        Some(of_box) => of_sandbox(of_box, of_box.to_string()).into(),
        None => error,
    }
}

/// The exit codes of commands in boxes are the commands': what goes wrong before is 125.
pub fn of_command(error: anyhow::Error) -> anyhow::Error {
    if error.is::<std::io::Error>() {
        return error;
    }
    let problem = Problem::of(&told(error));
    match problem.exit {
        Code::NoCommand | Code::NotExecutable => problem.into(),
        _ => problem.exit(Code::NoBox).into(),
    }
}
