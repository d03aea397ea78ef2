//! Several operations at once, in an order that replays.
//!
//! These poll their parts in the order given and take the first that is done,
//! so the same inputs give the same winner. `tokio::select!` without `biased`
//! polls in random order and must not be used in a process.

use futures_util::future;
use std::future::{Future, IntoFuture};

/// Which of two was done first.
#[derive(Debug)]
pub enum Either<A, B> {
    /// The first.
    Left(A),
    /// The second.
    Right(B),
}

/// Waits for all; the results are in the order given.
pub async fn join_all<I>(work: I) -> Vec<<I::Item as IntoFuture>::Output>
where
    I: IntoIterator,
    I::Item: IntoFuture,
{
    future::join_all(work.into_iter().map(IntoFuture::into_future)).await
}

/// Waits for all, or for the first that fails; the others are then dropped.
pub async fn try_join_all<I, T, E>(work: I) -> Result<Vec<T>, E>
where
    I: IntoIterator,
    I::Item: IntoFuture<Output = Result<T, E>>,
{
    future::try_join_all(work.into_iter().map(IntoFuture::into_future)).await
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
pub async fn select_all<I>(work: I) -> (usize, <I::Item as IntoFuture>::Output)
where
    I: IntoIterator,
    I::Item: IntoFuture,
    <I::Item as IntoFuture>::IntoFuture: Future,
{
    let work: Vec<_> = work.into_iter().map(|one| Box::pin(one.into_future())).collect();
    let (output, place, _) = future::select_all(work).await;
    (place, output)
}
