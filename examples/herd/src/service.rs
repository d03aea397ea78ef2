//! A service that is slow and fails, as they do.

use greenroom::{Failure, Step};
use std::time::Duration;

/// Answers with what it was asked, most of the time.
pub async fn call(n: u64, step: Step) -> Result<u64, Failure> {
    // Drawn from the key, so that no source of randomness is needed.
    let drawn = step.key().bytes().fold(n, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
    rest(Duration::from_millis(1 + drawn % 40)).await;
    match (drawn % 10, step.attempt()) {
        (0, 1) => Err(Failure::msg("the service is overloaded")),
        (1, 1 | 2) => Err(Failure::msg("the service does not answer")),
        _ => Ok(n),
    }
}

#[expect(clippy::disallowed_methods, reason = "a step's outside runs in real time")]
async fn rest(span: Duration) {
    tokio::time::sleep(span).await;
}
