//! Images in an OCI layout: a folder with an index, manifests and blobs named by sha256.

mod export;
mod import;
mod layout;

#[cfg(test)]
mod tests;

pub use export::export_image;
pub use import::{Image, import_image};
