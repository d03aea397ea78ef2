//! `greenroom bench`: the promises of the README as programs anyone can run,
//! on the real store, with fsync on.

mod agents;
mod boxes;
mod crowd;
mod latency;
mod light;
mod machine;
mod messages;
mod model_call;
mod model_server;
mod place;
mod plan;
mod recovery;
mod replay;
mod run;
mod starts;
mod steps;
mod waiting;
mod wake;
mod watchers;

pub(crate) use plan::Args;
pub(crate) use run::run;
