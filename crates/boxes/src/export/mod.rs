//! Changes of a branch written into a folder of the machine.
//!
//! ```text
//!            stage             plan           apply            forget
//! nothing ─────────▶ staged ─────────▶ planned ─────────▶ applied ─────────▶ nothing
//!            a crash: undone           a crash: finished at the next open
//! ```
//! The folder's file system changes one name at a time, so no commit is possible there.
//! Instead all new files are written beside it first, in `.greenroom-export-ID`, and then a
//! plan that says every change. From then on whoever opens the folder finishes it. The plan is
//! not in the folder but in one of this user's own: what a folder brings is never believed.
//!
//! Copies (`copy`) are the plain thing beside it: file by file, each whole, with no plan.

mod apply;
mod back;
mod copy;
mod decide;
mod host;
mod journal;
mod look;
mod moves;
mod plan;
mod record;

pub use copy::{About, Copied, Copying, Note, acting};
pub(crate) use copy::{Target, at, sifted, write_into};
pub use host::{HostDir, Recovered};
pub use journal::Exported;
