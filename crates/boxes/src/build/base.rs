//! What lies under a box becomes layers.

use super::host::host;
use super::key::Step;
use crate::beneath::file_real;
use crate::error::Error;
use crate::layer::{Bounds, import_image, read_archive};
use crate::spec::Base;
use crate::store::{Built, Writing};
use crate::tree::Stack;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What all boxes of a build stand on.
pub struct Ground {
    pub stack: Stack,
    /// Folders of the machine that are seen.
    pub machine_dirs: Vec<PathBuf>,
    /// The state of those.
    pub machine: String,
    /// What an image says of the environment.
    pub env: BTreeMap<String, String>,
}

/// The ground of a base, and whether it was there already.
pub fn ground(base: &Base, writing: &mut Writing<'_>) -> Result<(Ground, bool), Error> {
    match base {
        Base::Empty => Ok((layered(Built::default(), writing)?, true)),
        Base::Host => {
            let host = host(writing)?;
            let there = writing.store().layer(host.manifest.id()).is_ok();
            let built = Built { layers: vec![writing.layer(host.manifest)?], ..Built::default() };
            let ground = layered(built, writing)?;
            Ok((Ground { machine_dirs: host.dirs, machine: host.state, ..ground }, there))
        }
        Base::Tarball(file) => {
            let blake3 = hash(file)?;
            once(&Step::Tarball { blake3 }, writing, |writing| {
                let manifest = read_archive(file_real(file)?, &Bounds::base(), writing)?;
                Ok(Built { layers: vec![writing.layer(manifest)?], ..Built::default() })
            })
        }
        Base::Oci { dir, tag } => {
            // All else in the layout is named by digests from here.
            let index = hash(&dir.join("index.json"))?;
            let tag = tag.as_deref();
            once(&Step::Oci { index, tag }, writing, |writing| {
                let image = import_image(dir, tag, &Bounds::base(), writing)?;
                Ok(Built { layers: image.layers, env: env(&image.config) })
            })
        }
    }
}

/// Whether there is what a base names. Its path is in the box's folder, whose own has no link.
pub fn readable(base: &Base) -> Result<(), Error> {
    match base {
        Base::Empty | Base::Host => Ok(()),
        Base::Tarball(file) => file_real(file).map(drop),
        Base::Oci { dir, .. } => file_real(&dir.join("index.json")).map(drop),
    }
}

/// Takes in what was not taken in before.
fn once<'s>(
    step: &Step<'_>,
    writing: &mut Writing<'s>,
    take: impl FnOnce(&mut Writing<'s>) -> Result<Built, Error>,
) -> Result<(Ground, bool), Error> {
    let key = step.key()?;
    let (built, cached) = match writing.store().built(&key) {
        Some(built) => (built, true),
        None => {
            let built = take(writing)?;
            writing.note_built(&key, &built)?;
            (built, false)
        }
    };
    Ok((layered(built, writing)?, cached))
}

fn layered(built: Built, writing: &Writing<'_>) -> Result<Ground, Error> {
    let stack = writing.store().stack(&built.layers)?;
    Ok(Ground { stack, machine_dirs: Vec::new(), machine: String::new(), env: built.env })
}

fn hash(file: &Path) -> Result<String, Error> {
    let mut hasher = blake3::Hasher::new();
    let hashed = hasher.update_reader(file_real(file)?);
    hashed.map_err(|error| Error::io("read", file, error))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// `NAME=VALUE` of an image's configuration.
fn env(config: &serde_json::Value) -> BTreeMap<String, String> {
    let list = config.pointer("/config/Env").and_then(serde_json::Value::as_array);
    let pairs = list.into_iter().flatten().filter_map(|pair| pair.as_str()?.split_once('='));
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
