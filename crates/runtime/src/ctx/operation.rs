//! The future of every operation: asks when first polled, waits for its
//! outcome, and says so when dropped unfinished.

use super::core::{Core, Outcome, Shared, lock};
use crate::ephemeral::{Address, Errand};
use greenroom_model::{Failure, Op};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

type Begin = Box<dyn FnOnce(&mut Core) -> Result<Op, Failure> + Send>;
type Read<T> = Box<dyn FnOnce(Outcome) -> Result<T, Failure> + Send>;

/// An operation under way. Dropping it before it is done withdraws it: a step
/// is aborted, a timer stopped, an ask closed.
#[must_use = "an operation does nothing until it is awaited"]
pub struct Operation<T> {
    stage: Stage,
    read: Option<Read<T>>,
}

enum Stage {
    New(Shared, Option<Begin>),
    Waiting(Shared, Op),
    /// Of an ephemeral process.
    Ephemeral(Address, Errand),
    Done,
}

impl<T> Operation<T> {
    pub(crate) fn new(
        core: &Shared,
        begin: impl FnOnce(&mut Core) -> Result<Op, Failure> + Send + 'static,
        read: impl FnOnce(Outcome) -> Result<T, Failure> + Send + 'static,
    ) -> Operation<T> {
        Operation {
            stage: Stage::New(core.clone(), Some(Box::new(begin))),
            read: Some(Box::new(read)),
        }
    }

    pub(crate) fn errand(
        address: Address,
        errand: Errand,
        read: impl FnOnce(Outcome) -> Result<T, Failure> + Send + 'static,
    ) -> Operation<T> {
        Operation { stage: Stage::Ephemeral(address, errand), read: Some(Box::new(read)) }
    }

    /// An operation that cannot be.
    pub(crate) fn refused(address: Address, failure: Failure) -> Operation<T> {
        Operation::errand(address, Errand::failed(failure), |outcome| match outcome {
            Outcome::Value(Err(failure)) => Err(failure),
            other => Err(unexpected(&other)),
        })
    }
}

impl<T> Future for Operation<T> {
    type Output = Result<T, Failure>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = &mut *self;
        let polled = match &mut this.stage {
            Stage::Ephemeral(address, errand) => errand.poll(*address, context),
            stage => poll_durable(stage, context),
        };
        let Poll::Ready(outcome) = polled else {
            return Poll::Pending;
        };
        this.stage = Stage::Done;
        match this.read.take() {
            Some(read) => Poll::Ready(read(outcome)),
            None => Poll::Pending,
        }
    }
}

fn poll_durable(stage: &mut Stage, context: &Context<'_>) -> Poll<Outcome> {
    if let Stage::New(core, begin) = stage {
        let Some(begin) = begin.take() else {
            return Poll::Pending;
        };
        let begun = begin(&mut lock(core));
        match begun {
            Ok(op) => *stage = Stage::Waiting(core.clone(), op),
            Err(failure) => return Poll::Ready(Outcome::Value(Err(failure))),
        }
    }
    let Stage::Waiting(core, op) = stage else {
        return Poll::Pending;
    };
    match lock(core).poll(*op, context.waker()) {
        Some(outcome) => Poll::Ready(outcome),
        None => Poll::Pending,
    }
}

impl<T> Drop for Operation<T> {
    fn drop(&mut self) {
        match &mut self.stage {
            Stage::Waiting(core, op) => {
                // The step's code may hold operations of its own: it must go
                // after the lock does.
                let job = lock(core).forget(*op);
                drop(job);
            }
            Stage::Ephemeral(address, errand) => errand.withdraw(*address),
            Stage::New(..) | Stage::Done => {}
        }
    }
}

/// Reads an outcome that is a JSON value.
pub(crate) fn read_value<T: serde::de::DeserializeOwned>(outcome: Outcome) -> Result<T, Failure> {
    match outcome {
        Outcome::Value(result) => result?.read().map_err(|error| bad_payload(&error)),
        Outcome::Message { body, .. } => body.read().map_err(|error| bad_payload(&error)),
        other => Err(unexpected(&other)),
    }
}

/// A value as a payload.
pub(crate) fn payload<T: serde::Serialize + ?Sized>(
    value: &T,
) -> Result<greenroom_model::Payload, Failure> {
    greenroom_model::Payload::of(value).map_err(|error| bad_payload(&error))
}

pub(crate) fn bad_payload(error: &greenroom_model::Error) -> Failure {
    Failure::fatal(greenroom_model::failure::BAD_PAYLOAD, error.to_string())
}

/// An operation got an outcome of another operation's sort: only a journal
/// that is not this code's can do that.
pub(crate) fn unexpected(outcome: &Outcome) -> Failure {
    Failure::fatal(
        greenroom_model::failure::NONDETERMINISM,
        format!("the journal holds another kind of outcome: {outcome:?}"),
    )
}
