//! A simulator of Greenroom's runtime: one thread, virtual time, every choice
//! drawn from a seed, and faults wherever the real world has them. A seed in,
//! the same history out, to the byte.
//!
//! ```text
//!   Scenario ─► World: one action at a time ─► Run ─► check: what must hold
//!                 │ visit · commit · poll · timers · time passes
//!                 │ crash · rival node · torn commit · lost answer · clock
//!                 ▼
//!   Boot (engine) ── Faulty (store) ── Machine (time, tasks) ── Outside, users
//! ```
//!
//! Must not know how the runtime works inside: it drives the engine's public
//! calls and reads the store.

mod boot;
mod campaign;
mod chance;
mod check;
mod door;
mod env;
mod faulty;
mod log;
mod machine;
mod outside;
mod plan;
mod run;
mod scenario;
mod user;
mod world;

pub use campaign::{Campaign, Violation, double_crashes, exhaust, judge, storm};
pub use outside::{Outside, Script};
pub use plan::{CommitFault, Plan, Weather};
pub use run::{Run, Seen};
pub use scenario::{ALL, PLAIN, Scenario, effect, ends, named};
pub use user::User;
pub use world::run;
