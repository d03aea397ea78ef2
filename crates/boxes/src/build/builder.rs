//! Builds images of folders.

use super::base::{ground, readable};
use super::error::BuildError;
use super::image::{Image, Made};
use super::network::Network;
use super::progress::{Progress, Teller};
use super::work::{Work, environment, steps};
use crate::LevelName;
use crate::branch::Branches;
use crate::compose::{Loaded, compose, load_tree};
use crate::error::Error;
use crate::sandbox::Level;
use crate::spec::{BASE_FIELD, Base, BoxSpec, LEVEL_FIELD};
use crate::store::Built;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

/// Builds into a store, with setup commands in sandboxes of a level. Any number may build at
/// once, also the same.
pub struct Builder<'a> {
    branches: &'a Branches,
    level: &'a dyn Level,
    network: Option<&'a dyn Network>,
}

impl<'a> Builder<'a> {
    /// Without a network for setup commands, whatever specs allow.
    #[must_use]
    pub fn new(branches: &'a Branches, level: &'a dyn Level) -> Builder<'a> {
        Builder { branches, level, network: None }
    }

    /// With one, for the boxes that name hosts.
    #[must_use]
    pub fn with_network(self, network: &'a dyn Network) -> Builder<'a> {
        Builder { network: Some(network), ..self }
    }

    /// Builds the box of a folder, with all that it extends. A step that was built before is
    /// taken as it is. No garbage is collected meanwhile.
    ///
    /// # Errors
    /// A spec that cannot be used, boxes that do not go together, a base or file that may not
    /// be taken in, a setup command that fails. The steps before it stay built.
    pub fn build(
        &self,
        folder: &Path,
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Image, Error> {
        self.make(&load_tree(folder)?, progress)
    }

    /// `a + b`: one box of several folders. There is nobody to override or to grant.
    ///
    /// # Errors
    /// As [`Builder::build`]; no folder at all.
    pub fn build_together(
        &self,
        folders: &[&Path],
        progress: &mut dyn FnMut(&Progress),
    ) -> Result<Image, Error> {
        // By their real paths: one may extend another, and is the same box then.
        let load = |folder: &&Path| {
            load_tree(&folder.canonicalize().map_err(|error| Error::io("open", folder, error))?)
        };
        let parts = folders.iter().map(load);
        let parts = parts.collect::<Result<Vec<Loaded>, Error>>()?;
        let Some((first, rest)) = parts.split_first() else {
            return Err(Error::Missing("folder to build a box of".to_owned()));
        };
        if rest.is_empty() {
            return self.make(first, progress);
        }
        let mut sum = first.whole.clone();
        for part in rest {
            sum = (&sum + &part.whole)?;
        }
        let own = BoxSpec {
            name: sum.name.clone(),
            dir: PathBuf::from("a + b"),
            network: sum.network.clone(),
            secrets: sum.secrets.clone(),
            hub: sum.hub.clone(),
            ..BoxSpec::default()
        };
        let wholes: Vec<BoxSpec> = parts.iter().map(|part| part.whole.clone()).collect();
        let whole = compose(&wholes, &own)?;
        let parts = parts.into_iter().map(Arc::new).collect();
        self.make(&Loaded { own, parts, whole }, progress)
    }

    fn make(&self, loaded: &Loaded, progress: &mut dyn FnMut(&Progress)) -> Result<Image, Error> {
        self.check_level(loaded)?;
        let whole = &loaded.whole;
        let base = whole.base.clone().unwrap_or(Base::Empty);
        let mut teller = Teller::new(1 + steps(loaded, &mut BTreeSet::new()), progress);
        let mut writing = self.branches.store().write()?;
        teller.began(format!("{}: base {}", whole.name, shown(&base)));
        readable(&base).map_err(|error| base_place(loaded, &base, error))?;
        let (ground, cached) = ground(&base, &mut writing)?;
        teller.ended(cached);
        let (level, network) = (self.level, self.network);
        let mut work = Work { level, network, writing, ground, teller, done: BTreeMap::new() };
        let stack = work.stack(loaded)?;
        let Work { writing, ground, .. } = work;
        let env = environment(&ground.env, &whole.env);
        let made = Made { stack: stack.ids(), machine_dirs: ground.machine_dirs, env };
        let image = Image::new(whole, made)?;
        // Keeps its layers until whoever asked for it does.
        let built = Built { layers: image.stack.clone(), env: BTreeMap::new() };
        writing.note_built(&image.id.to_string(), &built)?;
        Ok(image)
    }

    /// Setup runs code of the box: it needs the walls that the box asks for.
    fn check_level(&self, loaded: &Loaded) -> Result<(), Error> {
        let (wants, has) = (loaded.whole.level.unwrap_or(LevelName::Namespace), self.level.name());
        let enough = wants == has || (wants, has) == (LevelName::Namespace, LevelName::Microvm);
        if enough || !runs(loaded) {
            return Ok(());
        }
        let error = BuildError::Level { name: loaded.whole.name.clone(), wants, has };
        let says = |one: &Loaded| one.own.level == Some(wants);
        Err(place(loaded, LEVEL_FIELD, &says, error.into()))
    }

    /// Forgets the steps that no build has used since then, and the images but these. What
    /// is forgotten is built again when it is asked for; its layers go with the next sweep
    /// where no head and no other note needs them. How many notes went.
    ///
    /// # Errors
    /// A store that cannot be read.
    pub fn forget_unused(&self, before: SystemTime, but: &[Image]) -> Result<u64, Error> {
        let but = but.iter().map(|image| image.id.to_string()).collect();
        self.branches.store().forget_built(before, &but)
    }
}

impl std::fmt::Debug for Builder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder").field("level", &self.level.name()).finish_non_exhaustive()
    }
}

/// An error at the field of the box that says it, of all that are extended.
fn place(loaded: &Loaded, field: &str, says: &dyn Fn(&Loaded) -> bool, error: Error) -> Error {
    match first(loaded, says, &mut BTreeSet::new()) {
        Some(one) => one.own.places.tell(field, error),
        None => error,
    }
}

/// The first box of a tree that is such a one. Each is looked at once, however many extend it.
fn first<'l>(
    loaded: &'l Loaded,
    is: &dyn Fn(&Loaded) -> bool,
    seen: &mut BTreeSet<&'l Path>,
) -> Option<&'l Loaded> {
    if !seen.insert(&loaded.own.dir) {
        return None;
    }
    if is(loaded) {
        return Some(loaded);
    }
    loaded.parts.iter().find_map(|part| first(part, is, seen))
}

fn base_place(loaded: &Loaded, base: &Base, error: Error) -> Error {
    place(loaded, BASE_FIELD, &|one| one.own.base.as_ref() == Some(base), error)
}

/// Whether anything of a tree has a setup command.
fn runs(loaded: &Loaded) -> bool {
    first(loaded, &|one| !one.own.setup.is_empty(), &mut BTreeSet::new()).is_some()
}

fn shown(base: &Base) -> String {
    match base {
        Base::Empty => "empty".to_owned(),
        Base::Host => "host".to_owned(),
        Base::Tarball(file) => file.display().to_string(),
        Base::Oci { dir, tag: None } => dir.display().to_string(),
        Base::Oci { dir, tag: Some(tag) } => format!("{}#{tag}", dir.display()),
    }
}
