//! Workspaces of agents: for each a git worktree of its own, on a branch of its own,
//! which is compared, merged or discarded when its agent has ended.
//!
//! Only the program `git` is asked. Everything here is done by steps, so each of it
//! may be done again after a crash at any point, and finds what it has begun. Knows
//! no process and no model.

mod apply;
mod commits;
mod git;
mod merge;
mod place;
mod read;
mod repository;
mod site;
mod stale;

pub use git::{GIT_FAILED, NO_REPOSITORY};
pub use merge::Merged;
pub use place::{Place, Work, name_of};
pub use site::{Opened, Site};
