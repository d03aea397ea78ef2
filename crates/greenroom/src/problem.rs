//! What went wrong, as it is told: a word, what happened, what to do, and the
//! exit code.

use crate::exit::Code;
use greenroom_api::wire::{ErrorBody, ErrorWords};
use greenroom_api::{ClientError, ServeError};

/// Something that went wrong and what to do about it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// A short stable word.
    pub code: String,
    /// What happened.
    pub message: String,
    /// What to do, where the message does not say it.
    pub next: Option<String>,
    /// What the command ends with.
    pub exit: Code,
}

impl Problem {
    /// It did not work.
    pub fn new(code: &str, message: impl Into<String>) -> Problem {
        Problem { code: code.to_owned(), message: message.into(), next: None, exit: Code::Failed }
    }

    /// The command was used wrongly.
    pub fn usage(message: impl Into<String>) -> Problem {
        Problem::new("usage", message).exit(Code::Usage)
    }

    /// Adds what to do.
    pub fn next(self, next: impl Into<String>) -> Problem {
        Problem { next: Some(next.into()), ..self }
    }

    /// Sets the exit code.
    pub fn exit(self, exit: Code) -> Problem {
        Problem { exit, ..self }
    }

    /// What an error of any sort is to a person at a terminal.
    pub fn of(error: &anyhow::Error) -> Problem {
        if let Some(problem) = error.downcast_ref::<Problem>() {
            return problem.clone();
        }
        if let Some(error) = error.downcast_ref::<ClientError>() {
            return Problem::of_client(error);
        }
        if let Some(error) = error.downcast_ref::<greenroom_runtime::Error>() {
            let problem = Problem::new(error.code(), error.to_string());
            return Problem { next: error.next(), ..problem }.exit(exit_of(error.code()));
        }
        if let Some(error) = error.downcast_ref::<greenroom_model::Error>() {
            return Problem::usage(error.to_string());
        }
        if let Some(error) = error.downcast_ref::<greenroom_journal::Error>() {
            let code = store_code(error);
            return Problem::new(code, error.to_string());
        }
        if let Some(error @ ServeError::InUse(_)) = error.downcast_ref::<ServeError>() {
            return Problem::new("in_use", error.to_string())
                .next("use it, or stop it first; `greenroom doctor` tells more");
        }
        Problem::new("failed", format!("{error:#}"))
    }

    fn of_client(error: &ClientError) -> Problem {
        Problem {
            code: error.code.clone(),
            message: error.message.clone(),
            next: error.next.clone(),
            exit: exit_of(&error.code),
        }
    }

    /// As `{"error":{…}}`.
    pub fn body(&self) -> ErrorBody {
        let Problem { code, message, next, .. } = self.clone();
        ErrorBody { error: ErrorWords { code, message, next } }
    }
}

fn exit_of(code: &str) -> Code {
    match code {
        "no_process" | "no_root" | "no_name" | "unknown_kind" | "no_queue" | "not_open"
        | "no_letter" => Code::Missing,
        "bad_request" | "bad_answer" => Code::Usage,
        _ => Code::Failed,
    }
}

fn store_code(error: &greenroom_journal::Error) -> &'static str {
    match error {
        greenroom_journal::Error::InUse { .. } => "in_use",
        error if error.is_transient() => "unavailable",
        _ => "store",
    }
}
