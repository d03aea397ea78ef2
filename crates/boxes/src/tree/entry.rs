//! One thing in a tree.

use crate::hash::BlobHash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// The longest target of a symbolic link, as the kernel has it.
const TARGET_BYTES_MAX: usize = 4095;

/// The largest extended attribute, and the most of them, as the kernel has it.
const XATTR_BYTES_MAX: usize = 65_536;
const XATTR_NAME_MAX: usize = 255;

/// Attributes of overlayfs. A tree that brought its own could hide files of layers below.
const XATTR_OVERLAY: &str = "user.overlay.";

/// Extended attributes by name; only `user.*`.
pub type Xattrs = BTreeMap<String, Xattr>;

/// The bytes of an extended attribute.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Xattr(pub Vec<u8>);

/// What is at a path. Owner and times are no part of it: they would make a new tree of
/// the same files. Hard links are files of their own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Entry {
    /// A file.
    File {
        /// Its content.
        hash: BlobHash,
        /// The content's bytes.
        size: u64,
        /// Permission bits, setuid, setgid and sticky among them.
        mode: u32,
        /// Extended attributes.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        xattrs: Xattrs,
    },
    /// A folder.
    Dir {
        /// Permission bits.
        mode: u32,
        /// Hides what layers below have in this folder.
        #[serde(default, skip_serializing_if = "is_false")]
        opaque: bool,
        /// Extended attributes.
        #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
        xattrs: Xattrs,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points, as it is written.
        target: String,
    },
    /// Hides what layers below have here.
    Tombstone,
}

impl Entry {
    /// A folder with nothing special about it.
    #[must_use]
    pub fn dir(mode: u32) -> Entry {
        Entry::Dir { mode, opaque: false, xattrs: Xattrs::new() }
    }

    /// A file without extended attributes.
    #[must_use]
    pub fn file(hash: BlobHash, size: u64, mode: u32) -> Entry {
        Entry::File { hash, size, mode, xattrs: Xattrs::new() }
    }

    /// Whether this is a folder.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        matches!(self, Entry::Dir { .. })
    }

    /// As it is seen in the whole: what it hides is hidden by then.
    #[must_use]
    pub fn seen(&self) -> Entry {
        match self {
            Entry::Dir { mode, xattrs, .. } => {
                Entry::Dir { mode: *mode, opaque: false, xattrs: xattrs.clone() }
            }
            other => other.clone(),
        }
    }

    /// Whether two are the same to whoever looks at the whole.
    #[must_use]
    pub fn looks_like(&self, other: &Entry) -> bool {
        match (self, other) {
            (
                Entry::Dir { mode, xattrs, .. },
                Entry::Dir { mode: other_mode, xattrs: other_xattrs, .. },
            ) => mode == other_mode && xattrs == other_xattrs,
            _ => self == other,
        }
    }

    /// What keeps it from being an entry.
    pub(super) fn fault(&self) -> Option<&'static str> {
        match self {
            Entry::File { mode, xattrs, .. } | Entry::Dir { mode, xattrs, .. } => {
                if *mode > 0o7777 {
                    return Some("its mode has more than permission bits");
                }
                xattrs.iter().find_map(|(name, value)| xattr_fault(name, value))
            }
            Entry::Symlink { target } if target.is_empty() || target.contains('\0') => {
                Some("a symbolic link to nowhere")
            }
            Entry::Symlink { target } if target.len() > TARGET_BYTES_MAX => {
                Some("a symbolic link longer than 4095 bytes")
            }
            Entry::Symlink { .. } | Entry::Tombstone => None,
        }
    }
}

fn xattr_fault(name: &str, value: &Xattr) -> Option<&'static str> {
    if name.starts_with(XATTR_OVERLAY) {
        return Some("an attribute user.overlay.*: it could hide files of other layers");
    }
    if !name.starts_with("user.") || name.contains('\0') || name.len() > XATTR_NAME_MAX {
        return Some("an extended attribute that is not user.*");
    }
    (value.0.len() > XATTR_BYTES_MAX).then_some("an extended attribute over 64 KiB")
}

/// For serde, which gives a reference.
fn is_false(yes: &bool) -> bool {
    !*yes
}

impl From<Xattr> for String {
    fn from(value: Xattr) -> String {
        value.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl TryFrom<String> for Xattr {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Xattr, &'static str> {
        const WRONG: &str = "an attribute's value is pairs of digits 0-9, a-f";
        let digit = |byte: &u8| (*byte as char).to_digit(16).filter(|_| !byte.is_ascii_uppercase());
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let bytes = pairs.iter().map(|[high, low]| Some(digit(high)? * 16 + digit(low)?));
        let bytes = bytes.map(|byte| byte.and_then(|byte| u8::try_from(byte).ok()));
        let bytes: Option<Vec<u8>> = bytes.collect();
        bytes.filter(|_| rest.is_empty()).map(Xattr).ok_or(WRONG)
    }
}
