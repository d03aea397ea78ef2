//! Several operations at once, in an order that replays.
//!
//! These poll their parts in the order given and take the first that is done,
//! so the same inputs give the same winner. `tokio::select!` without `biased`
//! polls in random order and must not be used in a process.

use futures_util::future::{self, JoinAll, SelectAll, TryJoinAll};
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};

/// Which of two was done first.
#[derive(Debug)]
pub enum Either<A, B> {
    /// The first.
    Left(A),
    /// The second.
    Right(B),
}

/// Waits for all; the results are in the order given.
pub fn join_all<I>(work: I) -> JoinAll<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    // The iterator is used up here: it may borrow what the future must not.
    future::join_all(work.into_iter().map(IntoFuture::into_future))
}

/// Waits for all, or for the first that fails; the others are then dropped.
pub fn try_join_all<I, T, E>(work: I) -> TryJoinAll<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
{
    future::try_join_all(work.into_iter().map(IntoFuture::into_future))
}

/// Waits for the first of two; the other is dropped. If both are done at once
/// the left one wins.
pub async fn select<A: IntoFuture, B: IntoFuture>(
    left: A,
    right: B,
) -> Either<A::Output, B::Output> {
    let (left, right) = (Box::pin(left.into_future()), Box::pin(right.into_future()));
    match future::select(left, right).await {
        future::Either::Left((output, _)) => Either::Left(output),
        future::Either::Right((output, _)) => Either::Right(output),
    }
}

/// Waits for the first of many, with its place; the others are dropped.
///
/// # Panics
/// If there is nothing to wait for.
pub fn select_all<I>(work: I) -> First<<I::Item as IntoFuture>::IntoFuture>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    let work: Vec<_> = work.into_iter().map(|one| Box::pin(one.into_future())).collect();
    First(future::select_all(work))
}

/// The future of [`select_all`].
#[must_use = "it does nothing until it is awaited"]
pub struct First<F: Future>(SelectAll<Pin<Box<F>>>);

impl<F: Future> Future for First<F> {
    type Output = (usize, F::Output);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(context).map(|(output, place, _)| (place, output))
    }
}
