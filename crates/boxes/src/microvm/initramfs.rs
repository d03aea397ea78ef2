//! The layers, as the kernel unpacks them into memory: a cpio archive, without any tool.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// Where the agent is in a guest.
pub const AGENT: &str = ".greenroom-guest";

/// Folders in folders; layers have no more.
const DEPTH_MAX: usize = 256;

const FOLDER: u32 = 0o040_000;

/// What is at each path, the parents first.
type Shown = BTreeMap<PathBuf, PathBuf>;

/// Writes what the layers show, the lowest first, and the agent.
pub fn write(to: &Path, lower: &[PathBuf], agent: &Path) -> io::Result<()> {
    let mut shown = Shown::new();
    for layer in lower {
        lay(layer, Path::new(""), &mut shown, DEPTH_MAX)?;
    }
    let mut archive = Archive { to: BufWriter::new(File::create(to)?), number: 0, written: 0 };
    for (path, source) in &shown {
        archive.source(path, source)?;
    }
    // Empty folders that the agent mounts on, when no layer has them.
    for name in ["dev", "proc", "sys", "tmp"] {
        if !shown.contains_key(Path::new(name)) {
            archive.entry(Path::new(name), FOLDER | 0o755, b"")?;
        }
    }
    archive.entry(Path::new(AGENT), 0o100_755, &fs::read(agent)?)?;
    archive.end()
}

fn lay(layer: &Path, below: &Path, shown: &mut Shown, depth: usize) -> io::Result<()> {
    if depth == 0 {
        return Err(io::Error::other("folders in folders over 256 deep"));
    }
    for entry in fs::read_dir(layer.join(below))? {
        let entry = entry?;
        let path = below.join(entry.file_name());
        let meta = entry.metadata()?;
        let kind = meta.file_type();
        let folder = kind.is_dir() && !is_opaque(&entry.path());
        let was_folder = shown.get(&path).is_some_and(|old| old.is_dir() && !old.is_symlink());
        if !(folder && was_folder) {
            shown.retain(|old, _| !old.starts_with(&path));
        }
        if kind.is_char_device() && meta.rdev() == 0 {
            continue;
        }
        if !(kind.is_dir() || kind.is_file() || kind.is_symlink()) {
            let why = format!("{}: a device, socket or pipe", entry.path().display());
            return Err(io::Error::other(why));
        }
        shown.insert(path.clone(), entry.path());
        if kind.is_dir() {
            lay(layer, &path, shown, depth - 1)?;
        }
    }
    Ok(())
}

fn is_opaque(dir: &Path) -> bool {
    ["user.overlay.opaque", "trusted.overlay.opaque"].into_iter().any(|name| {
        let mut value = [0; 8];
        rustix::fs::lgetxattr(dir, name, &mut value[..]) == Ok(1) && value[0] == b'y'
    })
}

/// The format `newc`.
struct Archive<W> {
    to: W,
    number: u32,
    written: usize,
}

impl<W: Write> Archive<W> {
    fn source(&mut self, path: &Path, source: &Path) -> io::Result<()> {
        let meta = fs::symlink_metadata(source)?;
        let content = match meta.file_type() {
            kind if kind.is_symlink() => fs::read_link(source)?.as_os_str().as_bytes().to_vec(),
            kind if kind.is_file() => fs::read(source)?,
            _ => Vec::new(),
        };
        self.entry(path, meta.mode(), &content)
    }

    fn entry(&mut self, path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
        self.number += 1;
        let name = path.as_os_str().as_bytes();
        let links = if mode & 0o170_000 == FOLDER { 2 } else { 1 };
        let size = u32::try_from(content.len()).map_err(|_| {
            io::Error::other(format!("{}: over 4 GiB, which cpio cannot hold", path.display()))
        })?;
        let length = u32::try_from(name.len() + 1).map_err(io::Error::other)?;
        // Number, mode, owner and group (0), links, time, size, four numbers of devices, the
        // length of the name, no checksum.
        let fields = [self.number, mode, 0, 0, links, 0, size, 0, 0, 0, 0, length, 0];
        let mut head = b"070701".to_vec();
        for field in fields {
            head.extend_from_slice(format!("{field:08x}").as_bytes());
        }
        head.extend_from_slice(name);
        head.push(0);
        self.put(&head)?;
        self.put(content)
    }

    /// Writes, and fills up to four bytes.
    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.written += bytes.len();
        let fill = self.written.next_multiple_of(4) - self.written;
        self.written += fill;
        self.to.write_all(&[0; 4][..fill])
    }

    fn end(&mut self) -> io::Result<()> {
        self.entry(Path::new("TRAILER!!!"), 0, b"")?;
        self.to.flush()
    }
}
