//! Two versions of a text merged line by line, if both are texts and their changes are
//! apart.

use super::lines::are_near;
use crate::error::Error;
use crate::store::{Store, Writing};
use crate::tree::{Entry, Overlap};

#[cfg(test)]
mod tests;

/// Larger ones are not looked into.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// The file that has both sides' changes, if it can be made.
pub fn merged(overlap: &Overlap, writing: &mut Writing<'_>) -> Result<Option<Entry>, Error> {
    let (Some(base), Some(ours), Some(theirs)) = (&overlap.base, &overlap.ours, &overlap.theirs)
    else {
        return Ok(None);
    };
    let Some((mode, base, ours, theirs)) = alike(base, ours, theirs, writing.store())? else {
        return Ok(None);
    };
    // Each side is compared with the base, which a box could make last for ever.
    if !are_near(&base, &ours) || !are_near(&base, &theirs) {
        return Ok(None);
    }
    match diffy::merge(&base, &ours, &theirs) {
        Ok(text) => {
            let (hash, size) = writing.blob(&mut text.as_bytes(), 3 * TEXT_BYTES_MAX)?;
            Ok(Some(Entry::file(hash, size, mode)))
        }
        // Both changed the same lines.
        Err(_) => Ok(None),
    }
}

type Texts = (u32, String, String, String);

/// The mode of the merged file and the three texts, if all are texts and nothing beside
/// their lines is in conflict.
fn alike(
    base: &Entry,
    ours: &Entry,
    theirs: &Entry,
    store: &Store,
) -> Result<Option<Texts>, Error> {
    let mode = match (mode(base), mode(ours), mode(theirs)) {
        (Some(_), Some(ours), Some(theirs)) if ours == theirs => ours,
        (Some(base), Some(ours), Some(theirs)) if base == ours => theirs,
        (Some(base), Some(ours), Some(theirs)) if base == theirs => ours,
        _ => return Ok(None),
    };
    let texts = (text(base, store)?, text(ours, store)?, text(theirs, store)?);
    Ok(match texts {
        (Some(base), Some(ours), Some(theirs)) => Some((mode, base, ours, theirs)),
        _ => None,
    })
}

/// The mode of a file that has no attributes.
fn mode(entry: &Entry) -> Option<u32> {
    match entry {
        Entry::File { mode, xattrs, .. } if xattrs.is_empty() => Some(*mode),
        _ => None,
    }
}

fn text(entry: &Entry, store: &Store) -> Result<Option<String>, Error> {
    match entry {
        Entry::File { hash, size: ..=TEXT_BYTES_MAX, .. } => Ok(as_text(store.blob(*hash)?)),
        _ => Ok(None),
    }
}

/// Bytes that are a text.
pub fn as_text(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}
