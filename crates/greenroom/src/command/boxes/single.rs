//! `box cp` of a single file: here it is whole under its name or not there, and what stood there
//! before is as it was until then. No link that is there is written through: a box may have
//! made it, by an earlier copy.

use super::words::bytes;
use crate::problem::Problem;
use greenroom_boxes::layer::Bounds;
use rustix::fs::{Mode, OFlags};
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// A file of this machine, to be read.
///
/// # Errors
/// None, or what is no file: a pipe or a device may never end.
pub fn open(from: &Path) -> Result<File, Problem> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(from, flags, Mode::empty());
    let file = File::from(file.map_err(|errno| here("read", from, &errno.into()))?);
    let found = file.metadata().map_err(|error| here("read", from, &error))?;
    if !found.is_file() {
        let words = format!("{} is neither a file nor a folder", from.display());
        let next = "for what a program or a pipe gives, copy from -, standard input";
        return Err(Problem::usage(words).next(next));
    }
    let max = Bounds::default().file_bytes_max;
    match found.len() > max {
        true => Err(too_large(&from.display().to_string(), max)),
        false => Ok(file),
    }
}

/// Copies to the end, as far as a box may have it.
///
/// # Errors
/// More than that; what cannot be read or written.
pub fn stream(from: impl Read, mut to: impl Write, name: &str) -> anyhow::Result<u64> {
    let max = Bounds::default().file_bytes_max;
    let failed = |error: io::Error| Problem::new("failed", format!("cannot copy {name}: {error}"));
    let count = io::copy(&mut from.take(max + 1), &mut to).map_err(failed)?;
    to.flush().map_err(failed)?;
    match count > max {
        true => Err(too_large(name, max).into()),
        false => Ok(count),
    }
}

/// Writes what comes out of a box, with its permissions.
///
/// # Errors
/// A folder that is not there or may not be written to; then what was there is as it was.
pub fn write(file: &mut File, to: &Path) -> anyhow::Result<u64> {
    let name = to.display().to_string();
    let failed = |error: &io::Error| here("write", to, error);
    if to.metadata().is_ok_and(|found| !found.is_file()) {
        // A terminal or a pipe of somebody's, perhaps by a link of the machine's.
        let open = File::options().write(true).open(to).map_err(|error| failed(&error))?;
        return stream(file, open, &name);
    }
    if name.ends_with('/') {
        let words = format!("there is no folder {name}");
        return Err(Problem::usage(words).next("make it first").into());
    }
    let mode = file.metadata().map_err(|error| failed(&error))?.permissions().mode() & 0o777;
    let number = std::process::id();
    let beside = to.with_file_name(format!(".greenroom-copy-{number}-{:x}", super::desk::now_ms()));
    let mut options = File::options();
    let made = options.write(true).create_new(true).mode(0o600).open(&beside);
    let made = made.map_err(|error| failed(&error))?;
    let whole = || {
        let count = stream(file, &made, &name)?;
        let mode = PermissionsExt::from_mode(mode);
        let set = made.set_permissions(mode).and_then(|()| std::fs::rename(&beside, to));
        set.map_err(|error| failed(&error))?;
        Ok(count)
    };
    let copied = whole();
    if copied.is_err() {
        let _ = std::fs::remove_file(&beside);
    }
    copied
}

fn too_large(name: &str, max: u64) -> Problem {
    let words = format!("{name} is larger than the {} that a file of a box may have", bytes(max));
    Problem::new("failed", words)
}

fn here(doing: &str, path: &Path, error: &io::Error) -> Problem {
    Problem::new("failed", format!("cannot {doing} {}: {error}", path.display()))
}
