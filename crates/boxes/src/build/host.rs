//! The base of the machine's own system: its folders of programs, to be read only, and a small
//! `/etc` of our own. Never the machine's: that has keys, accounts and names of it.

use crate::error::Error;
use crate::path::TreePath;
use crate::store::Writing;
use crate::tree::{Entry, Manifest, Xattrs};
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Folders of programs. Where one is a link, as on most machines, the link is made.
const FOLDERS: [&str; 7] = ["usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"];

/// What there is to write to and to go to.
const EMPTY: [(&str, u32); 7] = [
    ("home", 0o755),
    ("opt", 0o755),
    ("root", 0o700),
    ("run", 0o755),
    ("srv", 0o755),
    ("var", 0o755),
    ("var/tmp", 0o1777),
];

/// Files that are the same on each machine.
const WRITTEN: [(&str, &str); 4] = [
    (
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n",
    ),
    ("etc/group", "root:x:0:\nnogroup:x:65534:\n"),
    ("etc/hosts", "127.0.0.1 localhost\n::1 localhost\n"),
    ("etc/nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
];

/// What programs of the machine do not start or trust without: where libraries are, which of
/// several programs has a name, and whose certificates are good.
const TAKEN: [&str; 10] = [
    "etc/ld.so.cache",
    "etc/ld.so.conf",
    "etc/ld.so.conf.d",
    "etc/alternatives",
    "etc/ssl/certs",
    "etc/ssl/cert.pem",
    "etc/ca-certificates",
    "etc/ca-certificates.conf",
    "etc/pki/tls/certs",
    "etc/pki/ca-trust/extracted",
];

/// What changes when programs are installed or updated.
const STATE: [&str; 11] = [
    "var/lib/dpkg/status",
    "var/lib/rpm",
    "usr/lib/sysimage/rpm",
    "lib/apk/db/installed",
    "var/lib/pacman/local",
    "usr",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/local/bin",
    "usr/local/lib",
];

/// The largest file that is taken, and how deep folders go.
const FILE_BYTES_MAX: u64 = 16 << 20;
const DEPTH_MAX: usize = 8;

pub struct Host {
    pub manifest: Manifest,
    /// Folders that are seen in the box.
    pub dirs: Vec<PathBuf>,
    /// Another one when the machine's programs are others.
    pub state: String,
}

pub fn host(writing: &mut Writing<'_>) -> Result<Host, Error> {
    let root = Path::new("/");
    let (mut entries, mut dirs) = (BTreeMap::new(), Vec::new());
    for name in FOLDERS {
        let path = root.join(name);
        let Ok(metadata) = path.symlink_metadata() else { continue };
        if metadata.is_dir() {
            dirs.push(path);
        } else if metadata.is_symlink() {
            entries.insert(TreePath::new(name)?, link(&path)?);
        }
    }
    for (name, mode) in EMPTY {
        entries.insert(TreePath::new(name)?, Entry::dir(mode));
    }
    for (name, text) in WRITTEN {
        let (hash, size) = writing.blob(&mut text.as_bytes(), FILE_BYTES_MAX)?;
        entries.insert(TreePath::new(name)?, Entry::file(hash, size, 0o644));
    }
    for name in TAKEN {
        take(root, &TreePath::new(name)?, 0, writing, &mut entries)?;
    }
    Ok(Host { manifest: Manifest::with_folders(entries)?, dirs, state: state(root) })
}

/// Takes what everybody may read. What is missing is not needed.
fn take(
    root: &Path,
    name: &TreePath,
    depth: usize,
    writing: &mut Writing<'_>,
    entries: &mut BTreeMap<TreePath, Entry>,
) -> Result<(), Error> {
    let path = root.join(name.as_str());
    let Ok(metadata) = path.symlink_metadata() else { return Ok(()) };
    if metadata.is_symlink() {
        entries.insert(name.clone(), link(&path)?);
    } else if metadata.is_dir() && depth < DEPTH_MAX {
        entries.insert(name.clone(), Entry::dir(0o755));
        let io = |error| Error::io("read", &path, error);
        for item in std::fs::read_dir(&path).map_err(io)? {
            let item = item.map_err(io)?.file_name();
            let Some(child) = item.to_str().and_then(|item| name.join(item).ok()) else { continue };
            take(root, &child, depth + 1, writing, entries)?;
        }
    } else if let Some(bytes) = public(&path, &metadata)? {
        let (hash, size) = writing.blob(&mut bytes.as_slice(), FILE_BYTES_MAX)?;
        let mode = metadata.permissions().mode() & 0o755;
        entries.insert(name.clone(), Entry::File { hash, size, mode, xattrs: Xattrs::new() });
    }
    Ok(())
}

/// A file's bytes, if it is nobody's secret.
fn public(path: &Path, metadata: &Metadata) -> Result<Option<Vec<u8>>, Error> {
    const KEY: &[u8] = b"PRIVATE KEY";
    let everybody = metadata.permissions().mode() & 0o004 != 0;
    if !metadata.is_file() || !everybody || metadata.len() > FILE_BYTES_MAX {
        return Ok(None);
    }
    let bytes = std::fs::read(path).map_err(|error| Error::io("read", path, error))?;
    let key = bytes.windows(KEY.len()).any(|window| window == KEY);
    Ok((!key).then_some(bytes))
}

fn link(path: &Path) -> Result<Entry, Error> {
    let target = path.read_link().map_err(|error| Error::io("read", path, error))?;
    let target = target.into_os_string().into_string();
    let target = target
        .map_err(|_| Error::refused(path.display().to_string(), "a link that is no UTF-8"))?;
    Ok(Entry::Symlink { target })
}

fn state(root: &Path) -> String {
    let mut hasher = blake3::Hasher::new();
    for name in STATE {
        if let Ok(metadata) = root.join(name).metadata() {
            let words = format!(
                "{name} {} {} {}\n",
                metadata.mtime(),
                metadata.mtime_nsec(),
                metadata.len()
            );
            hasher.update(words.as_bytes());
        }
    }
    hasher.finalize().to_hex().to_string()
}
