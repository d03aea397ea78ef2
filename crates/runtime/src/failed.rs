//! What a panic of the user's code becomes.

use greenroom_model::{Failure, failure};
use std::any::Any;

/// What a panic said.
pub(crate) fn panicked(panic: &(dyn Any + Send)) -> Failure {
    let words = panic
        .downcast_ref::<&str>()
        .map(ToString::to_string)
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "with no message".to_owned());
    Failure::new(failure::PANIC, words)
}
