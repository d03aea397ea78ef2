//! Sagas: undoing what was done when the whole cannot be.

use super::core::{Shared, lock};
use super::job::Compensation;
use super::side::Side;
use super::step::StepCall;
use greenroom_model::{Event, Failure, Payload};

/// Runs all compensations, last first, each as a step of its own. One that
/// fails for good does not keep the others from running; the failures are
/// added to the message of `failure`.
pub(crate) async fn run_compensations(core: &Shared, mut failure: Failure) -> Failure {
    {
        let mut core = lock(core);
        if !core.compensations.is_empty() {
            let failure = failure.clone();
            core.ask(Event::CompensationsStarted { failure });
        }
    }
    loop {
        let Some(Compensation { name, retry, run }) = lock(core).compensations.pop() else {
            return failure;
        };
        let side = Side::Durable(core.clone());
        let undone = StepCall::<Payload>::new(&side, &name, run).retry(retry).await;
        if let Err(error) = undone {
            failure.message = format!("{}; compensation `{name}` failed: {error}", failure.message);
        }
    }
}
