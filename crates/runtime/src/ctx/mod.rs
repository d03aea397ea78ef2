//! What a process's code sees of the runtime: the operations, as plain async
//! functions. Knows no store and no scheduler.

mod ask;
mod budget;
mod chance;
mod child;
mod compensate;
mod consume;
mod core;
mod handle;
mod job;
mod light;
mod link;
mod operation;
mod outbox;
mod pay;
mod place;
mod produce;
mod publish;
mod receive;
mod recorded;
mod schedule;
mod send;
mod side;
mod step;
mod supervise;
mod supervisor;
mod together;

pub use ask::{Answer, Ask};
pub use budget::{Limited, Reserved};
pub use child::{Child, Spawn};
pub use consume::{Consumer, Consuming};
pub use handle::{Ctx, Scope};
pub use job::Step;
pub use operation::Operation;
pub use produce::Producer;
pub use receive::{Received, Recv};
pub use send::Call;
pub use step::StepCall;
pub use supervise::Supervision;
pub use together::{Either, join_all, select, select_all, try_join_all};

pub(crate) use self::core::{Core, Identity, Outcome, Shared};
pub(crate) use chance::Chance;
pub(crate) use compensate::run_compensations;
pub(crate) use job::StepJob;
pub(crate) use schedule::{SCHEDULE_KIND, SHOWN, schedule, schedule_spec};
pub(crate) use supervisor::{SUPERVISOR_KIND, supervisor};
