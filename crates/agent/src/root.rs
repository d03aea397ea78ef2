//! Files below one folder, which no path leaves: not by `..`, not by an absolute path,
//! not by a symbolic link. The kernel holds this (`openat2`), so that a link that
//! changes between a check and its use changes nothing.

#[cfg(test)]
mod tests;

use rustix::fs::{self, AtFlags, CWD, Dir, FileType, Mode, OFlags};
use rustix::io::Errno;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// A folder that is bounded.
#[derive(Clone)]
pub struct Root {
    dir: Arc<OwnedFd>,
    path: PathBuf,
}

/// What is in a folder.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// Its path below the root, with `/`.
    pub path: String,
    /// Whether it is a folder. A symbolic link is none.
    pub is_dir: bool,
}

impl Root {
    /// The folder.
    pub fn open(path: &Path) -> io::Result<Root> {
        let path = path.canonicalize()?;
        let flags = OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC;
        let dir = fs::openat(CWD, &path, flags, Mode::empty())?;
        Ok(Root { dir: Arc::new(dir), path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path below the root, without `.` and without what only looks as if it left.
    /// Errors: in words, a path that leaves.
    pub fn below(&self, path: &str) -> Result<PathBuf, String> {
        below(&self.path, path)
    }

    /// The whole file. Errors: in words; one that is longer than `max` bytes.
    pub fn read(&self, path: &str, max: u64) -> Result<Vec<u8>, String> {
        let below = self.below(path)?;
        // A pipe would be waited for, a device is none of a workspace.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK;
        let file = File::from(self.open_below(&below, flags).map_err(|error| words(path, error))?);
        let about = file.metadata().map_err(|error| format!("`{path}`: {error}"))?;
        if about.is_dir() {
            return Err(format!("`{path}` is a folder"));
        }
        if !about.is_file() {
            return Err(format!("`{path}` is no ordinary file"));
        }
        let mut bytes = Vec::new();
        file.take(max + 1).read_to_end(&mut bytes).map_err(|error| format!("`{path}`: {error}"))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length > max) {
            return Err(format!("`{path}` is larger than {max} bytes"));
        }
        Ok(bytes)
    }

    /// Writes the whole file, making the folders above it: after a crash there is the
    /// old one or the new one, whole.
    pub fn write(&self, path: &str, bytes: &[u8]) -> Result<(), String> {
        let below = self.below(path)?;
        let Some(name) = below.file_name().map(ToOwned::to_owned) else {
            return Err(format!("`{path}` is the folder itself"));
        };
        if below.components().any(|part| part.as_os_str().eq_ignore_ascii_case(".git")) {
            // What stands there decides which programs git runs, and in which repository.
            return Err(format!("`{path}`: `.git` is git's own, and nothing else writes in it"));
        }
        let parent = below.parent().unwrap_or(Path::new(""));
        let dir = self.make_dirs(parent).map_err(|error| words(path, error))?;
        let mode = match fs::statat(&dir, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(about) => match FileType::from_raw_mode(about.st_mode) {
                FileType::RegularFile => Mode::from_raw_mode(about.st_mode),
                FileType::Directory => return Err(format!("`{path}` is a folder")),
                FileType::Symlink => {
                    return Err(format!("`{path}` is a symbolic link; write what it points to"));
                }
                _ => return Err(format!("`{path}` is no ordinary file")),
            },
            Err(Errno::NOENT) => Mode::from_raw_mode(0o644),
            Err(error) => return Err(words(path, error)),
        };
        let beside = format!(".{}.greenroom", name.to_string_lossy());
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW;
        let file = fs::openat(&dir, &beside, flags | OFlags::CLOEXEC, mode);
        let mut file = File::from(file.map_err(|error| words(path, error))?);
        let written = file.write_all(bytes).and_then(|()| file.sync_all());
        let named = written.and_then(|()| Ok(fs::renameat(&dir, &beside, &dir, &name)?));
        named.map_err(|error| {
            // What is half written is of no use, and what fails here was said already.
            let _ = fs::unlinkat(&dir, &beside, AtFlags::empty());
            format!("`{path}`: {error}")
        })
    }

    /// What is in a folder, by name.
    pub fn list(&self, path: &Path) -> io::Result<Vec<Entry>> {
        let dir = self.open_below(path, OFlags::DIRECTORY | OFlags::RDONLY)?;
        let mut entries = Vec::new();
        for entry in Dir::read_from(&dir)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name == "." || name == ".." {
                continue;
            }
            let is_dir = match entry.file_type() {
                FileType::Unknown => {
                    let about = fs::statat(&dir, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW)?;
                    FileType::from_raw_mode(about.st_mode) == FileType::Directory
                }
                other => other == FileType::Directory,
            };
            let path = path.join(name).to_string_lossy().into_owned();
            entries.push(Entry { path, is_dir });
        }
        entries.sort();
        Ok(entries)
    }

    fn make_dirs(&self, path: &Path) -> Result<OwnedFd, Errno> {
        let flags = OFlags::DIRECTORY | OFlags::RDONLY;
        match self.open_below(path, flags) {
            Err(Errno::NOENT) => {}
            opened => return opened,
        }
        let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Errno::NOENT);
        };
        let dir = self.make_dirs(parent)?;
        match fs::mkdirat(&dir, name, Mode::from_raw_mode(0o755)) {
            Ok(()) | Err(Errno::EXIST) => self.open_below(path, flags),
            Err(error) => Err(error),
        }
    }

    #[cfg(target_os = "linux")]
    fn open_below(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        use rustix::fs::ResolveFlags;
        let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
        let stay = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
        let flags_here = flags | OFlags::CLOEXEC;
        match fs::openat2(&*self.dir, path, flags_here, Mode::empty(), stay) {
            // Kernels and sandboxes without it.
            Err(Errno::NOSYS | Errno::PERM) => self.open_stepwise(path, flags),
            opened => opened,
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn open_below(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        self.open_stepwise(path, flags)
    }

    /// The same without the kernel's help: component by component, through no symbolic
    /// link at all.
    fn open_stepwise(&self, path: &Path, flags: OFlags) -> Result<OwnedFd, Errno> {
        let stay = OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut dir =
            fs::openat(&*self.dir, ".", OFlags::DIRECTORY | OFlags::RDONLY | stay, Mode::empty())?;
        let mut names = path.components().filter(|part| *part != Component::CurDir).peekable();
        while let Some(name) = names.next() {
            let Component::Normal(name) = name else { return Err(Errno::XDEV) };
            let is_last = names.peek().is_none();
            let flags = if is_last { flags } else { OFlags::DIRECTORY | OFlags::RDONLY };
            dir = fs::openat(&dir, name, flags | stay, Mode::empty())?;
        }
        Ok(dir)
    }
}

/// The path below a folder, by its words alone. Errors: in words, a path that leaves.
pub(crate) fn below(folder: &Path, path: &str) -> Result<PathBuf, String> {
    let given = Path::new(path);
    let given = given.strip_prefix(folder).unwrap_or(given);
    let mut below = PathBuf::new();
    for component in given.components() {
        match component {
            Component::Normal(name) => below.push(name),
            Component::CurDir => {}
            Component::ParentDir if below.pop() => {}
            _ => {
                return Err(format!("`{path}` is outside of the folder; paths are relative to it"));
            }
        }
    }
    Ok(below)
}

fn words(path: &str, error: Errno) -> String {
    match error {
        Errno::NOENT => format!("there is no `{path}`"),
        Errno::XDEV | Errno::LOOP => {
            format!("`{path}` leads outside of the folder by a symbolic link")
        }
        Errno::NOTDIR => format!("`{path}`: a part of it is no folder"),
        // A socket, or a device that nothing drives.
        Errno::NXIO => format!("`{path}` is no ordinary file"),
        Errno::ACCESS | Errno::PERM => format!("`{path}`: permission denied"),
        error => format!("`{path}`: {error}"),
    }
}
