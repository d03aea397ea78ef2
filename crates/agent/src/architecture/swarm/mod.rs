//! A swarm: agents that are peers, tell each other what they find, and end when nobody
//! has anything to do. Nobody plans for them.
//!
//! The swarm's process hands on what they say and counts it; it thinks nothing. So it
//! knows exactly, and durably, when all is quiet.

mod conclude;
mod plan;
mod run;
mod talk;

pub use conclude::NO_RESULT;
pub use plan::{BAD_SWARM, Swarm};

use greenroom_runtime::{Ctx, Registry};
use serde_json::Value;
use std::sync::Arc;

impl Swarm {
    /// Adds it as a kind, named as it is. One that cannot be fails as [`BAD_SWARM`] when
    /// it is started; one whose result nobody can say as [`NO_RESULT`].
    pub fn register(self, registry: Registry) -> Registry {
        let swarm = Arc::new(self);
        registry.kind(&swarm.name.clone(), move |ctx: Ctx, input: Value| {
            Box::pin(run::run(ctx, swarm.clone(), input))
        })
    }
}
