//! What a box puts into itself becomes a layer: the files it names, and those of its skill.

use crate::beneath::open_beneath;
use crate::error::Error;
use crate::layer::{Bounds, ROOT, scan, scan_without};
use crate::path::TreePath;
use crate::spec::{Base, BoxSpec, FileSource, Skill, file_field};
use crate::store::Writing;
use crate::tree::{Entry, Manifest, Stack};
use rustix::fs::FileType;
use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

/// Always mounted over in a box.
const MOUNTS: [&str; 3] = ["/dev", "/proc", "/tmp"];

/// The files that a spec names, over what is there. `machine_dirs` are mounted over it.
pub fn files(
    spec: &BoxSpec,
    below: &Stack,
    machine_dirs: &[PathBuf],
    writing: &mut Writing<'_>,
) -> Result<Manifest, Error> {
    let mut entries = BTreeMap::new();
    for (path, source) in &spec.files {
        let place = |error: Error| spec.places.tell(&file_field(path), error);
        not_hidden(path, machine_dirs).map_err(place)?;
        match source {
            FileSource::Text { text, mode } => {
                let (hash, size) = writing.blob(&mut text.as_bytes(), u64::MAX)?;
                entries.insert(path.clone(), Entry::file(hash, size, *mode));
            }
            FileSource::From { path: from, mode } => {
                let relative = from.strip_prefix(&spec.dir).unwrap_or(from);
                let opened = open_beneath(&spec.dir, relative).map_err(place)?;
                taken(path, opened, *mode, relative, writing, &mut entries).map_err(place)?;
            }
        }
    }
    below.complete(entries)
}

/// What lies where something is mounted is never seen.
fn not_hidden(path: &TreePath, machine_dirs: &[PathBuf]) -> Result<(), Error> {
    let absolute = Path::new("/").join(path.as_str());
    let mounts = MOUNTS.iter().map(Path::new).chain(machine_dirs.iter().map(PathBuf::as_path));
    match mounts.into_iter().find(|mount| absolute.starts_with(mount)) {
        None => Ok(()),
        Some(mount) => {
            let why = format!(
                "`{}` is mounted over it, so that nobody would see it; put it elsewhere, as in /opt",
                mount.display()
            );
            Err(Error::refused(path.as_str(), why))
        }
    }
}

fn taken(
    path: &TreePath,
    opened: OwnedFd,
    mode: Option<u32>,
    shown: &Path,
    writing: &mut Writing<'_>,
    entries: &mut BTreeMap<TreePath, Entry>,
) -> Result<(), Error> {
    let stat = rustix::fs::fstat(&opened).map_err(|error| Error::io("read", shown, error))?;
    let bounds = Bounds::default();
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::Directory => {
            let open = format!("/proc/self/fd/{}", opened.as_raw_fd());
            let manifest =
                scan(Path::new(&open), &bounds, writing).map_err(|error| inside(error, shown))?;
            entries.insert(path.clone(), Entry::dir(mode.unwrap_or(stat.st_mode & 0o777)));
            below(path, &manifest, entries)
        }
        FileType::RegularFile if stat.st_mode & 0o6000 != 0 && mode.is_none() => {
            let why = "it runs as its owner or group (setuid, setgid); take these bits away";
            Err(Error::refused(shown.display().to_string(), why))
        }
        FileType::RegularFile => {
            let (hash, size) = writing.blob(&mut File::from(opened), bounds.file_bytes_max)?;
            let mode = mode.unwrap_or(stat.st_mode & 0o777);
            entries.insert(path.clone(), Entry::file(hash, size, mode));
            Ok(())
        }
        _ => Err(Error::refused(shown.display().to_string(), "neither a file nor a folder")),
    }
}

/// An error of a folder's tree, with where the folder is in the box's.
fn inside(error: Error, folder: &Path) -> Error {
    match error {
        Error::Refused { path, why } => {
            let below = Path::new(&path).strip_prefix(ROOT).unwrap_or(Path::new(&path));
            Error::refused(folder.join(below).display().to_string(), why)
        }
        error => error,
    }
}

/// A tree's entries in a folder. What is there by its own name stays.
fn below(
    folder: &TreePath,
    tree: &Manifest,
    entries: &mut BTreeMap<TreePath, Entry>,
) -> Result<(), Error> {
    for (path, entry) in tree.entries() {
        let path = TreePath::new(format!("{folder}/{path}"))?;
        entries.entry(path).or_insert_with(|| entry.clone());
    }
    Ok(())
}

/// The files of a skill at `/skills/NAME`, which nobody may write to. Without git's folder,
/// and without the base, which may be large.
pub fn skill(
    skill: &Skill,
    spec: &BoxSpec,
    below_it: &Stack,
    writing: &mut Writing<'_>,
) -> Result<Manifest, Error> {
    let mut skipped = BTreeSet::from([TreePath::new(".git")?]);
    let base = match &spec.base {
        Some(Base::Tarball(file)) => Some(file),
        Some(Base::Oci { dir, .. }) => Some(dir),
        _ => None,
    };
    let base = base.and_then(|base| base.strip_prefix(&spec.dir).ok()?.to_str());
    skipped.extend(base.map(TreePath::from_loose).transpose()?.flatten());
    let dir = if spec.dir.as_os_str().is_empty() { Path::new(".") } else { &spec.dir };
    let manifest = scan_without(dir, &skipped, &Bounds::default(), writing)?;
    let folder = TreePath::new(format!("skills/{}", skill.name))?;
    let mut entries = BTreeMap::from([(folder.clone(), Entry::dir(0o755))]);
    below(&folder, &manifest, &mut entries)?;
    for entry in entries.values_mut() {
        match entry {
            Entry::File { mode, .. } => *mode = *mode & 0o555 | 0o444,
            Entry::Dir { mode, .. } => *mode = 0o555,
            Entry::Symlink { .. } | Entry::Tombstone => {}
        }
    }
    below_it.complete(entries)
}
