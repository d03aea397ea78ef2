//! Where the boxes of a folder stand that others may have filled: a project's `.greenroom/boxes`
//! comes along with a cloned repository or an archive, a pull writes into it, and so does the
//! export of a box. Of what stands there as layers and boxes nothing may be believed.
//!
//! So boxes stand in a folder of it whose name nobody else can know: a hash of where it is, under
//! a key that is kept in the user's own folder of state, outside of all projects. What boxes are
//! shown of the machine's files stands beside that key, as they see its path among their mounts.

use crate::error::Error;
use crate::sandbox::{Namespace, remove_tree};
use crate::store::{lock, private_dir};
use key::{Root, key, roots};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

mod key;
#[cfg(test)]
mod tests;

/// So many digits of a hash make a name: too many to be guessed.
const DIGITS: usize = 32;

/// In the folder of boxes: for which place it was made. Nobody else can have written it.
const NOTED: &str = "place";

/// In a folder of what boxes are shown: whose it is.
const SHOWN_OF: &str = "of";

/// The same: when these boxes were found gone.
const MISSED: &str = "missed";

/// For how long boxes are gone that are forgotten.
const FORGOTTEN: Duration = Duration::from_secs(14 * 24 * 3600);

/// Where boxes stand, and what they are shown.
#[derive(Debug)]
pub(super) struct Place {
    pub dir: PathBuf,
    pub shown: PathBuf,
}

/// The place of the boxes of this folder, which is made if need be. Boxes that were moved there
/// with their folder have ended when this returns; what they have written is there.
///
/// # Errors
/// A folder with boxes that were not made there by this user, or a link; no folder for the key.
pub(super) fn place(dir: &Path) -> Result<Place, Error> {
    place_of(dir, &roots(&|name| std::env::var_os(name)))
}

/// The same, with the folders in which the key may be, the best first.
fn place_of(dir: &Path, roots: &[Root]) -> Result<Place, Error> {
    // Whoever brought it would say which other folder of boxes this project's are.
    if dir.is_symlink() {
        let why = "a folder is wanted here, and no link to one: name the folder itself";
        return Err(Error::refused(dir.display().to_string(), why));
    }
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
    let all_shown = state.join("shown");
    private_dir(&all_shown)?;
    let shown = all_shown.join(name("shown "));
    private_dir(&shown)?;
    let _ = std::fs::remove_file(shown.join(MISSED));
    settle(&own, &shown)?;
    Ok(Place { dir: own, shown })
}

/// Notes whose these folders are. Boxes that run since their folder stood elsewhere see, and
/// are served, what is of the old place: they end here, and are found as boxes that died.
fn settle(own: &Path, shown: &Path) -> Result<(), Error> {
    let noted = own.join(NOTED);
    let place = own.as_os_str().as_bytes();
    let is_noted = || match std::fs::read(&noted) {
        Ok(found) => Ok(Some(found == place)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::io("read", &noted, error)),
    };
    if is_noted()? == Some(true) && shown.join(SHOWN_OF).exists() {
        return Ok(());
    }
    let _alone = lock(&own.join("place.lock"), true)?;
    match is_noted()? {
        Some(true) | None => {}
        Some(false) => Namespace::end_all(&own.join("spawner"))?,
    }
    let note = |file: &Path, bytes: &[u8]| {
        std::fs::write(file, bytes).map_err(|error| Error::io("write", file, error))
    };
    // Whoever may push to the project must not hear this folder's name, or could write to it.
    note(&own.join(".gitignore"), b"*\n")?;
    note(&shown.join(SHOWN_OF), place)?;
    note(&noted, place)
}

/// Removes what boxes were shown of folders that have been gone for long: they may come back, by
/// a move or a disk. What cannot be removed is left to the next who looks.
pub(super) fn sweep_shown(shown: &Path, now: SystemTime) {
    let entries = shown.parent().map(std::fs::read_dir).into_iter().flatten();
    for dir in entries.flatten().flatten().map(|entry| entry.path()) {
        let of = std::fs::read(dir.join(SHOWN_OF)).unwrap_or_default();
        let of = Path::new(OsStr::from_bytes(&of));
        let is_gone = |error: std::io::Error| error.kind() == ErrorKind::NotFound;
        if !of.is_absolute() || !of.symlink_metadata().is_err_and(is_gone) {
            continue;
        }
        let since = std::fs::metadata(dir.join(MISSED)).and_then(|missed| missed.modified());
        match since.map(|since| now.duration_since(since).unwrap_or_default()) {
            Ok(since) if since > FORGOTTEN => drop(remove_tree(&dir)),
            Ok(_) => {}
            Err(_) => drop(std::fs::write(dir.join(MISSED), "")),
        }
    }
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
         or your folder of state (XDG_STATE_HOME) is a new one, take them over, which ends what \
         runs in them and keeps what it wrote: {adopt}"
    );
    Err(Error::refused(real.display().to_string(), why))
}
