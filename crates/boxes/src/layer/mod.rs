//! Layers in and out of a store: from folders, tar files and OCI images, and to them.

mod archive;
mod bounds;
mod closed;
mod known;
mod oci;
mod scan;
mod write_out;

pub use archive::{read_archive, write_archive};
pub use bounds::Bounds;
pub(crate) use bounds::Meter;
pub use known::Known;
pub use oci::{Image, export_image, import_image};
pub(crate) use scan::ROOT;
pub use scan::{Omitted, scan, scan_running, scan_upper, scan_without};
pub use write_out::{check_out, lower};
