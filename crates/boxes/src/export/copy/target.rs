//! What of a tree would act on the machine, by the names that it gets there: `pre-commit` is
//! nothing, and a hook in `.git/hooks`.

use super::is_harmless;
use crate::error::Error;
use crate::hash::BlobHash;
use crate::path::TreePath;
use crate::tree::{Entry, Plant, Planted, Seen};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// So many names of the folders above count: `.git/modules/NAME/hooks` has as many. Not all, as
/// far above a folder may be anybody's.
const NAMES: usize = 4;

/// A folder of the machine that a tree is put into, where it is or will be.
pub struct Target {
    path: PathBuf,
    /// The last of its names.
    names: Vec<String>,
    /// Greenroom's own folder.
    own: Option<PathBuf>,
}

impl Target {
    /// A folder in one that is there, or (without a name) that one. `own` is Greenroom's.
    ///
    /// # Errors
    /// A folder that is not there.
    pub fn new(into: &Path, name: Option<&TreePath>, own: Option<&Path>) -> Result<Target, Error> {
        let path = into.canonicalize().map_err(|error| Error::io("open", into, error))?;
        let path = match name {
            Some(name) => path.join(name.as_str()),
            None => path,
        };
        let names = path.components().rev().filter_map(|one| match one {
            Component::Normal(name) => Some(name.to_string_lossy().into_owned()),
            _ => None,
        });
        let mut names: Vec<String> = names.take(NAMES).collect();
        names.reverse();
        Ok(Target { path, names, own: own.and_then(|own| own.canonicalize().ok()) })
    }

    /// Whether a path there is in Greenroom's own folder.
    pub fn is_own(&self, path: &TreePath) -> bool {
        let path = self.path.join(path.as_str());
        self.own.as_ref().is_some_and(|own| path.starts_with(own))
    }

    /// What may act, whether the tree is looked at alone or with any number of the names above.
    /// What the tree does not have the machine may have already: the rest of a repository.
    ///
    /// # Errors
    /// Paths that get too long.
    pub fn plants(
        &self,
        entries: &BTreeMap<TreePath, Entry>,
    ) -> Result<BTreeMap<TreePath, Vec<Plant>>, Error> {
        let mut found: BTreeMap<TreePath, Vec<Plant>> = BTreeMap::new();
        let mut base = self.path.as_path();
        for count in 0..=self.names.len() {
            let names = self.names.iter().rev().take(count).rev();
            let above: String = names.map(|name| format!("{name}/")).collect();
            let see = |at: &TreePath| {
                let own = at.as_str().strip_prefix(above.as_str());
                let own = own.and_then(|own| entries.get(own)).and_then(Seen::of);
                own.or_else(|| seen(&base.join(at.as_str())))
            };
            let placed = |path: &TreePath| TreePath::new(format!("{above}{path}"));
            let placed = entries.iter().map(|(path, entry)| Ok((placed(path)?, entry)));
            let placed: Vec<_> = placed.collect::<Result<_, Error>>()?;
            for one in Planted::found(placed.iter().map(|(path, entry)| (path, *entry)), &see) {
                let own = one.path.as_str().strip_prefix(above.as_str());
                let own = TreePath::new(own.unwrap_or_default())?;
                found.entry(own).or_default().push(one.plant);
            }
            base = base.parent().unwrap_or(base);
        }
        Ok(found)
    }
}

/// What is at a path of the machine. What cannot be looked at is not there.
fn seen(path: &Path) -> Option<Seen> {
    let kind = path.symlink_metadata().ok()?.file_type();
    match kind {
        _ if kind.is_dir() => Some(Seen::Dir),
        _ if kind.is_symlink() => {
            Some(Seen::Link(path.read_link().ok()?.to_string_lossy().into_owned()))
        }
        _ => Some(Seen::File),
    }
}

/// What a file of the machine does by itself where it is, if anything.
#[must_use]
pub fn acting(file: &Path) -> Option<&'static str> {
    let file = file.canonicalize().ok()?;
    let name = TreePath::new(file.file_name()?.to_str()?).ok()?;
    let target = Target::new(file.parent()?, None, None).ok()?;
    let entry = Entry::file(BlobHash::of(b""), 0, 0o644);
    let plants = target.plants(&BTreeMap::from([(name, entry)])).ok()?;
    let acts = plants.values().flatten().find(|plant| !is_harmless(**plant));
    acts.map(|plant| plant.words())
}
