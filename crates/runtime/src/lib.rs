//! Greenroom's runtime: durable processes on one node.
//!
//! A process is code that runs against its journal: inputs go in, commands
//! come out, both are committed together, and only then anything happens.
//! Knows no LLM, no HTTP, no box and no SQL.

mod code;
mod ctx;
mod engine;
mod env;
mod error;
mod local;
mod node;
mod registry;

pub use code::{Activation, Applied, Attempt, AttemptRun, Emit, NewActivation, Newest, StepResult};
pub use ctx::{
    Answer, Ask, Call, Child, Ctx, Either, Operation, Received, Recv, Scope, Spawn, Step, StepCall,
    Supervision, join_all, select, select_all, try_join_all,
};
pub use engine::{Engine, EngineOptions};
pub use env::{Env, RealEnv};
pub use error::{Error, Result};
pub use node::{
    Exported, Follow, Health, Node, NodeOptions, Notice, PublishRequest, Rehearsal, RestartFrom,
    SendRequest, Sent, StartRequest, Started, Trouble,
};
pub use registry::{KindOptions, Registry};

pub use greenroom_journal as journal;
pub use greenroom_model as model;
