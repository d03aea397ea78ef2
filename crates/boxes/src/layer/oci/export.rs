//! Layers become an image that other tools read. The same layers are the same image.

use super::layout::{self, Descriptor, ImageManifest, Index, Layout, Platform};
use crate::error::Error;
use crate::layer::archive::write_archive;
use crate::store::{Store, sync_dir};
use crate::tree::Stack;
use serde::Serialize;
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io::Write;
use std::path::Path;

/// Writes a stack as an image with a tag, to a folder that is not there yet: all of it or
/// nothing, but for a folder `….partial-…` after a crash.
///
/// # Errors
/// A folder that is there; a layer or blob that is missing or damaged; a name that begins
/// with `.wh.`.
pub fn export_image(store: &Store, stack: &Stack, tag: &str, to: &Path) -> Result<(), Error> {
    if std::fs::symlink_metadata(to).is_ok() {
        return Err(Error::Busy(format!("{} is there already", to.display())));
    }
    let mut name = to.file_name().unwrap_or_default().to_owned();
    name.push(format!(".partial-{}", std::process::id()));
    let beside = to.with_file_name(name);
    let blobs = beside.join("blobs/sha256");
    std::fs::create_dir_all(&blobs).map_err(|error| Error::io("make", &blobs, error))?;
    let written = image(store, stack, tag, &beside);
    let placed = written.and_then(|()| place(&beside, to));
    placed.inspect_err(|_| drop(std::fs::remove_dir_all(&beside)))
}

fn place(beside: &Path, to: &Path) -> Result<(), Error> {
    let opened = File::open(beside).map_err(|error| Error::io("open", beside, error))?;
    rustix::fs::syncfs(&opened).map_err(|error| Error::io("sync", beside, error))?;
    std::fs::rename(beside, to).map_err(|error| Error::io("name", to, error))?;
    sync_dir(to.parent().unwrap_or(to))
}

fn image(store: &Store, stack: &Stack, tag: &str, dir: &Path) -> Result<(), Error> {
    let mut layers = Vec::new();
    for manifest in stack.manifests() {
        layers.push(blob(dir, layout::LAYER, |to| write_archive(store, manifest.entries(), to))?);
    }
    let digests: Vec<&str> = layers.iter().map(|layer| layer.digest.as_str()).collect();
    let config = json!({
        "architecture": layout::architecture(),
        "os": "linux",
        "config": {},
        // Not packed, so the digest of the tar file is that of the blob.
        "rootfs": { "type": "layers", "diff_ids": digests },
    });
    let config = document(dir, layout::CONFIG, &config)?;
    let media_type = Some(layout::MANIFEST.to_owned());
    let image = ImageManifest { schema_version: 2, media_type, config, layers };
    let mut image = document(dir, layout::MANIFEST, &image)?;
    image.annotations.insert(layout::TAG.to_owned(), tag.to_owned());
    let architecture = layout::architecture().to_owned();
    image.platform = Some(Platform { architecture, os: "linux".to_owned() });
    let index = Index { schema_version: 2, manifests: vec![image] };
    write(&dir.join(layout::INDEX_FILE), &text(&index)?)?;
    let version = layout::LAYOUT_VERSION.to_owned();
    write(&dir.join(layout::LAYOUT_FILE), &text(&Layout { version })?)
}

fn text(value: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(value).map_err(|error| Error::io("write", "an image", error))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    std::fs::write(path, bytes).map_err(|error| Error::io("write", path, error))
}

fn document(dir: &Path, media_type: &str, value: &impl Serialize) -> Result<Descriptor, Error> {
    let bytes = text(value)?;
    blob(dir, media_type, |to| {
        to.write_all(&bytes).map_err(|error| Error::io("write", "an image", error))
    })
}

/// Writes a blob and names it by its digest.
fn blob(
    dir: &Path,
    media_type: &str,
    content: impl FnOnce(&mut dyn Write) -> Result<(), Error>,
) -> Result<Descriptor, Error> {
    let beside = dir.join("blob");
    let file = File::create(&beside).map_err(|error| Error::io("make", &beside, error))?;
    let mut to = Hashing { file, hasher: Sha256::new(), bytes: 0 };
    content(&mut to)?;
    let descriptor = Descriptor::new(media_type, layout::digest(to.hasher), to.bytes);
    let path = dir.join(descriptor.path().unwrap_or_default());
    std::fs::rename(&beside, &path).map_err(|error| Error::io("name", &path, error))?;
    Ok(descriptor)
}

/// A writer that hashes what goes through it.
struct Hashing {
    file: File,
    hasher: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.hasher.update(bytes.get(..count).unwrap_or(&[]));
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}
