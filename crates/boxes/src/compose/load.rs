//! Reads a box with all that it extends.

use super::spec::compose;
use crate::error::Error;
use crate::spec::{BoxSpec, SPEC_FILE, SpecError, extends_field};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// How many boxes stand on top of each other at most.
const DEPTH_MAX: usize = 32;

/// A box with the boxes that it extends, and what comes of them together.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What it says itself.
    pub own: BoxSpec,
    /// What it extends, left to right.
    pub parts: Vec<Loaded>,
    /// The whole: nothing is left to extend.
    pub whole: BoxSpec,
}

/// The box of a folder, whole: with what it extends put under it.
///
/// # Errors
/// As [`load_tree`].
pub fn load(dir: &Path) -> Result<BoxSpec, Error> {
    Ok(load_tree(dir)?.whole)
}

/// The box of a folder and all that it extends. What is extended is read by the one real
/// path of its folder, so that a box that two extend is one box.
///
/// # Errors
/// A spec that cannot be read or used, boxes that extend each other in a circle, and
/// boxes that do not go together.
pub fn load_tree(dir: &Path) -> Result<Loaded, Error> {
    extended(dir, &mut Vec::new())
}

/// `above` are the boxes that led here.
fn extended(dir: &Path, above: &mut Vec<PathBuf>) -> Result<Loaded, Error> {
    let real = dir.canonicalize().map_err(|error| Error::io("open", dir, error))?;
    let circle = above.contains(&real);
    if circle || above.len() >= DEPTH_MAX {
        let mut names: Vec<String> = above.iter().map(|dir| dir.display().to_string()).collect();
        names.push(real.display().to_string());
        let what = if circle {
            "boxes extend each other in a circle"
        } else {
            "too many boxes on top of each other"
        };
        let (file, message) = (dir.join(SPEC_FILE), format!("{what}: {}", names.join(" -> ")));
        return Err(SpecError { file, line: 1, column: 1, message }.into());
    }
    // The folder that was asked for keeps its name in errors.
    let dir = if above.is_empty() { dir.to_owned() } else { real.clone() };
    let own = BoxSpec::read(&dir)?;
    above.push(real);
    let parts = own.extends.iter().enumerate().map(|(index, parent)| {
        let folder = dir.join(parent);
        if !folder.is_dir() {
            let missing = Error::Missing(format!("folder `{parent}` to extend"));
            return Err(own.places.tell(&extends_field(index), missing));
        }
        extended(&folder, above)
    });
    let parts = parts.collect::<Result<Vec<_>, Error>>()?;
    above.pop();
    let wholes: Vec<BoxSpec> = parts.iter().map(|part| part.whole.clone()).collect();
    let whole = compose(&wholes, &own)?;
    Ok(Loaded { own, parts, whole })
}
