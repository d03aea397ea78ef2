//! `/proc` and `/dev` of a box. Works on the current directory, which is its root to be.
//!
//! A fresh `/proc` is a hole when the box's root is the host's: one could write the host's
//! `core_pattern` through it. Here the ids keep that out, and these mounts do once more.

use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat, symlinkat};
use rustix::mount::{MountFlags, mount, mount_bind, mount_remount};

use super::super::wire::Failure;

const SAFE: MountFlags = MountFlags::NOSUID.union(MountFlags::NOEXEC);

/// Settings of the whole host: there to be read, as programs expect.
const READ_ONLY: [&str; 7] = [
    "proc/sys",
    "proc/sysrq-trigger",
    "proc/irq",
    "proc/bus",
    "proc/fs",
    "proc/mtrr",
    "proc/driver",
];
/// Files on which no program in a box depends, and which tell of the host.
const MASKED_FILES: [&str; 11] = [
    "proc/kcore",
    "proc/kmsg",
    "proc/keys",
    "proc/key-users",
    "proc/kallsyms",
    "proc/timer_list",
    "proc/sched_debug",
    "proc/interrupts",
    "proc/cmdline",
    "proc/partitions",
    "proc/diskstats",
];
const MASKED_DIRECTORIES: [&str; 3] = ["proc/acpi", "proc/scsi", "proc/asound"];

/// Mounts `/proc`: its own processes, and of the host nothing that can be written.
pub fn processes() -> Result<(), Failure> {
    mount("proc", "proc", "proc", SAFE | MountFlags::NODEV, None)
        .map_err(Failure::at("mount /proc"))?;
    for path in READ_ONLY.into_iter().filter(|path| Path::new(path).exists()) {
        read_only(path, path)?;
    }
    for path in MASKED_FILES.into_iter().filter(|path| Path::new(path).exists()) {
        mount_bind("/dev/null", path).map_err(Failure::at(format!("mask /{path}")))?;
    }
    for path in MASKED_DIRECTORIES.into_iter().filter(|path| Path::new(path).exists()) {
        let flags = SAFE | MountFlags::NODEV | MountFlags::RDONLY;
        mount("mask", path, "tmpfs", flags, Some(c"size=0,mode=755"))
            .map_err(Failure::at(format!("mask /{path}")))?;
    }
    Ok(())
}

fn read_only(source: &str, target: &str) -> Result<(), Failure> {
    let stage = || format!("make /{target} read-only");
    mount_bind(source, target).map_err(Failure::at(stage()))?;
    let flags = MountFlags::BIND | MountFlags::RDONLY | SAFE | MountFlags::NODEV;
    mount_remount(target, flags, "").map_err(Failure::at(stage()))
}

/// Makes `/dev`: six harmless devices of the host's and terminals of its own.
pub fn devices() -> Result<(), Failure> {
    mount("dev", "dev", "tmpfs", SAFE, Some(c"mode=755,size=1m,nr_inodes=256"))
        .map_err(Failure::at("mount /dev"))?;
    for name in ["null", "zero", "full", "random", "urandom", "tty"] {
        let path = format!("dev/{name}");
        mknodat(CWD, &path, FileType::RegularFile, Mode::from_raw_mode(0o666), 0)
            .map_err(Failure::at(format!("make /{path}")))?;
        mount_bind(format!("/dev/{name}"), &path).map_err(Failure::at(format!("bind /{path}")))?;
    }
    for name in ["pts", "shm"] {
        rustix::fs::mkdir(format!("dev/{name}"), Mode::from_raw_mode(0o755))
            .map_err(Failure::at(format!("make /dev/{name}")))?;
    }
    mount("pts", "dev/pts", "devpts", SAFE, Some(c"newinstance,ptmxmode=0666,mode=620"))
        .map_err(Failure::at("mount /dev/pts"))?;
    mount(
        "shm",
        "dev/shm",
        "tmpfs",
        SAFE | MountFlags::NODEV,
        Some(c"mode=1777,size=64m,nr_inodes=4096"),
    )
    .map_err(Failure::at("mount /dev/shm"))?;
    let links = [
        ("pts/ptmx", "dev/ptmx"),
        ("/proc/self/fd", "dev/fd"),
        ("/proc/self/fd/0", "dev/stdin"),
        ("/proc/self/fd/1", "dev/stdout"),
        ("/proc/self/fd/2", "dev/stderr"),
    ];
    for (to, path) in links {
        symlinkat(to, CWD, path).map_err(Failure::at(format!("make /{path}")))?;
    }
    let flags = MountFlags::RDONLY | SAFE;
    mount_remount("dev", MountFlags::BIND | flags, "").map_err(Failure::at("make /dev read-only"))
}
