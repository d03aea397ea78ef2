//! What several boxes have over the same ground, put together.

use crate::compose::{ComposeError, Part, unite};
use crate::error::Error;
use crate::path::TreePath;
use crate::store::Writing;
use crate::tree::{Changes, Manifest, Stack};
use std::collections::BTreeSet;

/// From how many layers over the ground on they become one: each is looked through whenever
/// a file is opened.
const LAYERS_MAX: usize = 32;

/// A box that another one extends, built.
pub struct BuiltPart {
    pub name: String,
    pub stack: Stack,
}

/// The parts as one stack. Layers that all share stay; what each has over those is one layer
/// of all. The same path with something else in it is an error, but where it is overridden.
pub fn united(
    ground: &Stack,
    parts: &[BuiltPart],
    overridden: &BTreeSet<TreePath>,
    writing: &mut Writing<'_>,
) -> Result<Stack, Error> {
    let Some((first, rest)) = parts.split_first() else { return Ok(ground.clone()) };
    let shared = rest.iter().map(|part| first.stack.shared(&part.stack)).min();
    let Some(shared) = shared else { return Ok(first.stack.clone()) };
    let (common, _) = first.stack.split(shared);
    let mut manifests = Vec::new();
    for part in parts {
        let changes = Changes::between(&common, &part.stack);
        if !changes.is_empty() {
            manifests.push((part, changes.layer(&common, &part.stack)?));
        }
    }
    match manifests.as_slice() {
        [] => Ok(common),
        [(part, _)] => Ok(part.stack.clone()),
        several => {
            let named = several.iter().map(|(part, manifest)| Part { name: &part.name, manifest });
            let united = unite(&named.collect::<Vec<_>>(), overridden)?;
            writing.layer_on(&common, united)
        }
    }
}

/// Refuses a box's own files where a box it extends has others, unless it says that it means
/// them. What the ground has is nobody's.
pub fn not_in_parts(
    ground: &Stack,
    parts: &[BuiltPart],
    own: (&str, &Manifest),
    overridden: &BTreeSet<TreePath>,
) -> Result<(), Error> {
    let (name, manifest) = own;
    for part in parts {
        let changes = Changes::between(ground, &part.stack);
        for (path, entry) in manifest.entries() {
            let theirs = changes.by_path().get(path).and_then(|change| change.after.as_ref());
            let Some(theirs) = theirs else { continue };
            let both_dirs = entry.is_dir() && theirs.is_dir();
            let meant = overridden.contains(path)
                || path.ancestors().any(|above| overridden.contains(above));
            if !both_dirs && !meant && !theirs.looks_like(entry) {
                return Err(ComposeError::Differ {
                    left: part.name.clone(),
                    right: name.to_owned(),
                    what: format!("the file `{path}`"),
                    remedy: "name it in override.files if the later one is meant".to_owned(),
                }
                .into());
            }
        }
    }
    Ok(())
}

/// A stack of not too many layers that shows the same.
pub fn compact(ground: &Stack, stack: Stack, writing: &mut Writing<'_>) -> Result<Stack, Error> {
    if stack.len() <= ground.len() + LAYERS_MAX {
        return Ok(stack);
    }
    let changes = Changes::between(ground, &stack);
    writing.layer_on(ground, changes.layer(ground, &stack)?)
}

/// What a layer adds to a stack, or nothing if all of it is there already.
pub fn over(
    stack: &Stack,
    written: Manifest,
    writing: &mut Writing<'_>,
) -> Result<Option<Manifest>, Error> {
    let mut over = stack.clone();
    over.push(written.id(), std::sync::Arc::new(written));
    let changes = Changes::between(stack, &over);
    if changes.is_empty() {
        writing.settle()?;
        return Ok(None);
    }
    changes.layer(stack, &over).map(Some)
}
