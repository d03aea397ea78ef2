//! As one who owns the files and has no right beyond their modes.

use super::*;
use crate::layer::{Bounds, Known, scan, scan_running};
use crate::store::Store;
use crate::tree::Manifest;
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

/// Takes this thread the right to read against a mode.
fn be_nobody_special() {
    let mut own = capabilities(None).unwrap();
    own.effective &= !(CapabilitySet::DAC_OVERRIDE | CapabilitySet::DAC_READ_SEARCH);
    set_capabilities(None, own).unwrap();
}

struct Case {
    _dir: tempfile::TempDir,
    store: Store,
    upper: PathBuf,
}

/// All closed, from the deepest up; the root too.
const CLOSED: [(&str, u32); 6] =
    [("d/e/f", 0o0), ("d/e", 0o100), ("d/look", 0o400), ("d", 0o0), ("file", 0o200), ("", 0o0)];

impl Case {
    fn new() -> Case {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store")).unwrap();
        let upper = dir.path().join("upper");
        std::fs::create_dir_all(upper.join("d/e")).unwrap();
        std::fs::create_dir_all(upper.join("d/look")).unwrap();
        for file in ["d/e/f", "d/look/x", "file"] {
            std::fs::write(upper.join(file), file).unwrap();
        }
        for path in ["file", "d"] {
            let flags = rustix::fs::XattrFlags::empty();
            rustix::fs::setxattr(upper.join(path), "user.note", b"x", flags).unwrap();
        }
        Case { _dir: dir, store, upper }
    }

    fn close(&self) {
        for (path, mode) in CLOSED {
            self.set(path, mode);
        }
    }

    fn set(&self, path: &str, mode: u32) {
        let path = self.upper.join(path);
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn mode(&self, path: &str) -> u32 {
        std::fs::symlink_metadata(self.upper.join(path)).unwrap().mode() & BITS
    }

    fn scan(&self) -> Result<Manifest, Error> {
        let mut writing = self.store.write().unwrap();
        let (bounds, mut known) = (Bounds::default(), Known::default());
        Ok(scan_running(&self.upper, &bounds, &mut writing, &mut known)?.0)
    }

    /// The modes, as far as this user may see them: the outermost is opened, looked into, closed.
    fn check(&self) {
        let mut open = CLOSED;
        open.reverse();
        for (path, mode) in open {
            assert_eq!(self.mode(path), mode, "{path}");
            self.set(path, 0o700);
        }
    }

    fn note(&self) -> PathBuf {
        self.upper.with_extension("closed")
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        for (path, _) in CLOSED.iter().rev() {
            let open = std::fs::Permissions::from_mode(0o700);
            let _ = std::fs::set_permissions(self.upper.join(path), open);
        }
    }
}

#[test]
fn what_a_box_has_closed_is_read_and_closed_again() {
    let case = Case::new();
    case.close();
    // As root reads it, which no mode holds back.
    let all = case.scan().unwrap();
    assert_eq!(all.entries().len(), 6);
    be_nobody_special();
    let again = case.scan().unwrap();
    assert_eq!(again.id(), all.id(), "{again:?}");
    assert!(!case.note().exists());
    case.check();
}

#[test]
fn what_was_opened_by_somebody_who_was_killed_is_closed_first() {
    let case = Case::new();
    case.close();
    let all = case.scan().unwrap();
    be_nobody_special();
    // All open, as in the deepest of the walk, and half a line.
    let mut lines = String::new();
    for (path, was) in CLOSED.into_iter().rev() {
        let inode = std::fs::symlink_metadata(case.upper.join(path)).unwrap().ino();
        let path = Path::new("upper").join(path);
        let opened = Opened { path: path.clone(), inode, was, is: was | 0o500 };
        lines += &(serde_json::to_string(&opened).unwrap() + "\n");
        case.set(path.strip_prefix("upper").unwrap().to_str().unwrap(), was | 0o500);
    }
    std::fs::write(case.note(), lines + "{\"path\":\"upper/fi").unwrap();
    assert_eq!(case.scan().unwrap().id(), all.id());
    assert!(!case.note().exists());
    case.check();
}

#[test]
fn what_fails_in_between_closes_too_and_a_folder_of_the_machine_is_left_alone() {
    let case = Case::new();
    case.close();
    be_nobody_special();
    let mut writing = case.store.write().unwrap();
    let small = Bounds { file_bytes_max: 0, ..Bounds::default() };
    let refused = scan_running(&case.upper, &small, &mut writing, &mut Known::default());
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    let refused = scan(&case.upper, &Bounds::default(), &mut writing).unwrap_err();
    assert!(refused.to_string().contains("ermission denied"), "{refused}");
    assert!(!case.note().exists());
    case.check();
}
