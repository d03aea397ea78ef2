//! The command line as people use it: a real binary with a few kinds
//! (`examples/probe.rs`), in a directory of its own.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "what a test expects and does not find fails it"
)]

mod act;
mod bad;
mod boxed;
mod boxes;
mod budget;
mod chat;
mod complaints;
mod config;
mod cost;
mod crash;
mod damage;
mod dead;
mod doctor;
mod house;
mod look;
mod memory;
mod new;
mod once;
mod project;
mod queues;
mod run;
mod schedule;
mod secret;
mod silent;
// What boxes need to be ended is the same wherever there are boxes.
#[path = "../../../boxes/tests/house/spawner.rs"]
mod spawner;
mod transfer;
mod warn;
mod workspaces;
