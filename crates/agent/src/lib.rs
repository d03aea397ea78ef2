//! Greenroom's agents: a model and tools in a durable loop.
//!
//! An agent is a process like any other. Each call of a model and each call of a
//! tool is a step, so that `kill -9` loses nothing and nothing finished is paid
//! for twice. Uses the public `Ctx` alone; knows no journal, no HTTP route, no
//! terminal.

mod agent;
pub mod architecture;
pub mod boxes;
pub mod context;
pub mod conversation;
pub mod definition;
pub mod front_matter;
pub mod hub;
mod json_size;
pub mod memory;
pub mod models;
mod nearest;
mod own_files;
mod plain_file;
pub mod project;
pub mod provider;
pub mod recording;
mod root;
pub mod scripted;
pub mod skill;
pub mod tool;
mod verbatim;
pub mod workspace;

pub use agent::{
    Agent, BAD_DEFINITION, BYE, Decision, Home, LIMIT, Live, PIN, PROBLEM, REFUSED, SAY, TOO_DEEP,
    TOO_MANY, Task, UNDO_COMPACTION,
};
pub use definition::Definition;
pub use nearest::nearest;
