//! Greenroom's runtime: durable processes on one node.
//!
//! A process is code that runs against its journal: inputs go in, commands
//! come out, both are committed together, and only then anything happens.
//! Knows no LLM, no HTTP, no box and no SQL.

mod accounts;
mod attempt;
mod begun;
mod code;
mod ctx;
mod engine;
mod env;
mod ephemeral;
mod error;
mod failed;
mod local;
mod marked;
mod migration;
mod node;
mod registry;
mod transfer;

pub use accounts::Hold;
pub use code::{
    Activation, Applied, Attempt, AttemptRun, Emit, EphemeralRequest, NewActivation, Newest,
    RunEphemeral, StepQueue, StepResult,
};
pub use ctx::{
    Answer, Ask, Call, Child, Consumer, Consuming, Ctx, Either, Limited, Operation, Producer,
    Received, Recv, Reserved, Scope, Spawn, Step, StepCall, Supervision, join_all, select,
    select_all, try_join_all,
};
pub use engine::{BlockedBy, BrokenCircle, Engine, EngineOptions, FullMailbox, damage_in_words};
pub use env::{Env, RealEnv};
pub use error::{Error, Result};
pub use marked::list_marked;
pub use node::{
    BudgetReport, Follow, Health, Node, NodeOptions, Notice, PublishRequest, Rehearsal,
    RestartFrom, Scheduled, SendRequest, Sent, StartRequest, Started, Trouble,
};
pub use registry::{KindOptions, Mailbox, Overflow, Registry};
pub use transfer::{
    Export, ExportPage, Exported, ExportedMessage, ExportedTurn, Import, ImportDone, Missing, line,
    spool,
};

pub use greenroom_journal as journal;
pub use greenroom_model as model;
