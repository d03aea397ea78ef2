//! Ordinary files, read whole and within bounds: a pipe would be waited for, a device
//! never ends, and a file that is too large is none of a project's.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

#[cfg(test)]
mod tests;

/// Opens it.
///
/// # Errors
/// There is none, it cannot be read, or it is no ordinary file.
pub fn open(path: &Path) -> io::Result<File> {
    check(&std::fs::metadata(path)?)?;
    // Another may have taken its place since.
    let flags = rustix::fs::OFlags::NONBLOCK.bits();
    let flags = i32::try_from(flags).map_err(io::Error::other)?;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    check(&file.metadata()?)?;
    Ok(file)
}

/// All of its text.
///
/// # Errors
/// As [`open`]; it is larger than `max` bytes, or no text.
pub fn read_text(path: &Path, max: u64) -> io::Result<String> {
    let (file, mut text) = (open(path)?, String::new());
    let too_large = || io::Error::other(format!("it is larger than {max} bytes"));
    if file.metadata()?.len() > max {
        return Err(too_large());
    }
    let bytes = file.take(max + 1).read_to_string(&mut text)?;
    match u64::try_from(bytes) {
        Ok(bytes) if bytes <= max => Ok(text),
        _ => Err(too_large()),
    }
}

fn check(about: &Metadata) -> io::Result<()> {
    match about.is_file() {
        true => Ok(()),
        false => Err(io::Error::other("it is no ordinary file, and is not read")),
    }
}
