//! Large payloads: where they are kept apart from the journals, and how they
//! are moved out of a commit and back into what is read.

mod directory;
mod name;
mod payloads;

pub(crate) use directory::Directory;
pub(crate) use name::name;
pub use payloads::{externalise, externalise_arrival, externalise_commit, fetch_content};
pub(crate) use payloads::{fetch, fetch_event, fetch_exit, fetch_loaded};
