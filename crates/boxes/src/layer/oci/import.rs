//! An image becomes layers. Each blob is held against its digest before anything of it
//! has a name.

use super::layout::{self, Descriptor, ImageManifest, Index, Layout};
use crate::beneath::file_beneath;
use crate::error::Error;
use crate::hash::LayerId;
use crate::layer::archive::{Whiteouts, entries};
use crate::layer::bounds::Bounds;
use crate::store::Writing;
use crate::tree::Stack;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Read;
use std::path::Path;

/// The largest document of a layout.
const DOCUMENT_BYTES_MAX: u64 = 4 << 20;

/// How deep indexes may name indexes.
const INDEX_DEPTH_MAX: u32 = 4;

/// An image that was taken in.
#[derive(Clone, Debug)]
pub struct Image {
    /// Its layers, the lowest first.
    pub layers: Vec<LayerId>,
    /// Its configuration, as it is.
    pub config: serde_json::Value,
}

/// Takes in an image of a layout: the one with this tag, or its only one.
///
/// # Errors
/// A layout that is none, an image that is not there or not for this machine, a blob whose
/// digest is another, layers in other packings than tar and gzip; as `read_archive`. The
/// bounds are for each layer.
pub fn import_image(
    dir: &Path,
    tag: Option<&str>,
    bounds: &Bounds,
    writing: &mut Writing<'_>,
) -> Result<Image, Error> {
    let layout: Layout = parse(layout::LAYOUT_FILE, &read(dir, layout::LAYOUT_FILE)?)?;
    if layout.version != layout::LAYOUT_VERSION {
        let why = format!("version {} of OCI layouts is not known here", layout.version);
        return Err(Error::refused(layout::LAYOUT_FILE, why));
    }
    let index: Index = parse(layout::INDEX_FILE, &read(dir, layout::INDEX_FILE)?)?;
    let chosen = choose(dir, &index, tag, 0)?;
    let image: ImageManifest = document(dir, &chosen)?;
    let config = document(dir, &image.config)?;
    let mut stack = Stack::default();
    for descriptor in &image.layers {
        stack = layer(dir, descriptor, &stack, bounds, writing)?;
    }
    Ok(Image { layers: stack.ids(), config })
}

/// The image that is meant.
fn choose(dir: &Path, index: &Index, tag: Option<&str>, depth: u32) -> Result<Descriptor, Error> {
    let fits = |descriptor: &&Descriptor| {
        let named =
            tag.is_none_or(|tag| descriptor.annotations.get(layout::TAG).is_some_and(|t| t == tag));
        let here = descriptor.platform.as_ref().is_none_or(|platform| {
            platform.os == "linux" && platform.architecture == layout::architecture()
        });
        named && here
    };
    let mut found = index.manifests.iter().filter(fits);
    let (first, second) = (found.next(), found.next());
    let Some(descriptor) = first else {
        let what = tag.map_or("image".to_owned(), |tag| format!("image with the tag `{tag}`"));
        return Err(Error::Missing(format!("{what} for linux/{} in it", layout::architecture())));
    };
    if second.is_some() {
        return Err(Error::refused(layout::INDEX_FILE, "it has several images; say which tag"));
    }
    if descriptor.media_type != layout::INDEX {
        return Ok(descriptor.clone());
    }
    if depth >= INDEX_DEPTH_MAX {
        return Err(Error::refused(layout::INDEX_FILE, "indexes in indexes in indexes"));
    }
    choose(dir, &document(dir, descriptor)?, None, depth + 1)
}

fn layer(
    dir: &Path,
    descriptor: &Descriptor,
    below: &Stack,
    bounds: &Bounds,
    writing: &mut Writing<'_>,
) -> Result<Stack, Error> {
    let packing = descriptor.media_type.rsplit_once(".tar").map(|(_, packing)| packing);
    if !matches!(packing, Some("" | "+gzip" | ".gzip")) {
        let why =
            format!("a layer packed as {}; tar and gzip are read here", descriptor.media_type);
        return Err(Error::refused(&descriptor.digest, why));
    }
    let mut reader = blob(dir, descriptor)?;
    let found = entries(&mut reader, Whiteouts::Removals, bounds, writing);
    // What stands behind the archive's end belongs to the digest too.
    let rest = std::io::copy(&mut reader, &mut std::io::sink());
    rest.map_err(|error| Error::io("read", &descriptor.digest, error))?;
    reader.check(descriptor)?;
    let manifest = below.complete(found?)?;
    writing.layer_on(below, manifest)
}

fn blob(dir: &Path, descriptor: &Descriptor) -> Result<Hashed<std::io::Take<File>>, Error> {
    let Some(path) = descriptor.path() else {
        return Err(Error::refused(&descriptor.digest, "no digest of the kind sha256"));
    };
    let file = file_beneath(dir, Path::new(&path))?;
    // One more than it may have, so that a longer one is noticed.
    let inner = file.take(descriptor.size.saturating_add(1));
    Ok(Hashed { inner, hasher: Sha256::new(), bytes: 0 })
}

fn document<T: DeserializeOwned>(dir: &Path, descriptor: &Descriptor) -> Result<T, Error> {
    let mut reader = blob(dir, descriptor)?;
    let mut bytes = Vec::new();
    let read = reader.by_ref().take(DOCUMENT_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|error| Error::io("read", &descriptor.digest, error))?;
    reader.check(descriptor)?;
    parse(&descriptor.digest, &bytes)
}

fn read(dir: &Path, name: &str) -> Result<Vec<u8>, Error> {
    let file = file_beneath(dir, Path::new(name))?;
    let mut bytes = Vec::new();
    let read = file.take(DOCUMENT_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|error| Error::io("read", dir.join(name), error))?;
    Ok(bytes)
}

fn parse<T: DeserializeOwned>(shown: &str, bytes: &[u8]) -> Result<T, Error> {
    serde_json::from_slice(bytes).map_err(|error| Error::refused(shown, error.to_string()))
}

/// A reader that hashes what goes through it.
struct Hashed<R> {
    inner: R,
    hasher: Sha256,
    bytes: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.hasher.update(buffer.get(..count).unwrap_or(&[]));
        self.bytes += count as u64;
        Ok(count)
    }
}

impl<R> Hashed<R> {
    /// Whether this was the blob.
    fn check(self, descriptor: &Descriptor) -> Result<(), Error> {
        let digest = layout::digest(self.hasher);
        if digest == descriptor.digest && self.bytes == descriptor.size {
            return Ok(());
        }
        let why = format!("its blob is {digest}, {} bytes; the image was changed", self.bytes);
        Err(Error::refused(&descriptor.digest, why))
    }
}
