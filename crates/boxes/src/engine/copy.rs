//! Folders copied into a box and out of it.
//!
//! What comes out are the box's files as they are sealed, so nothing in it changes under the copy.
//! What goes in is read whole before anything is made in the box, which then makes it piece by
//! piece by its own links and rights.

use super::open::Engine;
use crate::TreePath;
use crate::error::Error;
use crate::export::{About, Copying, Target, at, sifted, write_into};
use crate::layer::{Bounds, scan_without};
use crate::sandbox::{self, Making, Sandbox};
use crate::store::Store;
use crate::tree::{Entry, Manifest};
use rustix::fs::{Mode, OFlags, fchmod};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// So many entries are made in a box before others who want something of it have their turn.
const TURN: usize = 64;

/// What no layer has anything of: memory, and what the kernel shows.
const NO_FILES: [&str; 6] = ["tmp", "run", "var/tmp", "proc", "dev", "sys"];

/// A folder of a box, as it was sealed.
#[derive(Clone, Debug)]
pub struct Folder {
    name: Option<String>,
    mode: u32,
    entries: BTreeMap<TreePath, Entry>,
}

impl Folder {
    /// Its own name, whatever links and dots led there; the root has none.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }
}

impl Engine {
    /// A folder of a box as it is now, by the box's own links; `None` if there is no folder.
    ///
    /// # Errors
    /// As [`Engine::seal`]. Folders that are no part of the box's files: memory, the machine's.
    pub fn folder(&self, name: &str, path: &str) -> Result<Option<Folder>, Error> {
        let image = self.image_of(name)?;
        self.seal(name)?;
        let stack = self.branches.store().stack(&self.branches.head(name)?.stack)?;
        let at = stack.follow(path)?;
        if let Some(at) = &at {
            let absolute = Path::new("/").join(at.as_str());
            let machine = image.machine_dirs.iter().map(PathBuf::as_path);
            let passing = NO_FILES.iter().map(Path::new).map(|dir| Path::new("/").join(dir));
            let passing: Vec<PathBuf> = passing.collect();
            let mut outside = machine.chain(passing.iter().map(PathBuf::as_path));
            if let Some(outside) = outside.find(|dir| absolute.starts_with(dir)) {
                let why = format!(
                    "{} is no part of the box's files, but memory or the machine's; have a \
                     command in the box copy it elsewhere first",
                    outside.display()
                );
                return Err(Error::refused(path, why));
            }
        }
        let mode = match at.as_ref().map(|at| stack.get(at)) {
            None => 0o755,
            Some(Some(Entry::Dir { mode, .. })) => *mode,
            Some(_) => return Ok(None),
        };
        let name = at.as_ref().map(|at| at.name().to_owned());
        Ok(Some(Folder { name, mode, entries: stack.flat_below(at.as_ref()) }))
    }

    /// Copies a folder of a box into one of the machine: as a new folder or one that is there, or
    /// without a name only what is in it. What may act outside of a box is left out unless it is
    /// asked for (`planted`), and always what would come into Greenroom's `own` folder; `copying`
    /// tells what.
    ///
    /// # Errors
    /// Something else in the way. What was copied by then stays, each file whole.
    pub fn copy_out(
        &self,
        folder: Folder,
        into: &Path,
        name: Option<&str>,
        planted: bool,
        own: &Path,
        copying: &mut Copying<'_>,
    ) -> Result<(), Error> {
        let name = name.map(TreePath::new).transpose()?;
        let target = Target::new(into, name.as_ref(), Some(own))?;
        let entries = sifted(folder.entries, &target, planted, &mut copying.copied)?;
        let mut named = BTreeMap::new();
        let mode = folder.mode & 0o1777;
        for (path, entry) in entries {
            let path = match &name {
                Some(name) => TreePath::new(format!("{name}/{path}"))?,
                None => path,
            };
            named.insert(path, entry);
        }
        named.extend(name.map(|name| (name, Entry::dir(mode))));
        copying.copied.of = named.len() as u64;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let root = rustix::fs::open(into, flags, Mode::empty());
        let root = root.map_err(|error| Error::io("open", into, error))?;
        write_into(self.branches.store(), &root, &named, copying)
    }

    /// Copies a folder of the machine into a box, which is started if need be: under a new name,
    /// into a folder that is there, or (`contents`) only what is in it. `skipped` is left out.
    ///
    /// # Errors
    /// What no layer can have, or a folder that changes while it is read: then nothing was copied.
    /// What the box does not let be made: what was copied by then stays, the last file in part.
    pub fn copy_in(
        &self,
        from: &Path,
        skipped: &Path,
        name: &str,
        to: &Path,
        contents: bool,
        copying: &mut Copying<'_>,
    ) -> Result<(), Error> {
        let io = |error| Error::io("read", from, error);
        let named = from.file_name();
        let from = from.canonicalize().map_err(io)?;
        // `..` is a name of no folder.
        let child = named.or(from.file_name()).filter(|_| !contents);
        let mode = from.metadata().map_err(io)?.permissions().mode();
        let store = self.branches.store();
        // Nothing of it is garbage before it is in the box.
        let mut writing = store.write()?;
        let mut skip = BTreeSet::new();
        let own = skipped.canonicalize().ok();
        let own = own.as_deref().and_then(|own| own.strip_prefix(&from).ok()?.to_str());
        if let Some(own) = own.filter(|own| !own.is_empty()) {
            copying.copied.note(About::Plant, own, "Greenroom's own folder");
            skip.insert(TreePath::new(own)?);
        }
        let manifest = scan_without(&from, &skip, &Bounds::default(), &mut writing)?;
        writing.settle()?;
        let named = u64::from(child.is_some());
        copying.copied.of = manifest.entries().len() as u64 + named;
        let root = {
            let (_held, sandbox) = self.ready(name)?;
            match (make_folder(&*sandbox, to)?, child) {
                (false, Some(child)) => {
                    let to = to.join(child);
                    Root { is_new: make_folder(&*sandbox, &to)?, to, mode }
                }
                (is_new, _) => Root { is_new, to: to.to_owned(), mode },
            }
        };
        copying.copied.folders += named;
        self.fill(name, &root, &manifest, copying)
    }

    /// Makes all of a manifest in a box's folder.
    fn fill(
        &self,
        name: &str,
        root: &Root,
        manifest: &Manifest,
        copying: &mut Copying<'_>,
    ) -> Result<(), Error> {
        let all: Vec<_> = manifest.entries().iter().collect();
        let mut made = Vec::new();
        made.extend(root.is_new.then(|| (root.to.clone(), root.mode)));
        for turn in all.chunks(TURN) {
            let (_held, sandbox) = self.ready(name)?;
            for (path, entry) in turn {
                copying.step().map_err(|error| Error::io("copy", path.as_str(), error))?;
                let to = root.to.join(path.as_str());
                match entry {
                    Entry::Dir { mode, .. } => {
                        if make_folder(&*sandbox, &to)? {
                            made.push((to, *mode));
                        }
                    }
                    Entry::Symlink { target } => {
                        sandbox.make(&to, &Making::Link(target.clone()))?;
                    }
                    _ => {
                        // As here: a link that is there is replaced, and a file that may not be
                        // written to.
                        if !root.is_new {
                            sandbox.make(&to, &Making::Room)?;
                        }
                        write(self.branches.store(), &*sandbox, path, entry, &to, copying)?;
                    }
                }
                copying.copied.count(entry);
            }
        }
        // From the deepest up: a folder that may not be written to is filled by then.
        let made: Vec<_> = made.into_iter().rev().collect();
        for turn in made.chunks(TURN) {
            let (_held, sandbox) = self.ready(name)?;
            for (path, mode) in turn {
                sandbox.make(path, &Making::Mode(mode & 0o777))?;
            }
        }
        Ok(())
    }
}

/// The folder in a box that is filled.
struct Root {
    to: PathBuf,
    is_new: bool,
    mode: u32,
}

/// Whether there was none.
fn make_folder(sandbox: &dyn Sandbox, path: &Path) -> Result<bool, Error> {
    match sandbox.make(path, &Making::Folder) {
        Ok(()) => Ok(true),
        Err(sandbox::Error::Setup { source, .. }) if source.kind() == ErrorKind::AlreadyExists => {
            Ok(false)
        }
        Err(error) => Err(error.into()),
    }
}

fn write(
    store: &Store,
    sandbox: &dyn Sandbox,
    path: &TreePath,
    entry: &Entry,
    to: &Path,
    copying: &mut Copying<'_>,
) -> Result<(), Error> {
    let Entry::File { mode, .. } = entry else { return Ok(()) };
    let file = sandbox.create_file(to, mode & 0o777)?;
    let again = file.try_clone().map_err(|error| Error::io("write", to, error))?;
    copying.file(store, entry, again).map_err(|error| at(path, error))?;
    // What the box's umask has taken.
    let mode = Mode::from_raw_mode(mode & 0o777);
    fchmod(&file, mode).map_err(|error| Error::io("set the mode of", to, error))
}
