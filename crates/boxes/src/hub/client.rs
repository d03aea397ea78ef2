//! The program that boxes speak to the hub with, and where it and the socket stand in a box.

use crate::error::Error;
use crate::sandbox::{Bind, Listen};
use std::fs;
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The client: a static program, built by this crate's `build.rs`.
pub const CLIENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/greenroom-hub"));

/// The folder of it, which is to be in the box's `PATH`.
pub const CLIENT_DIR: &str = "/run/greenroom-bin";

/// Where it stands in a box.
pub const CLIENT_PATH: &str = "/run/greenroom-bin/greenroom-hub";

/// Where the hub's socket stands in a box.
pub const SOCKET_PATH: &str = "/run/greenroom/hub.sock";

/// Where a box sees whether a node has served its hub: `0` if none has. Then the client does not
/// wait for one. Without this file it does.
pub const NODE_PATH: &str = "/run/greenroom-node";

/// The socket, for [`SandboxSpec::listen`](crate::sandbox::SandboxSpec::listen).
#[must_use]
pub fn listen() -> Listen {
    Listen::Unix { path: SOCKET_PATH.into() }
}

/// Puts the client into this folder of the machine, unless it is there, and says how a box sees
/// it: read-only, and as no part of what the box has written.
///
/// # Errors
/// A folder that cannot be written to.
pub fn client_bind(dir: &Path) -> Result<Bind, Error> {
    let hash = blake3::hash(CLIENT).to_hex();
    let source = dir.join(format!("greenroom-hub-{}", hash.get(..16).unwrap_or_default()));
    // What is there under this name was whole when it got it; but it is looked at, as whoever
    // can write there could have put anything in its place.
    if fs::read(&source).is_ok_and(|there| there == CLIENT) {
        return Ok(bind(source));
    }
    let failed = |error| Error::io("write", &source, error);
    fs::create_dir_all(dir).map_err(failed)?;
    let part = dir.join(format!(".greenroom-hub-{}-{}", std::process::id(), next_no()));
    let mut file = fs::OpenOptions::new();
    let written = file.write(true).create_new(true).mode(0o555).open(&part).and_then(|mut file| {
        file.write_all(CLIENT)?;
        file.set_permissions(fs::Permissions::from_mode(0o555))
    });
    if let Err(error) = written.and_then(|()| fs::rename(&part, &source)) {
        // It is nobody's; the failure before it is the one to tell.
        let _ = fs::remove_file(&part);
        return Err(failed(error));
    }
    Ok(bind(source))
}

/// How a box sees the file that [`make_node`] makes.
#[must_use]
pub fn node_bind(source: &Path) -> Bind {
    Bind { source: source.to_owned(), target: NODE_PATH.into(), writable: false }
}

/// Makes the file by which a box sees whether a node serves its hub, or is about to.
///
/// # Errors
/// A folder that cannot be written to.
pub fn make_node(file: &Path, is_there: bool) -> Result<(), Error> {
    let made = fs::write(file, if is_there { "1" } else { "0" });
    // Whoever the box's programs run as, they may read it.
    let open = || fs::set_permissions(file, fs::Permissions::from_mode(0o644));
    made.and_then(|()| open()).map_err(|error| Error::io("write", file, error))
}

/// A node serves the hub of the box that sees this file. Without the file it was not asked.
///
/// # Errors
/// A file that cannot be written to.
pub fn note_node(file: &Path) -> Result<(), Error> {
    // In place: the box sees this file, not its name.
    match fs::OpenOptions::new().write(true).open(file) {
        Ok(file) => file.write_all_at(b"1", 0),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
    .map_err(|error| Error::io("write", file, error))
}

fn bind(source: std::path::PathBuf) -> Bind {
    Bind { source, target: CLIENT_PATH.into(), writable: false }
}

/// So that two threads do not write to one file.
fn next_no() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
