//! Tar files, as OCI has them.

mod guard;
mod read;
mod write;

pub use read::{Whiteouts, entries, read_archive};
pub use write::write_archive;

/// What stands before the name of a file that is removed.
const WHITEOUT: &str = ".wh.";

/// The name in a folder that hides what is below it.
const OPAQUE: &str = ".wh..wh..opq";

/// Extended attributes in a header.
const XATTR: &str = "SCHILY.xattr.";
