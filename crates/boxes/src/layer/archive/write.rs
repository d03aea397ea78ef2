//! Entries become a tar file: the same entries the same bytes.

use super::{OPAQUE, WHITEOUT, XATTR};
use crate::error::Error;
use crate::path::TreePath;
use crate::store::Store;
use crate::tree::{Entry, Xattrs};
use std::collections::BTreeMap;
use std::io::Write;
use tar::{Builder, EntryType, Header};

/// The longest path or target in a header itself.
const PLAIN_BYTES_MAX: usize = 100;

/// Writes a layer's or a tree's entries, as a layer of an image: what is removed as
/// `.wh.` names. Owner is 0, time is 0.
///
/// # Errors
/// A blob that is missing or damaged; a name that begins with `.wh.`; a writer that fails.
pub fn write_archive(
    store: &Store,
    entries: &BTreeMap<TreePath, Entry>,
    to: impl Write,
) -> Result<(), Error> {
    let mut builder = Builder::new(to);
    for (path, entry) in entries {
        if path.name().starts_with(WHITEOUT) {
            let why = "a name that means a removal in archives; rename it";
            return Err(Error::refused(path.as_str(), why));
        }
        match entry {
            Entry::Dir { mode, opaque, xattrs } => {
                let at = format!("{path}/");
                append(&mut builder, &at, EntryType::Directory, *mode, "", xattrs, &[])?;
                if *opaque {
                    empty(&mut builder, &format!("{path}/{OPAQUE}"))?;
                }
            }
            Entry::File { hash, mode, xattrs, .. } => {
                let bytes = store.blob(*hash)?;
                append(&mut builder, path.as_str(), EntryType::Regular, *mode, "", xattrs, &bytes)?;
            }
            Entry::Symlink { target } => {
                let none = Xattrs::new();
                append(&mut builder, path.as_str(), EntryType::Symlink, 0o777, target, &none, &[])?;
            }
            Entry::Tombstone => {
                let folder = path.parent().map(|parent| format!("{parent}/")).unwrap_or_default();
                empty(&mut builder, &format!("{folder}{WHITEOUT}{}", path.name()))?;
            }
        }
    }
    let mut inner = builder.into_inner().map_err(failed)?;
    inner.flush().map_err(failed)
}

fn failed(error: std::io::Error) -> Error {
    Error::io("write", "an archive", error)
}

fn empty<W: Write>(builder: &mut Builder<W>, path: &str) -> Result<(), Error> {
    append(builder, path, EntryType::Regular, 0o644, "", &Xattrs::new(), &[])
}

fn append<W: Write>(
    builder: &mut Builder<W>,
    path: &str,
    kind: EntryType,
    mode: u32,
    target: &str,
    xattrs: &Xattrs,
    bytes: &[u8],
) -> Result<(), Error> {
    let mut long: Vec<(String, &[u8])> = Vec::new();
    let mut header = Header::new_ustar();
    let old = header.as_old_mut();
    for (key, text, field) in
        [("path", path, &mut old.name), ("linkpath", target, &mut old.linkname)]
    {
        if text.len() > PLAIN_BYTES_MAX {
            long.push((key.to_owned(), text.as_bytes()));
        }
        for (byte, to) in text.bytes().zip(field.iter_mut()) {
            *to = byte;
        }
    }
    long.extend(xattrs.iter().map(|(name, value)| (format!("{XATTR}{name}"), value.0.as_slice())));
    if !long.is_empty() {
        let records = long.iter().map(|(key, value)| (key.as_str(), *value));
        builder.append_pax_extensions(records).map_err(failed)?;
    }
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes.len() as u64);
    header.set_cksum();
    builder.append(&header, bytes).map_err(failed)
}
