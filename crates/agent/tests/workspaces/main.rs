//! Agents in workspaces of their own: a real node, real git, a model's server that
//! goes by a script.

#![expect(clippy::expect_used, reason = "what a test expects and does not find fails it")]

mod again;
mod desk;
mod merge;
mod own;
mod refuse;
