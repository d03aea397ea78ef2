//! Names of what is stored, made of its bytes: 32 bytes of blake3, as hex.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

#[cfg(test)]
mod tests;

/// A text that is no hash.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no hash: 64 digits 0-9, a-f are one")]
pub struct BadHash(pub String);

/// The name of a blob: the hash of its bytes. The same bytes have it everywhere, forever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BlobHash([u8; 32]);

/// The name of a layer: the hash of its manifest's canonical bytes, and so of all in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LayerId([u8; 32]);

/// The name of an image: the hash of all that makes a box of it what it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ImageId([u8; 32]);

macro_rules! named_by_hash {
    ($name:ident) => {
        impl $name {
            /// Of these bytes.
            #[must_use]
            pub fn of(bytes: &[u8]) -> $name {
                $name(*blake3::hash(bytes).as_bytes())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&blake3::Hash::from_bytes(self.0).to_hex())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = BadHash;

            fn from_str(text: &str) -> Result<$name, BadHash> {
                // `from_hex` takes capitals too: then one hash would have two names.
                let small = !text.bytes().any(|byte| byte.is_ascii_uppercase());
                match blake3::Hash::from_hex(text) {
                    Ok(hash) if small => Ok($name(*hash.as_bytes())),
                    _ => Err(BadHash(text.to_owned())),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadHash;

            fn try_from(text: String) -> Result<$name, BadHash> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(hash: $name) -> String {
                hash.to_string()
            }
        }
    };
}

named_by_hash!(BlobHash);
named_by_hash!(LayerId);
named_by_hash!(ImageId);

impl BlobHash {
    /// From the hash that somebody computed.
    pub(crate) fn from_blake3(hash: blake3::Hash) -> BlobHash {
        BlobHash(*hash.as_bytes())
    }
}
