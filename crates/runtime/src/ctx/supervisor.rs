//! The kind `supervisor`: supervision by a specification alone, without code.

use super::handle::Ctx;
use greenroom_model::supervisor::{Supervisor, SupervisorSpec};
use greenroom_model::{Failure, failure};
use serde::Serialize;

/// The name of the kind.
pub(crate) const SUPERVISOR_KIND: &str = "supervisor";

/// How many operations a segment of its journal has at least before it begins
/// the next; more if it has many children, since each segment repeats them.
const OPERATIONS_MIN: u64 = 2_000;

/// The key under which a segment hands its state to the next.
const STATE: &str = "supervising";

#[derive(Serialize)]
struct Next<'a> {
    supervising: &'a Supervisor,
}

/// Its code: the input is a [`SupervisorSpec`].
pub(crate) async fn supervisor(ctx: Ctx, input: serde_json::Value) -> Result<(), Failure> {
    let bad = |error: serde_json::Error| {
        Failure::fatal(failure::BAD_PAYLOAD, format!("the specification: {error}"))
    };
    let mut supervision = match input.get(STATE) {
        Some(state) => ctx.supervise_on(serde_json::from_value(state.clone()).map_err(bad)?)?,
        None => {
            let spec: SupervisorSpec = serde_json::from_value(input).map_err(bad)?;
            ctx.supervise(spec)?
        }
    };
    let first = ctx.next_op().0;
    loop {
        if let Some(failure) = supervision.step().await {
            return Err(failure);
        }
        let children = supervision.state().children().count() as u64;
        let done = ctx.next_op().0 - first;
        if done > OPERATIONS_MIN.max(children * 4) && supervision.is_calm() {
            return ctx.continue_as_new(&Next { supervising: supervision.state() });
        }
    }
}
