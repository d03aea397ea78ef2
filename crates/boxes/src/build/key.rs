//! What a step of a build is known by: a hash of all that its result depends on.
//!
//! Limits are no part of it: a command that was done within them does not do more with others.
//! A box's name is none either, so that two boxes with the same steps share them.

use crate::LevelName;
use crate::error::Error;
use crate::hash::LayerId;
use crate::spec::{HostPort, Setup};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// Raised when the same step would make another layer than before.
const FORMAT: u32 = 1;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Step<'s> {
    /// A tar file, by its bytes.
    Tarball { blake3: String },
    /// An image of an OCI layout, by the digests in its index.
    Oci { index: String, tag: Option<&'s str> },
    /// A setup command.
    Setup {
        below: Vec<LayerId>,
        /// The state of the machine's folders that are seen.
        machine: &'s str,
        machine_dirs: &'s [PathBuf],
        command: &'s Setup,
        env: &'s BTreeMap<String, String>,
        level: LevelName,
        /// What it could reach.
        network: Option<&'s BTreeSet<HostPort>>,
    },
}

impl Step<'_> {
    pub fn key(&self) -> Result<String, Error> {
        let whole = (FORMAT, std::env::consts::ARCH, self);
        let bytes = serde_json::to_vec(&whole)
            .map_err(|error| Error::io("name", "a step of a build", error))?;
        Ok(blake3::hash(&bytes).to_hex().to_string())
    }
}
