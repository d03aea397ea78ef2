//! Boxes with a name: built, started, branched, committed and disposed of.
//!
//! ```text
//! image ── a box: a head over its layers ── a sandbox over them, while it runs
//!             └─ branches of it: boxes too        └─ its upper: what it has written since
//! ```
//! Three stores say what there is, and each can be behind the others after a crash: heads
//! (`branch`), rows (`records`) and living sandboxes. The head counts: a row without an open
//! head is removed with all that is left of its box, a sandbox that died gives its files to
//! the head before another one is started.
//!
//! Any number of processes may use a folder at once. What a box does is asked of the one
//! spawner that stays for the folder, so boxes outlive whoever started them.

mod attach;
mod branches;
mod copy;
mod exec;
mod freeze;
mod granted;
mod known;
mod life;
mod locks;
mod log;
mod open;
mod outside;
mod place;
mod records;
mod request;
mod reserve;
mod sealing;
mod spool;
mod turn;

pub use branches::Snapshot;
pub use copy::Folder;
pub use exec::Begun;
pub use log::{Log, Logged, ReadLog};
pub use open::{Engine, Removed};
pub use outside::Setup;
pub use records::{BoxRow, Ending, ExecRow, Loss};
pub use request::{ExecRequest, Known, LeftOut, Printed};
