//! The store on disk: blobs and layers, each named by its hash.
//!
//! ```text
//! blobs/ab/abcd…   contents of files, never changed once there
//! layers/…         manifests, likewise
//! lower/ID/        layers written out for overlayfs
//! built/KEY        which layers came of what, so that they are not built again
//! tmp/             what is being written; garbage after a crash
//! lock             held shared while something is written, alone while garbage goes
//! ```
//! A name appears by one rename, after what it names is on disk. So a crash leaves
//! garbage in `tmp`, or something whole that nobody needs.

mod built;
mod durable;
mod root;
mod sweep;
mod writing;

pub use root::Store;
pub use sweep::Swept;
pub use writing::Writing;

pub(crate) use built::Built;
pub(crate) use durable::{is_at, is_own, lock, private_dir, sync_dir, try_lock};
