//! Where the boxes of a folder stand that others may have filled: a project's `.greenroom/boxes`
//! comes along with a cloned repository or an archive, a pull writes into it, and so does the
//! export of a box. Of what stands there as layers and boxes nothing may be believed.
//!
//! So boxes stand in a folder of it whose name nobody else can know: a hash of where it is, under
//! a key that is kept in the user's own folder of state, outside of all projects. What boxes are
//! shown of the machine's files stands beside that key, as they see its path among their mounts.

use crate::error::Error;
use crate::random::random;
use crate::store::{is_own, lock, private_dir, sync_dir};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// The file of the key, in the folder of state.
const KEY: &str = "boxes.key";
const KEY_BYTES: usize = 32;

/// So many digits of a hash make a name: too many to be guessed.
const DIGITS: usize = 32;

/// Where boxes stand, and what they are shown.
#[derive(Debug)]
pub(super) struct Place {
    pub dir: PathBuf,
    pub shown: PathBuf,
}

/// The place of the boxes of this folder, which is made if need be.
///
/// # Errors
/// A folder with boxes that were not made there by this user; no folder for the key.
pub(super) fn place(dir: &Path) -> Result<Place, Error> {
    place_of(dir, &roots(&|name| std::env::var_os(name)))
}

/// The same, with the folders in which the key may be, the best first.
fn place_of(dir: &Path, roots: &[Root]) -> Result<Place, Error> {
    let mut private = std::fs::DirBuilder::new();
    let made = private.recursive(true).mode(0o700).create(dir);
    let real = made.and_then(|()| dir.canonicalize());
    let real = real.map_err(|error| Error::io("make", dir, error))?;
    let (state, key) = key(roots)?;
    let name = |what: &str| {
        let mut hasher = blake3::Hasher::new_keyed(&key);
        hasher.update(what.as_bytes()).update(real.as_os_str().as_bytes());
        hasher.finalize().to_hex().chars().take(DIGITS).collect::<String>()
    };
    let own = real.join(name("boxes "));
    if std::fs::symlink_metadata(&own).is_err() {
        nobody_elses(&real, &own)?;
    }
    private_dir(&own)?;
    let shown = state.join("shown");
    private_dir(&shown)?;
    let shown = shown.join(name("shown "));
    private_dir(&shown)?;
    Ok(Place { dir: own, shown })
}

/// Whoever finds boxes there that are not this user's own is told, and not given new ones in
/// silence: they may be those of a folder that was moved.
fn nobody_elses(real: &Path, own: &Path) -> Result<(), Error> {
    let io = |error| Error::io("read", real, error);
    let mut others = Vec::new();
    for entry in std::fs::read_dir(real).map_err(io)? {
        let entry = entry.map_err(io)?;
        // Another process may be quicker.
        if !entry.file_type().map_err(io)?.is_file() && entry.path() != own {
            others.push(entry.path());
        }
    }
    // Somebody else may have named it, so that it is no safe part of a command.
    let is_ours = |path: &Path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let named = name.len() == DIGITS && name.bytes().all(|byte| byte.is_ascii_hexdigit());
        named && path.symlink_metadata().is_ok_and(|found| found.is_dir())
    };
    let adopt = match others.as_slice() {
        [] => return Ok(()),
        [one] if is_ours(one) && !own.to_string_lossy().contains('\'') => {
            format!("mv '{}' '{}'", one.display(), own.display())
        }
        _ => format!("move the one that is yours to {}", own.display()),
    };
    let why = format!(
        "the boxes there were not made by you in this place, so nothing of them is used: they came \
         with a copy of the folder, a cloned repository say, and could show a box your files. To \
         begin anew, remove the folder. If you made them yourself and have moved the folder since, \
         or your folder of state (XDG_STATE_HOME) is a new one: {adopt}"
    );
    Err(Error::refused(real.display().to_string(), why))
}

/// A folder in which the key may be.
#[derive(Debug)]
struct Root {
    /// This must be the user's own already: `sudo` leaves nothing in the home of somebody else.
    within: Option<PathBuf>,
    dir: PathBuf,
}

/// The user's own folder of state, and where there is none one that nobody else can make.
fn roots(env: &dyn Fn(&str) -> Option<OsString>) -> Vec<Root> {
    let user = rustix::process::geteuid();
    let named = |name| env(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    let mut roots = Vec::new();
    if let Some(state) = named("XDG_STATE_HOME") {
        roots.push(Root { within: None, dir: state.join("greenroom") });
    } else if let Some(home) = named("HOME").or_else(std::env::home_dir) {
        roots.push(Root { dir: home.join(".local/state/greenroom"), within: Some(home) });
    }
    if user.is_root() {
        roots.push(Root { within: None, dir: "/var/lib/greenroom".into() });
    }
    // Others may write beside it, not into it.
    let last = format!("/var/tmp/greenroom-{}", user.as_raw());
    roots.push(Root { within: None, dir: last.into() });
    roots
}

/// The key, made if need be, and the folder that it is in.
fn key(roots: &[Root]) -> Result<(PathBuf, [u8; KEY_BYTES]), Error> {
    let mut last = None;
    for root in roots {
        if root.within.as_ref().is_some_and(|home| !home.metadata().is_ok_and(|home| is_own(&home)))
        {
            continue;
        }
        if let Err(error) = private_dir(&root.dir) {
            last = Some(error);
            continue;
        }
        match key_in(&root.dir) {
            Ok(key) => return Ok((root.dir.clone(), key)),
            // One that is there and cannot be used is told: under another one all boxes would
            // seem to be somebody else's.
            Err(error) if root.dir.join(KEY).exists() => return Err(error),
            Err(error) => last = Some(error),
        }
    }
    let why = "there is no folder of your own for the key by which boxes are known; set \
               XDG_STATE_HOME to one that you can write to";
    let last = last.map_or(String::new(), |error| format!(" ({error})"));
    Err(Error::refused("boxes", format!("{why}{last}")))
}

fn key_in(dir: &Path) -> Result<[u8; KEY_BYTES], Error> {
    let path = dir.join(KEY);
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    let _alone = lock(&dir.join("lock"), true)?;
    if let Some(key) = read(&path)? {
        return Ok(key);
    }
    let io = |error| Error::io("write", &path, error);
    let key =
        random::<KEY_BYTES>().map_err(|error| Error::io("get random bytes for", "a key", error))?;
    let beside = path.with_extension("partial");
    let mut file = File::options();
    let mut file =
        file.write(true).create(true).truncate(true).mode(0o600).open(&beside).map_err(io)?;
    file.write_all(&key).and_then(|()| file.sync_all()).map_err(io)?;
    std::fs::rename(&beside, &path).map_err(io)?;
    sync_dir(dir)?;
    Ok(key)
}

fn read(path: &Path) -> Result<Option<[u8; KEY_BYTES]>, Error> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let mut file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::NOENT) => return Ok(None),
        Err(error) => return Err(Error::io("read", path, error)),
    };
    let stat = rustix::fs::fstat(&file).map_err(|error| Error::io("read", path, error))?;
    let alone = stat.st_mode & 0o077 == 0 && stat.st_uid == rustix::process::geteuid().as_raw();
    let mut key = [0; KEY_BYTES];
    let is_file = FileType::from_raw_mode(stat.st_mode).is_file();
    if !alone || !is_file || file.read_exact(&mut key).is_err() {
        let why = "no key that only you can read; remove it, and a new one is made: boxes that are \
                   there must be taken over then";
        return Err(Error::refused(path.display().to_string(), why));
    }
    Ok(Some(key))
}
