//! Where a staying spawner is found: a socket in its state directory, for its own user alone. Once
//! that has been removed, nobody finds it again.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags, flock, fstat, inotify, openat, unlinkat};
use rustix::net::sockopt::socket_peercred;
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, accept_with, bind, listen, socket_with,
};
use rustix::process::{geteuid, umask};

use crate::sandbox::wire::{self, Hello, PROTOCOL};

/// The name of the socket in the state directory.
pub const SOCKET: &str = "spawner.sock";

/// The socket that owners connect to.
pub struct Door {
    pub socket: OwnedFd,
    dir: File,
    /// The socket as a file, which can be asked for its links.
    file: OwnedFd,
    /// Readable when those may have changed. Where the user has no inotify left it is only noticed
    /// with the next of other things.
    changed: Option<OwnedFd>,
}

impl Door {
    /// Whoever calls holds the lock on the directory, and has made sure that nobody is there.
    pub fn open(state: &Path) -> io::Result<Self> {
        let dir = File::open(state)?;
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let socket = socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?;
        // By the descriptor: the path may be longer than a socket's name can be.
        let address = SocketAddrUnix::new(format!("/proc/self/fd/{}/{SOCKET}", dir.as_raw_fd()))?;
        let mask = umask(Mode::from_raw_mode(0o177));
        let bound = bind(&socket, &address);
        umask(mask);
        bound?;
        listen(&socket, 128)?;
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = openat(&dir, SOCKET, flags, Mode::empty())?;
        let changed = changes(&file).ok();
        Ok(Self { socket, dir, file, changed })
    }

    /// What is readable when [`Self::is_gone`] is worth a look.
    pub fn changed(&self) -> Option<BorrowedFd<'_>> {
        self.changed.as_ref().map(AsFd::as_fd)
    }

    /// Whether the socket was removed, as it is with its directory. One that was moved is there.
    pub fn is_gone(&self) -> bool {
        if let Some(changed) = &self.changed {
            // What it tells may as well be a change of rights.
            let _ = rustix::io::read(changed, &mut [0; 1024]);
        }
        fstat(&self.file).is_ok_and(|stat| stat.st_nlink == 0)
    }

    /// Lets one owner in, if it is this user's.
    pub fn admit(&self) -> Option<OwnedFd> {
        let owner = accept_with(&self.socket, SocketFlags::CLOEXEC).ok()?;
        if socket_peercred(&owner).ok()?.uid != geteuid() {
            return None;
        }
        let hello = Hello {
            protocol: PROTOCOL,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
        };
        wire::send(&owner, &hello, &[]).ok()?;
        Some(owner)
    }

    /// Closes it for ever, if nobody stands at it. Who attaches holds the lock meanwhile; once it
    /// is ours, and until this process is gone, nobody can come.
    pub fn close(&self) -> bool {
        if flock(&self.dir, FlockOperation::NonBlockingLockExclusive).is_err() {
            return false;
        }
        if wire::wait(&self.socket, 0) {
            let _ = flock(&self.dir, FlockOperation::Unlock);
            return false;
        }
        let _ = unlinkat(&self.dir, SOCKET, AtFlags::empty());
        true
    }
}

/// Readable when a file's links, or its rights, change.
fn changes(file: &OwnedFd) -> io::Result<OwnedFd> {
    let changes = inotify::init(inotify::CreateFlags::CLOEXEC | inotify::CreateFlags::NONBLOCK)?;
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    inotify::add_watch(&changes, path, inotify::WatchFlags::ATTRIB)?;
    Ok(changes)
}
