//! The sockets a box is born with. Made while this process still may mount; the init keeps them
//! for whoever serves them, and no process of the box ever has one.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat2};
use rustix::mount::{MountFlags, mount, mount_bind_recursive, mount_remount};
use rustix::net::{
    AddressFamily, Ipv4Addr, SocketAddrUnix, SocketAddrV4, SocketFlags, SocketType, bind, listen,
    socket_with,
};

use super::super::spec::Listen;
use super::super::wire::Failure;

const SAFE: MountFlags = MountFlags::NOSUID.union(MountFlags::NODEV).union(MountFlags::NOEXEC);
/// Who connects while nobody accepts waits; beyond this many, the kernel makes them try again.
const BACKLOG: i32 = 128;

/// Makes the sockets, in the order given. The box's root is `/` already.
pub fn open(sockets: &[Listen]) -> Result<Vec<OwnedFd>, Failure> {
    let dirs: BTreeSet<&Path> = sockets.iter().filter_map(Listen::dir).collect();
    cover(&dirs)?;
    let made = sockets.iter().map(one).collect::<Result<_, _>>()?;
    for dir in dirs {
        let flags = MountFlags::BIND | MountFlags::RDONLY | SAFE;
        mount_remount(dir, flags, "")
            .map_err(Failure::at(format!("make `{}` read-only", dir.display())))?;
    }
    Ok(made)
}

/// Puts a file system of their own on the directories. What leads to them becomes mounts too:
/// the kernel lets nobody rename or remove a directory that something is mounted on, so that no
/// other can be put in its place.
fn cover(dirs: &BTreeSet<&Path>) -> Result<(), Failure> {
    let above = dirs.iter().flat_map(|dir| dir.ancestors().skip(1));
    // In order of their names, so that each comes before what is in it.
    let above: BTreeSet<&Path> = above.filter(|dir| dir.parent().is_some()).collect();
    for dir in dirs {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let real = openat2(CWD, *dir, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS);
        real.map_err(Failure::at(format!(
            "the layers hold a link, or no directory, on the way to `{}`",
            dir.display()
        )))?;
    }
    for dir in above {
        mount_bind_recursive(dir, dir)
            .map_err(Failure::at(format!("hold `{}` in its place", dir.display())))?;
    }
    for dir in dirs {
        mount("sockets", *dir, "tmpfs", SAFE, Some(c"mode=755,size=64k,nr_inodes=32"))
            .map_err(Failure::at(format!("mount `{}`", dir.display())))?;
    }
    Ok(())
}

fn one(socket: &Listen) -> Result<OwnedFd, Failure> {
    match socket {
        Listen::Tcp { port } => {
            let address = SocketAddrV4::new(Ipv4Addr::LOCALHOST, *port);
            let made = socket_with(AddressFamily::INET, SocketType::STREAM, CLOEXEC, None);
            made.and_then(|made| bind(&made, &address).map(|()| made))
                .and_then(|made| listen(&made, BACKLOG).map(|()| made))
                .map_err(Failure::at(format!("listen on 127.0.0.1:{port}")))
        }
        Listen::Unix { path } => {
            let made = socket_with(AddressFamily::UNIX, SocketType::STREAM, CLOEXEC, None);
            made.and_then(|made| bind(&made, &SocketAddrUnix::new(path)?).map(|()| made))
                .and_then(|made| listen(&made, BACKLOG).map(|()| made))
                .map_err(Failure::at(format!("listen on `{}`", path.display())))
        }
    }
}

const CLOEXEC: SocketFlags = SocketFlags::CLOEXEC;
