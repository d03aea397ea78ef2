//! `greenroom bench`: the promises of the README as programs anyone can run,
//! on the real store, with fsync on.

mod crowd;
mod latency;
mod light;
mod machine;
mod messages;
mod place;
mod plan;
mod recovery;
mod replay;
mod run;
mod starts;
mod steps;
mod waiting;
mod wake;

pub(crate) use plan::Args;
pub(crate) use run::run;
