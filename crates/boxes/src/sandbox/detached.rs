//! Parts of the file tree as mounts that are nowhere yet: made by who may, attached in the box.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, openat};
use rustix::mount::{MoveMountFlags, OpenTreeFlags, move_mount, open_tree};

use super::sys;

/// What becomes of a part of the tree.
#[derive(Clone, Copy)]
pub struct Detach<'fd> {
    /// With what is mounted below it.
    pub recursive: bool,
    /// Whether nothing can be written through it.
    pub read_only: bool,
    /// The namespace of users whose ids its files' owners are shown as.
    pub id_map: Option<BorrowedFd<'fd>>,
}

/// A copy of the mount of this directory or file, without set-uid and devices.
pub fn detach(path: &Path, how: Detach<'_>) -> io::Result<OwnedFd> {
    let mut flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
    if how.recursive {
        flags |= OpenTreeFlags::AT_RECURSIVE;
    }
    let tree = open_tree(CWD, path, flags)?;
    let mut set = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV;
    if how.read_only {
        set |= libc::MOUNT_ATTR_RDONLY;
    }
    sys::mount_setattr(tree.as_fd(), set, how.id_map)?;
    Ok(tree)
}

/// Puts the mount there. `at` is opened by the caller, so that no link is followed twice.
pub fn attach(tree: &OwnedFd, at: impl AsFd) -> io::Result<()> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    Ok(move_mount(tree, "", at, "", flags)?)
}

/// Puts the mount on this path of the current directory.
pub fn attach_here(tree: &OwnedFd, path: &str) -> io::Result<()> {
    let at = openat(CWD, path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
    attach(tree, at)
}
