//! What the end of an attempt says about what lies behind its queue.

use crate::{Failure, failure};
use std::time::Duration;

/// How an attempt ended, as far as a queue is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered: with a result, or with a failure that trying again does
    /// not mend, which is the caller's affair.
    Answered,
    /// Too much is asked of it, or it took too long. It may have said for how
    /// long to leave it alone.
    Overloaded {
        /// For how long, if it said so.
        retry_after: Option<Duration>,
    },
    /// It failed otherwise.
    Failed,
}

impl Outcome {
    /// What a failure says.
    pub fn of_failure(failure: &Failure) -> Outcome {
        let overload = [failure::OVERLOADED, failure::RATE_LIMITED, failure::TIMEOUT];
        let retry_after = failure.left_alone_for();
        if retry_after.is_some() || overload.iter().any(|kind| failure.is(kind)) {
            Outcome::Overloaded { retry_after }
        } else if failure.retryable {
            Outcome::Failed
        } else {
            Outcome::Answered
        }
    }
}
