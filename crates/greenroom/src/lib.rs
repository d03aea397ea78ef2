//! Greenroom: durable, supervised processes in one binary.
//!
//! A process is plain async code that talks to the world through a [`Ctx`].
//! Kill the machine at any moment; started again, every process goes on where
//! it was, with nothing done twice.
//!
//! ```no_run
//! use greenroom::{Ctx, Failure, Registry};
//!
//! async fn greet(ctx: Ctx, name: String) -> Result<String, Failure> {
//!     let polite: bool = ctx.ask("polite", "Be polite?").await?;
//!     Ok(if polite { format!("Good day, {name}.") } else { format!("Hi {name}") })
//! }
//!
//! fn main() -> std::process::ExitCode {
//!     greenroom::main(Registry::new().kind("greet", greet))
//! }
//! ```
//!
//! [`main`] gives a binary the whole command line: `up`, `run`, `ps`,
//! `history` and the rest. [`Node`] embeds a node in a program of one's own.

mod agents;
mod app;
mod bench;
mod chat;
mod cli;
mod command;
mod disk;
mod entry;
mod exit;
mod follow;
mod hidden;
mod input;
mod options;
mod out;
mod paint;
mod problem;
mod program;
mod progress;
mod prompt;
mod pulse;
mod scaffold;
mod serve;
mod source;
mod store;
mod table;
mod takeover;
mod usage;
mod view;
mod warnings;

pub use entry::main;
/// Agents: a model and tools in a durable loop.
pub use greenroom_agent as agent;
pub use greenroom_boxes as boxes;
pub use greenroom_journal as journal;
pub use greenroom_model as model;
pub use greenroom_model::queue::{Breaker, QueueSpec};
pub use greenroom_model::stage::{Demand, Dispatcher};
pub use greenroom_model::{
    AskId, Event, Exit, Failure, Kind, Millis, Op, Origin, PAYLOAD_MAX_BYTES, Payload, ProcessId,
    Retry, Seq, Status, failure,
};
pub use greenroom_runtime::{
    Answer, Ask, Call, Child, Consumer, Ctx, Either, Env, Error, Follow, Health, KindOptions,
    Mailbox, Node, NodeOptions, Notice, Operation, Overflow, Producer, RealEnv, Received, Recv,
    Registry, RestartFrom, Scope, SendRequest, Spawn, StartRequest, Started, Step, StepCall,
    join_all, select, select_all, try_join_all,
};

/// The API's server and client, for programs that embed a node or talk to one.
pub use greenroom_api as api;
