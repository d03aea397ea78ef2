//! A blob is named by its text. Knows no place to keep it.

use greenroom_model::BlobRef;

/// The reference to a text's blob.
pub(crate) fn name(text: &str) -> BlobRef {
    BlobRef { hash: blake3::hash(text.as_bytes()).to_hex().to_string(), bytes: text.len() as u64 }
}
