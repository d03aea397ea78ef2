//! The manifest of a layer, and its one encoding.
//!
//! A line of JSON says the format, then there is one for each entry in the order of
//! paths: `["etc/motd",{"file":{…}}]`. The same tree is the same bytes, and no other
//! bytes are read, so that a layer's id says all of it.

use super::entry::Entry;
use crate::error::Error;
use crate::hash::{BlobHash, LayerId};
use crate::path::TreePath;
use std::collections::BTreeMap;

#[cfg(test)]
mod tests;

/// The first line.
const HEAD: &str = "{\"greenroom-layer\":1}\n";

/// Folders that nobody gave a mode.
const DIR_MODE: u32 = 0o755;

/// What a layer says of paths. Each entry's folder is in it too, as a folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    entries: BTreeMap<TreePath, Entry>,
}

impl Manifest {
    /// Of these entries.
    ///
    /// # Errors
    /// An entry that cannot be, and one whose folder is not there as a folder.
    pub fn new(entries: BTreeMap<TreePath, Entry>) -> Result<Manifest, Error> {
        for (path, entry) in &entries {
            if let Some(why) = entry.fault() {
                return Err(Error::refused(path.as_str(), why));
            }
            match path.parent().map(|parent| entries.get(parent)) {
                None | Some(Some(Entry::Dir { .. })) => {}
                Some(Some(_)) => {
                    return Err(Error::refused(path.as_str(), "it is in what is no folder"));
                }
                Some(None) => return Err(Error::refused(path.as_str(), "its folder is missing")),
            }
        }
        Ok(Manifest { entries })
    }

    /// Of these entries, with folders that nobody named made as 0755.
    ///
    /// # Errors
    /// As [`Manifest::new`].
    pub fn with_folders(mut entries: BTreeMap<TreePath, Entry>) -> Result<Manifest, Error> {
        let mut missing = Vec::new();
        for path in entries.keys() {
            // From the nearest up: where one is, all above it were looked at already.
            let ancestors: Vec<&str> = path.ancestors().collect();
            let absent = ancestors.into_iter().rev().take_while(|dir| !entries.contains_key(*dir));
            missing.extend(absent.map(str::to_owned));
        }
        for path in missing {
            entries.insert(TreePath::new(path)?, Entry::dir(DIR_MODE));
        }
        Manifest::new(entries)
    }

    /// The entries, in the order of paths.
    #[must_use]
    pub fn entries(&self) -> &BTreeMap<TreePath, Entry> {
        &self.entries
    }

    /// The blobs it needs, with their sizes.
    pub fn blobs(&self) -> impl Iterator<Item = (BlobHash, u64)> + '_ {
        self.entries.values().filter_map(|entry| match entry {
            Entry::File { hash, size, .. } => Some((*hash, *size)),
            _ => None,
        })
    }

    /// The entries below a path.
    pub fn below<'m>(
        &'m self,
        path: &TreePath,
    ) -> impl DoubleEndedIterator<Item = (&'m TreePath, &'m Entry)> + use<'m> {
        path.below(&self.entries)
    }

    /// The layer's id.
    #[must_use]
    pub fn id(&self) -> LayerId {
        LayerId::of(&self.encode())
    }

    /// The one encoding.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = HEAD.as_bytes().to_vec();
        for line in &self.entries {
            // Text keys and plain values: writing them to memory cannot fail.
            let written = serde_json::to_writer(&mut bytes, &line);
            assert!(written.is_ok(), "an entry always has an encoding");
            bytes.push(b'\n');
        }
        bytes
    }

    /// Reads an encoding.
    ///
    /// # Errors
    /// Any bytes that [`Manifest::encode`] would not have written.
    pub fn decode(bytes: &[u8]) -> Result<Manifest, Error> {
        let damaged = |why: &str| Error::Damaged(format!("a layer's manifest: {why}"));
        let text = std::str::from_utf8(bytes).map_err(|_| damaged("no text"))?;
        let lines =
            text.strip_prefix(HEAD).ok_or_else(|| damaged("its format is not known here"))?;
        let mut entries = BTreeMap::new();
        for line in lines.lines() {
            let (path, entry): (TreePath, Entry) =
                serde_json::from_str(line).map_err(|error| damaged(&error.to_string()))?;
            entries.insert(path, entry);
        }
        let manifest = Manifest::new(entries).map_err(|error| damaged(&error.to_string()))?;
        if manifest.encode() != bytes {
            return Err(damaged("it is not written in the one way"));
        }
        Ok(manifest)
    }
}
