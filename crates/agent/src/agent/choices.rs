//! Which of several models is asked, how patiently, and when the next: facts in, a
//! decision out. Pure.

use crate::models::Choice;
use crate::provider::failure::{BAD_REQUEST, CONTEXT_TOO_LONG, NO_PRICE};
use greenroom_model::{Failure, Retry, failure};
use std::time::Duration;

/// Models are overloaded for minutes at a time. Where another can be asked, nobody waits
/// for that.
pub(super) fn patience(is_last: bool) -> Retry {
    Retry {
        attempts_max: if is_last { 8 } else { 2 },
        first_delay: Duration::from_secs(1),
        delay_max: Duration::from_secs(60),
        ..Retry::default()
    }
}

/// A model that is not to be asked again soon is not waited for.
pub(super) fn unless_soon(failure: Failure) -> Failure {
    const SOON_MS: u64 = 5_000;
    let retryable = failure.retryable && failure.retry_after_ms.is_none_or(|wait| wait <= SOON_MS);
    Failure { retryable, ..failure }
}

/// Those who answer for a name, and who of them is let rest.
#[derive(Default)]
pub(super) struct Line {
    choices: Vec<Choice>,
    /// For so many calls each is asked last.
    resting: Vec<u32>,
}

/// So many calls a model that could not answer is asked last.
const REST_CALLS: u32 = 10;

impl Line {
    pub fn of(choices: Vec<Choice>) -> Line {
        let resting = vec![0; choices.len()];
        Line { choices, resting }
    }

    /// The order for one call: those that have failed of late come last.
    pub fn next_turn(&mut self) -> Vec<Choice> {
        let with = self.choices.iter().zip(&self.resting);
        let (ready, tired): (Vec<_>, Vec<_>) = with.partition(|(_, rest)| **rest == 0);
        let turns = ready.into_iter().chain(tired).map(|(choice, _)| choice.clone()).collect();
        self.resting.iter_mut().for_each(|rest| *rest = rest.saturating_sub(1));
        turns
    }

    pub fn failed(&mut self, failed: &Choice) {
        let places = self.choices.iter().zip(&mut self.resting);
        places.filter(|(choice, _)| *choice == failed).for_each(|(_, rest)| *rest = REST_CALLS);
    }
}

/// Where money is limited no model is asked whose price nobody knows: what it costs would
/// count as nothing.
pub(super) fn all_priced(choices: &[Choice]) -> Result<(), Failure> {
    let Some(Choice { name, .. }) = choices.iter().find(|choice| choice.price.is_none()) else {
        return Ok(());
    };
    let text = format!(
        "money is limited here (`limits.money`, or a budget), and the model `{name}` has no \
         price: say what a million tokens cost, 0 if they are free, in greenroom.toml \
         (`[prices.\"{name}\"]`, `input = …`, `output = …`) or in code (`One::price`), or limit \
         `tokens` instead"
    );
    Err(Failure::fatal(NO_PRICE, text))
}

/// Whether no other model can help: the process is to stop, or the request itself
/// is wrong.
pub(super) fn is_final(failure: &Failure) -> bool {
    let wrong = [BAD_REQUEST, CONTEXT_TOO_LONG, BREACH];
    is_own(failure) || wrong.iter().any(|kind| failure.is(kind))
}

/// The kind of failure of a call that was not made, for what it may cost is over a limit
/// of the agent's. It leaves the agent as its limits say.
pub(super) const BREACH: &str = "breach";

/// Whether it is not about the model at all.
pub(super) fn is_own(failure: &Failure) -> bool {
    [failure::CANCELLED, failure::SHUTDOWN, "budget"].iter().any(|kind| failure.is(kind))
}

/// The failure of several in a row: what the last one said, and what was before.
pub(super) fn after(before: Option<Failure>, choice: &Choice, failure: Failure) -> Failure {
    let words = format!("{}: {}", choice.name, failure.message);
    let message = match before {
        Some(before) => format!("{}; {words}", before.message),
        None => words,
    };
    Failure { message, ..failure }
}
