//! Reads a box with all that it extends.

use super::spec::compose;
use crate::error::Error;
use crate::spec::{BoxSpec, extends_field};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

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
    pub parts: Vec<Arc<Loaded>>,
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
/// path of its folder, so that a box that two extend is one box, and read once.
///
/// # Errors
/// A spec that cannot be read or used, boxes that extend each other in a circle, and
/// boxes that do not go together.
pub fn load_tree(dir: &Path) -> Result<Loaded, Error> {
    let real = dir.canonicalize().map_err(|error| Error::io("open", dir, error))?;
    let mut loading = Loading { above: Vec::new(), known: BTreeMap::new() };
    // The folder that was asked for keeps its name in errors.
    Ok(loading.load(dir, real)?.0)
}

/// What is known while a box is read.
struct Loading {
    /// The boxes that led here.
    above: Vec<PathBuf>,
    /// What was read, and how many boxes stand on top of each other in it. Read anew by each box
    /// that extends it, a few folders would be millions of boxes.
    known: BTreeMap<PathBuf, (Arc<Loaded>, usize)>,
}

impl Loading {
    fn load(&mut self, dir: &Path, real: PathBuf) -> Result<(Loaded, usize), Error> {
        let own = BoxSpec::read(dir)?;
        self.above.push(real);
        let (mut parts, mut height) = (Vec::new(), 1);
        for (index, parent) in own.extends.iter().enumerate() {
            let part = self.extended(dir, parent);
            let (part, its) = part.map_err(|error| match error {
                Extended::Wrong(error) => own.places.tell(&extends_field(index), error),
                Extended::Its(error) => error,
            })?;
            height = height.max(1 + its);
            parts.push(part);
        }
        self.above.pop();
        let wholes: Vec<BoxSpec> = parts.iter().map(|part| part.whole.clone()).collect();
        let whole = compose(&wholes, &own)?;
        Ok((Loaded { own, parts, whole }, height))
    }

    fn extended(&mut self, dir: &Path, parent: &str) -> Result<(Arc<Loaded>, usize), Extended> {
        let folder = dir.join(parent);
        if !folder.is_dir() {
            return Err(Extended::Wrong(Error::Missing(format!("folder `{parent}` to extend"))));
        }
        let real = folder.canonicalize().map_err(|error| Error::io("open", &folder, error));
        let real = real.map_err(Extended::Wrong)?;
        if self.above.contains(&real) {
            return Err(self.wrong("boxes extend each other in a circle", parent, &real));
        }
        let deep = |above: usize, height: usize| above + height > DEPTH_MAX;
        let too_many = "too many boxes on top of each other";
        if deep(self.above.len(), 1) {
            return Err(self.wrong(too_many, parent, &real));
        }
        if let Some((known, height)) = self.known.get(&real) {
            return match deep(self.above.len(), *height) {
                true => Err(self.wrong(too_many, parent, &real)),
                false => Ok((known.clone(), *height)),
            };
        }
        let (loaded, height) = self.load(&real, real.clone()).map_err(Extended::Its)?;
        let loaded = Arc::new(loaded);
        self.known.insert(real, (loaded.clone(), height));
        Ok((loaded, height))
    }

    fn wrong(&self, what: &str, parent: &str, real: &Path) -> Extended {
        let above = self.above.iter().map(|dir| dir.display().to_string());
        let names: Vec<String> = above.chain([real.display().to_string()]).collect();
        Extended::Wrong(Error::refused(parent, format!("{what}: {}", names.join(" -> "))))
    }
}

/// Whose an error is: that of the box that extends, or of what it extends.
enum Extended {
    Wrong(Error),
    Its(Error),
}
