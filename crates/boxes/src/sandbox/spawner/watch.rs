//! Holds a box to what it may have on the disk, where the file system cannot: looks again and
//! again, and kills what runs in a box that has gone over it.
//!
//! A look at the file system's own counters is cheap. Only when they have grown so much that the
//! box may be over, or after a while, its files are counted, in a process of its own.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::Read;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, ResolveFlags, Stat, openat, openat2, statat, statfs,
    statvfs,
};
use rustix::process::{
    Pid, Signal, WaitOptions, kill_process, pidfd_send_signal, set_parent_process_death_signal,
    waitpid,
};

use crate::sandbox::sys::{self, Birth, Side};

/// Between two looks.
pub const LOOK_MS: u64 = 200;

/// The files are counted at least so often: while others free what the box takes, the file
/// system does not grow.
const COUNT_MS: u64 = 5000;

/// What a file, folder or link takes at least, so that the limit is one on their number too.
const ENTRY_BYTES: u64 = 4096;

/// The kind of file system that a box's root is.
const OVERLAY: u64 = 0x794c_7630;

/// The watch over one box.
pub struct Watch {
    upper: PathBuf,
    limit: u64,
    /// What was counted last, and when, with what the file system held then.
    counted: u64,
    counted_ms: u64,
    looked_ms: u64,
    held: u64,
    /// What the file system held when the box began.
    held_first: u64,
    counting: Option<Counting>,
    /// The last count was the end of what ran. What had been written after it began is nobody's
    /// who runs now: the next count only sees how much there is.
    killed: bool,
}

/// A count under way. It ends with this.
struct Counting {
    pid: Pid,
    pidfd: OwnedFd,
    said: OwnedFd,
    held: u64,
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Count {
    bytes: u64,
    /// Whether there was a folder that could not be read.
    hidden: bool,
}

impl Watch {
    /// A watch over what is written to this folder.
    pub fn new(upper: PathBuf, limit: u64, now_ms: u64) -> Self {
        let held = held(&upper);
        Self {
            upper,
            limit,
            counted: 0,
            counted_ms: now_ms,
            looked_ms: now_ms,
            held,
            held_first: held,
            counting: None,
            killed: false,
        }
    }

    /// What is readable when a count is done.
    pub fn said(&self) -> Option<BorrowedFd<'_>> {
        self.counting.as_ref().map(|counting| counting.said.as_fd())
    }

    /// Looks, and begins to count if there is reason to.
    pub fn look(&mut self, init: Pid, now_ms: u64) {
        if now_ms.saturating_sub(self.looked_ms) < LOOK_MS {
            return;
        }
        self.looked_ms = now_ms;
        let held = held(&self.upper);
        let grown = held.saturating_sub(self.held);
        let room = self.limit.saturating_sub(self.counted);
        if grown > room / 2 || now_ms.saturating_sub(self.counted_ms) >= COUNT_MS {
            self.counted_ms = now_ms;
            self.counting = Counting::start(&self.upper, init, held);
        }
    }

    /// Takes in a count that is done. Whether the box is over its limit, and has more than when
    /// it was counted last: whoever removes something may go on.
    pub fn is_over(&mut self) -> bool {
        let Some(counting) = self.counting.take() else { return false };
        let Some(count) = counting.result() else { return false };
        let hidden = held(&self.upper).saturating_sub(self.held_first);
        let bytes = if count.hidden { count.bytes.max(hidden) } else { count.bytes };
        let over = bytes > self.limit && bytes > self.counted && !self.killed;
        (self.counted, self.held, self.killed) = (bytes, counting.held, over);
        over
    }
}

/// Kills all that runs in a box but its init: a minder that is killed takes everything along.
pub fn kill_all_in(init: Pid) {
    let children = children(init);
    // A kernel that does not tell them: then the box ends.
    for pid in if children.is_empty() { vec![init] } else { children } {
        let _ = kill_process(pid, Signal::KILL);
    }
}

impl Counting {
    fn start(upper: &Path, init: Pid, held: u64) -> Option<Self> {
        let (said, told) = std::io::pipe().ok()?;
        match sys::clone_process(&Birth { namespaces: 0, cgroup: None }).ok()? {
            Side::Parent(pid, pidfd) => Some(Self { pid, pidfd, said: said.into(), held }),
            Side::Child => {
                let told = OwnedFd::from(told);
                let _ = sys::close_all_but(&[told.as_raw_fd()]);
                let _ = set_parent_process_death_signal(Some(Signal::KILL));
                let mut count = count(upper);
                count.bytes = count.bytes.saturating_add(unnamed(init));
                let mut words = count.bytes.to_ne_bytes().to_vec();
                words.push(u8::from(count.hidden));
                sys::exit_now(i32::from(rustix::io::write(&told, &words) != Ok(words.len())));
            }
        }
    }

    fn result(&self) -> Option<Count> {
        let mut words = [0; 9];
        File::from(self.said.try_clone().ok()?).read_exact(&mut words).ok()?;
        let [bytes @ .., hidden] = words;
        Some(Count { bytes: u64::from_ne_bytes(bytes), hidden: hidden != 0 })
    }
}

impl Drop for Counting {
    fn drop(&mut self) {
        let _ = pidfd_send_signal(self.pidfd.as_fd(), Signal::KILL);
        let _ = waitpid(Some(self.pid), WaitOptions::empty());
    }
}

/// Bytes and entries that a folder's file system holds.
fn held(dir: &Path) -> u64 {
    let Ok(stat) = statvfs(dir) else { return 0 };
    let bytes = stat.f_blocks.saturating_sub(stat.f_bfree).saturating_mul(stat.f_frsize);
    let entries = stat.f_files.saturating_sub(stat.f_ffree).saturating_mul(ENTRY_BYTES);
    bytes.saturating_add(entries)
}

/// What a file takes on the disk, or would take in a layer if that is more.
fn size(stat: &Stat) -> u64 {
    let blocks = u64::try_from(stat.st_blocks).unwrap_or(0).saturating_mul(512);
    let shown = match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => u64::try_from(stat.st_size).unwrap_or(0),
        _ => 0,
    };
    blocks.max(shown).max(ENTRY_BYTES)
}

/// All that is below a folder, whatever becomes of it meanwhile. No link is followed.
fn count(upper: &Path) -> Count {
    let mut count = Count::default();
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let Ok(top) = openat(CWD, upper, flags, Mode::empty()) else { return count };
    let mut waiting = vec![PathBuf::from(".")];
    while let Some(path) = waiting.pop() {
        let inside = ResolveFlags::BENEATH | ResolveFlags::NO_SYMLINKS;
        let opened = openat2(&top, &path, flags, Mode::empty(), inside);
        let Ok((entries, folder)) = opened.and_then(|dir| Ok((Dir::read_from(&dir)?, dir))) else {
            // What is gone is not counted; what cannot be read may hold anything.
            count.hidden |= statat(&top, &path, AtFlags::SYMLINK_NOFOLLOW).is_ok();
            continue;
        };
        for entry in entries.flatten() {
            if matches!(entry.file_name().to_bytes(), b"." | b"..") {
                continue;
            }
            let Ok(stat) = statat(&folder, entry.file_name(), AtFlags::SYMLINK_NOFOLLOW) else {
                continue;
            };
            count.bytes = count.bytes.saturating_add(size(&stat));
            if FileType::from_raw_mode(stat.st_mode) == FileType::Directory {
                let name = std::ffi::OsStr::new(entry.file_name().to_str().unwrap_or(""));
                count.hidden |= name.is_empty();
                waiting.extend((!name.is_empty()).then(|| path.join(name)));
            }
        }
    }
    count
}

/// What processes of the box hold open of files that have no name any more.
fn unnamed(init: Pid) -> u64 {
    let (mut bytes, mut seen) = (0_u64, BTreeSet::new());
    let mut waiting = children(init);
    while let Some(pid) = waiting.pop() {
        waiting.extend(children(pid));
        let open = PathBuf::from(format!("/proc/{}/fd", pid.as_raw_nonzero()));
        for file in fs::read_dir(open).into_iter().flatten().flatten() {
            let Ok(stat) = fs::metadata(file.path()) else { continue };
            let new = stat.is_file() && stat.nlink() == 0 && seen.insert((stat.dev(), stat.ino()));
            // What is memory has limits of its own.
            if new && statfs(file.path()).is_ok_and(|of| of.f_type as u64 == OVERLAY) {
                bytes = bytes.saturating_add(stat.blocks().saturating_mul(512));
            }
        }
    }
    bytes
}

/// The children of a process, all of its threads'.
fn children(pid: Pid) -> Vec<Pid> {
    let tasks = fs::read_dir(format!("/proc/{}/task", pid.as_raw_nonzero()));
    let mut children = Vec::new();
    for task in tasks.into_iter().flatten().flatten() {
        let text = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        children.extend(text.split(' ').filter_map(|word| Pid::from_raw(word.parse().ok()?)));
    }
    children
}
