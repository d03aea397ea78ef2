//! Why something failed, and how a process ended.

use crate::Payload;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

/// The longest that is heeded of a wish to be left alone: who says more, by
/// mistake or by malice, does not hold everybody up for ever.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(3_600);

/// A failure as data: of a step, a call, an ask or a whole process.
///
/// `kind` is a short stable word that code may match on; `message` is for
/// people. A failure is recorded in the journal as it stands, so it holds no
/// secret and no stack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// A short stable word, such as `timeout`. [`failure`] has ours.
    pub kind: Cow<'static, str>,
    /// What happened, for people.
    pub message: String,
    /// Whether trying again may help. A step that fails with `false` is not
    /// retried, whatever its policy.
    #[serde(default = "yes", skip_serializing_if = "is_true")]
    pub retryable: bool,
    /// For how long what failed wants to be left alone, if it said so. The next
    /// attempt does not come earlier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}

fn yes() -> bool {
    true
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

/// The kinds of failure the runtime itself makes.
pub mod failure {
    /// Any error of the user's code that has no kind of its own.
    pub const ERROR: &str = "error";
    /// The code panicked.
    pub const PANIC: &str = "panic";
    /// An attempt, a call or an ask took too long.
    pub const TIMEOUT: &str = "timeout";
    /// A crash left it unknown whether a step took effect, and it may not be
    /// attempted again.
    pub const UNKNOWN: &str = "unknown";
    /// The code ran for too long without waiting for anything.
    pub const TURN_TIMEOUT: &str = "turn_timeout";
    /// What the code asked for cannot be stored.
    pub const NOT_STORED: &str = "not_stored";
    /// The process was asked to stop.
    pub const CANCELLED: &str = "cancelled";
    /// The process was stopped by its supervisor. Code that returns it ends as
    /// if it had been.
    pub const SHUTDOWN: &str = "shutdown";
    /// A message has ended its process too often.
    pub const POISON: &str = "poison";
    /// A linked process has ended.
    pub const LINKED: &str = "linked";
    /// The name is another process's.
    pub const ALREADY_REGISTERED: &str = "already_registered";
    /// A name, group, topic or pattern that cannot be one.
    pub const BAD_NAME: &str = "bad_name";
    /// The target does not exist or has ended.
    pub const NO_PROCESS: &str = "no_process";
    /// A process of this id exists already and is not this one's child.
    pub const ALREADY_EXISTS: &str = "already_exists";
    /// There is no code of this kind.
    pub const UNKNOWN_KIND: &str = "unknown_kind";
    /// A value could not be turned into or read from JSON.
    pub const BAD_PAYLOAD: &str = "bad_payload";
    /// Replay asked for something other than the journal holds.
    pub const NONDETERMINISM: &str = "nondeterminism";
    /// An ephemeral process asked for what only a journal can give.
    pub const NEEDS_JOURNAL: &str = "needs_journal";
    /// The receiver has as many messages as its mailbox holds.
    pub const MAILBOX_FULL: &str = "mailbox_full";
    /// The budget that pays for it is used up.
    pub const BUDGET: &str = "budget";
    /// What was called has too much to do. Code makes this one; queues heed it.
    pub const OVERLOADED: &str = "overloaded";
    /// What was called takes no more from this caller for now. Likewise.
    pub const RATE_LIMITED: &str = "rate_limited";
    /// The circuit breaker of the step's queue is open.
    pub const CIRCUIT_OPEN: &str = "circuit_open";
    /// This node has no queue of that name.
    pub const UNKNOWN_QUEUE: &str = "unknown_queue";
    /// What was said of a queue cannot be.
    pub const BAD_QUEUE: &str = "bad_queue";
    /// What was said of a stage's demand cannot be.
    pub const BAD_DEMAND: &str = "bad_demand";
    /// The producer of a stage has ended otherwise than with a result.
    pub const PRODUCER_ENDED: &str = "producer_ended";
    /// A message or spawn too far from the request it goes back to: a loop.
    pub const TOO_MANY_HOPS: &str = "too_many_hops";
    /// Processes wait for each other's replies.
    pub const DEADLOCK: &str = "deadlock";
    /// It came when nobody wanted it done any more.
    pub const DEADLINE: &str = "deadline";
    /// The code waits for something the runtime knows nothing of.
    pub const FOREIGN_AWAIT: &str = "foreign_await";
}

impl Failure {
    /// A failure that may be retried.
    pub fn new(kind: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Failure {
        let (kind, message) = (kind.into(), message.into());
        Failure { kind, message, retryable: true, retry_after_ms: None }
    }

    /// A failure that retrying cannot mend.
    pub fn fatal(kind: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Failure {
        Failure { retryable: false, ..Failure::new(kind, message) }
    }

    /// A plain error in words.
    pub fn msg(message: impl Into<String>) -> Failure {
        Failure::new(failure::ERROR, message)
    }

    /// The same with another kind: `Failure::from(error).kind("payments_down")`.
    pub fn kind(self, kind: impl Into<Cow<'static, str>>) -> Failure {
        Failure { kind: kind.into(), ..self }
    }

    /// The same with how long what failed wants to be left alone: what an HTTP
    /// service says with `Retry-After`. More than [`RETRY_AFTER_MAX`] counts as
    /// that much.
    pub fn retry_after(self, wait: Duration) -> Failure {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Failure { retry_after_ms: Some(wait_ms), ..self }
    }

    /// For how long what failed wants to be left alone, as far as that is heeded.
    pub fn left_alone_for(&self) -> Option<Duration> {
        self.retry_after_ms.map(|wait_ms| Duration::from_millis(wait_ms).min(RETRY_AFTER_MAX))
    }

    /// Whether it is of this kind.
    pub fn is(&self, kind: &str) -> bool {
        self.kind == kind
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.kind == failure::ERROR {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.kind, self.message)
        }
    }
}

/// Any standard error becomes a retryable failure of kind `error`, its causes
/// joined by colons. This is why `Failure` itself is not a standard error.
impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            if !message.contains(&text) {
                message = format!("{message}: {text}");
            }
            source = cause.source();
        }
        Failure::msg(message)
    }
}

/// How a process ended. The word in the journal is the variant's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// It returned this result.
    Normal(Payload),
    /// It returned an error or panicked.
    Error(Failure),
    /// It was cancelled and its code has finished cleaning up.
    Cancelled(String),
    /// Its supervisor asked it to stop, or it asked for that itself.
    Shutdown(String),
    /// It was ended from outside; its code did not get to run.
    Killed(String),
    /// There is no such process (what a monitor of nobody hears).
    NoProcess,
}

impl Exit {
    /// Every payload in it, for moving large ones to the blob store and back.
    pub fn payloads_mut(&mut self, visit: &mut dyn FnMut(&mut Payload)) {
        if let Exit::Normal(result) = self {
            visit(result);
        }
    }

    /// The exit that [`into_result`](Exit::into_result) would give this.
    pub fn from_result(result: Result<Payload, Failure>) -> Exit {
        match result {
            Ok(result) => Exit::Normal(result),
            Err(failure) if failure.is(failure::CANCELLED) => Exit::Cancelled(failure.message),
            Err(failure) if failure.is("killed") => Exit::Killed(failure.message),
            Err(failure) => Exit::Error(failure),
        }
    }

    /// The result, or why there is none.
    pub fn into_result(self) -> Result<Payload, Failure> {
        match self {
            Exit::Normal(result) => Ok(result),
            Exit::Error(failure) => Err(failure),
            Exit::Cancelled(reason) => Err(Failure::fatal(failure::CANCELLED, reason)),
            Exit::Shutdown(reason) => Err(Failure::fatal(failure::SHUTDOWN, reason)),
            Exit::Killed(reason) => Err(Failure::fatal("killed", reason)),
            Exit::NoProcess => Err(Failure::fatal(failure::NO_PROCESS, "there is no such process")),
        }
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Exit::Normal(_) => f.write_str("normal"),
            Exit::Error(failure) => write!(f, "error: {failure}"),
            Exit::Cancelled(reason) => write!(f, "cancelled: {reason}"),
            Exit::Shutdown(reason) => write!(f, "shutdown: {reason}"),
            Exit::Killed(reason) => write!(f, "killed: {reason}"),
            Exit::NoProcess => f.write_str("no such process"),
        }
    }
}
