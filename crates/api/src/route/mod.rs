//! A file per noun; the table is in `router.rs`.

pub mod ask;
pub mod budget;
pub mod cancel;
pub mod dead;
pub mod events;
pub mod export;
pub mod fork;
pub mod history;
pub mod import;
pub mod kind;
pub mod message;
pub mod node;
pub mod pause;
pub mod place;
pub mod process;
pub mod queue;
pub mod restart;
pub mod result;
pub mod schedule;
pub mod state;
pub mod trace;
pub mod verify;
