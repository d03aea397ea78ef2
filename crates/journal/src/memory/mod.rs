//! The store in memory: an independent model of what every store must do, for
//! tests and the simulator. Shares no rule with the SQL stores, so that one
//! can be checked against the other. Nothing of it outlives its last clone.

mod apply;
mod end;
mod hub;
mod import;
mod read;
mod store;
mod world;

pub use store::Memory;
