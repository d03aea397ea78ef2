//! The program that boxes speak to the hub with, and where it and the socket stand in a box.

use crate::error::Error;
use crate::sandbox::{Bind, Listen};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

/// The client: a static program, built by this crate's `build.rs`.
pub const CLIENT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/greenroom-hub"));

/// Where it stands in a box. Its folder is to be in the box's `PATH`.
pub const CLIENT_PATH: &str = "/run/greenroom-bin/greenroom-hub";

/// Where the hub's socket stands in a box.
pub const SOCKET_PATH: &str = "/run/greenroom/hub.sock";

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

fn bind(source: std::path::PathBuf) -> Bind {
    Bind { source, target: CLIENT_PATH.into(), writable: false }
}

/// So that two threads do not write to one file.
fn next_no() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
