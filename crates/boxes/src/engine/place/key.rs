//! The key by which a user's boxes are known, and the folder in which it is kept.

use crate::error::Error;
use crate::random::random;
use crate::store::{is_own, lock, private_dir, sync_dir};
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// The file of the key, in the folder of state.
pub(super) const KEY: &str = "boxes.key";
const KEY_BYTES: usize = 32;

/// A folder in which the key may be.
#[derive(Debug)]
pub(super) struct Root {
    /// This must be the user's own already: `sudo` leaves nothing in the home of somebody else.
    pub within: Option<PathBuf>,
    /// Somebody said so.
    pub named: bool,
    pub dir: PathBuf,
}

impl Root {
    fn is_usable(&self) -> bool {
        let is_own = |home: &PathBuf| home.metadata().is_ok_and(|home| is_own(&home));
        self.within.as_ref().is_none_or(is_own)
    }

    fn has_key(&self) -> bool {
        let dir = std::fs::symlink_metadata(&self.dir);
        let is_own = dir.is_ok_and(|dir| dir.is_dir() && is_own(&dir));
        is_own && self.is_usable() && self.dir.join(KEY).exists()
    }
}

/// The user's own folder of state, and where there is none one that nobody else can make.
pub(super) fn roots(env: &dyn Fn(&str) -> Option<OsString>) -> Vec<Root> {
    let user = rustix::process::geteuid();
    let named = |name| env(name).map(PathBuf::from).filter(|path: &PathBuf| path.is_absolute());
    let mut roots = Vec::new();
    if let Some(state) = named("XDG_STATE_HOME") {
        roots.push(Root { within: None, named: true, dir: state.join("greenroom") });
    } else if let Some(home) = named("HOME").or_else(std::env::home_dir) {
        let dir = home.join(".local/state/greenroom");
        roots.push(Root { within: Some(home), named: false, dir });
    }
    if user.is_root() {
        roots.push(Root { within: None, named: false, dir: "/var/lib/greenroom".into() });
    }
    // Others may write beside it, not into it.
    let last = format!("/var/tmp/greenroom-{}", user.as_raw());
    roots.push(Root { within: None, named: false, dir: last.into() });
    roots
}

/// The key, made if need be, and the folder that it is in.
pub(super) fn key(roots: &[Root]) -> Result<(PathBuf, [u8; KEY_BYTES]), Error> {
    // Who had no home when the key was made is the same one who has a home now.
    let mut order: Vec<&Root> = roots.iter().collect();
    order.sort_by_key(|root| !root.named && !root.has_key());
    let mut last = None;
    for root in order {
        if !root.is_usable() {
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
