//! Agents in the simulator: a crash before every action and every fault at every
//! commit. No finished call of a model or a tool is made twice, and the
//! conversation is the same in the end.

mod allowance;
mod calls;
mod compact;
mod hierarchy;
mod limit;
mod model;
mod pipeline;
mod questions;
mod shared;
mod swarm;
mod team;
