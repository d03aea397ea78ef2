//! What boxes have written is put into their heads: while they run, and when their sandbox is
//! no more.

use super::freeze::Frozen;
use super::open::{Engine, locked};
use super::records::{BoxRow, Loss, SealedRow};
use super::request::LeftOut;
use crate::TreePath;
use crate::branch::Written;
use crate::error::Error;
use crate::hash::LayerId;
use crate::layer::{Bounds, Known, Omitted, scan_running};
use crate::sandbox::remove_tree;
use crate::tree::Manifest;
use rustix::time::{ClockId, clock_gettime};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Folders that no layer has anything of: sockets and locks, and what is mounted there.
const PASSING: [&str; 2] = ["run", "var/tmp"];

/// The kernel's name for this run of the machine.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// So much that was left out is told at once.
const LEFT_OUT_MAX: usize = 1000;

/// What the next sandbox of a box is made of.
pub(super) struct Ground {
    pub over: Vec<LayerId>,
    pub upper: PathBuf,
    pub sealed: Option<SealedRow>,
}

impl Engine {
    /// Puts what a box has written into its head, so that the machine's end cannot take it.
    ///
    /// # Errors
    /// More than the box's limits allow, or what no layer can have (a name that is no UTF-8).
    /// Sockets, pipes and the right to run as a file's owner are left out: [`Engine::left_out`].
    pub fn seal(&self, name: &str) -> Result<(), Error> {
        let _held = self.hold(&[name])?;
        let seen = self.row(name)?.loss;
        self.take_in_frozen(name)?;
        match seen {
            Some(_) => self.records.lose(name, None),
            None => Ok(()),
        }
    }

    /// What was left out of the boxes that this engine has sealed since it was asked last.
    pub fn left_out(&self) -> Vec<LeftOut> {
        std::mem::take(&mut *locked(&self.left_out)).into_iter().collect()
    }

    /// Puts what a box has written into its head. It stands still meanwhile. The caller holds
    /// the box; what comes back is the sandbox, frozen, if it runs.
    pub(super) fn take_in_frozen(&self, name: &str) -> Result<Option<Frozen>, Error> {
        let row = self.row(name)?;
        let Some(sandbox) = self.adopted(&row)? else {
            self.settle(&row)?;
            return Ok(None);
        };
        let frozen = self.still(sandbox)?;
        let overtaken = self.is_overtaken(&row)?;
        if frozen.writes_to_disk() {
            let dir = self.last_written(name)?.ok_or_else(|| self.gone(name))?;
            let disk = self.image(&row.image.to_string())?.limits.disk_bytes;
            self.take_in(&row, &dir.join("upper"), disk, false)?;
        }
        if overtaken {
            // It sees files that are no more.
            self.lost(name, Loss::Processes)?;
            self.end(name, frozen)?;
            return Ok(None);
        }
        Ok(Some(frozen))
    }

    /// Somebody has removed what a running box writes to.
    fn gone(&self, name: &str) -> Error {
        let why = "the box writes to a folder in it that is gone, and cannot be sealed: copy what \
                   you need out of the box, then remove the box";
        Error::refused(self.box_dir(name).display().to_string(), why)
    }

    /// Whether somebody else gave the head other files than those the box runs over: a commit
    /// into it that had no time to end it.
    pub(super) fn is_overtaken(&self, row: &BoxRow) -> Result<bool, Error> {
        let Some(sealed) = self.records.sealed_row(&row.name)? else { return Ok(false) };
        let stack = self.branches.head(&row.name)?.stack;
        Ok(stack != sealed.now && stack != sealed.was)
    }

    /// Puts into the head what a sandbox that is no more has written. The caller holds the box.
    fn settle(&self, row: &BoxRow) -> Result<(), Error> {
        let Some(loss) = loss(row)? else { return Ok(()) };
        if let Some(dir) = self.last_written(&row.name)? {
            // Also beyond its limit of disk: nothing could make room in it any more.
            self.take_in(row, &dir.join("upper"), None, loss == Loss::Unsynced)?;
            // Without it there was a row, but never a sandbox.
            self.lost(&row.name, loss)?;
        }
        self.forget_sandbox(&row.name)
    }

    /// What the next sandbox of a box stands on. What cannot be sealed keeps no box from
    /// starting: it goes on being written over. The caller holds the box.
    pub(super) fn ground(&self, row: &BoxRow, no: u64) -> Result<Ground, Error> {
        let name = &row.name;
        let failed = self.settle(row).err();
        let head = self.branches.head(name)?;
        let Some(failed) = failed else {
            self.clear_written(name)?;
            let upper = self.upper_dir(name, no);
            return Ok(Ground { over: head.stack, upper, sealed: None });
        };
        let upper = self.last_written(name)?.ok_or(failed)?;
        // Its locks are its own.
        let dir = self.upper_dir(name, no);
        std::fs::create_dir_all(&dir).map_err(|error| Error::io("make", &dir, error))?;
        if let Some(loss) = loss(row)? {
            self.lost(name, loss)?;
        }
        Ok(match self.is_overtaken(row)? {
            true => Ground { over: head.stack, upper, sealed: None },
            false => {
                let sealed = self.records.sealed_row(name)?;
                Ground { over: row.mounted.clone(), upper, sealed }
            }
        })
    }

    /// Puts what stands in an upper folder into the head, at most so many bytes. The box is
    /// frozen or gone. `unsynced`: the machine went down in between.
    fn take_in(
        &self,
        row: &BoxRow,
        upper: &Path,
        disk: Option<u64>,
        unsynced: bool,
    ) -> Result<(), Error> {
        let (name, at_ms) = (&row.name, files_ms());
        let bounds = Bounds::default();
        let total_bytes_max = bounds.total_bytes_max.min(disk.unwrap_or(u64::MAX));
        let bounds = Bounds { total_bytes_max, ..bounds };
        let stack = self.branches.head(name)?.stack;
        let mut writing = self.branches.store().write()?;
        // Beside the upper folder, and gone with it.
        let noted = upper.with_file_name("known.json");
        let mut known = Known::load(&noted, &self.branches.store().stack(&stack)?);
        let scanned = scan_running(upper, &bounds, &mut writing, &mut known);
        let (all, omitted) = scanned.map_err(|error| unsealed(name, error))?;
        let manifest = lasting(&all)?;
        let overtaken = self.is_overtaken(row)?;
        let sealed = self.records.sealed_row(name)?;
        let sealed_ms = sealed.as_ref().map_or(0, |sealed| sealed.at_ms);
        let since = match sealed {
            Some(sealed) if sealed.now != stack => sealed.was,
            _ => stack,
        };
        // What was sealed is on disk there. Of the upper folder that is not known, but what was
        // not touched since is to be as it was sealed.
        let counts = |path: &TreePath| !unsynced || touched_ms(upper, path) >= sealed_ms;
        let written = Written {
            over: &row.mounted,
            manifest,
            since: &since,
            counts: &counts,
            about_to: &|next| match overtaken {
                true => Ok(()),
                false => self.records.sealing(name, next),
            },
        };
        let sealed = self.branches.seal_written(&mut writing, name, written)?;
        // Over other layers than its head's it stays overtaken until it has ended.
        if !overtaken {
            self.records.sealed(name, &sealed.head.stack, at_ms)?;
        }
        // What cannot be noted is read again.
        let _ = known.keep(&noted);
        self.leave_out(name, omitted);
        Ok(())
    }

    fn leave_out(&self, name: &str, omitted: Vec<Omitted>) {
        let mut left_out = locked(&self.left_out);
        for Omitted { path, what } in omitted.into_iter().filter(|one| !is_passing(&one.path)) {
            if left_out.len() < LEFT_OUT_MAX {
                let (name, path) = (name.to_owned(), path.as_str().to_owned());
                left_out.insert(LeftOut { name, path, what });
            }
        }
    }

    /// Ends a sandbox of which all was taken in.
    pub(super) fn end(&self, name: &str, frozen: Frozen) -> Result<(), Error> {
        self.unserve(name);
        frozen.destroy()?;
        self.forget_sandbox(name)
    }

    /// The row first: of a folder that is removed in part nothing may be taken in.
    fn forget_sandbox(&self, name: &str) -> Result<(), Error> {
        self.records.unmount(name)?;
        // What stays is removed before the box is started again.
        let _ = self.clear_written(name);
        Ok(())
    }

    /// Where a box's sandboxes have written, the latest last.
    fn written_dirs(&self, name: &str) -> Result<Vec<PathBuf>, Error> {
        let dir = self.box_dir(name);
        // A link there would have what it leads to removed.
        if dir.is_symlink() {
            let why = "a link where a box writes: nothing of ours made it; remove it";
            return Err(Error::refused(dir.display().to_string(), why));
        }
        let entries = match std::fs::read_dir(&dir) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(Error::io("read", &dir, error)),
        };
        let number = |entry: &std::fs::DirEntry| entry.file_name().to_str()?.parse::<u64>().ok();
        let mut numbers: Vec<u64> = entries.flatten().filter_map(|one| number(&one)).collect();
        numbers.sort_unstable();
        Ok(numbers.into_iter().map(|number| dir.join(number.to_string())).collect())
    }

    pub(super) fn last_written(&self, name: &str) -> Result<Option<PathBuf>, Error> {
        let dirs = self.written_dirs(name)?;
        Ok(dirs.into_iter().rfind(|dir| dir.join("upper").exists()))
    }

    /// What a crash has left of a box that is there: the folder of a sandbox that has ended.
    pub(super) fn mend(&self, row: &BoxRow) -> Result<(), Error> {
        if row.boot.is_some() || self.written_dirs(&row.name)?.is_empty() {
            return Ok(());
        }
        let _held = self.hold(&[&row.name])?;
        match self.row(&row.name)?.boot {
            Some(_) => Ok(()),
            None => self.clear_written(&row.name),
        }
    }

    fn clear_written(&self, name: &str) -> Result<(), Error> {
        for dir in self.written_dirs(name)? {
            remove_tree(&dir).map_err(|error| Error::io("remove", &dir, error))?;
        }
        Ok(())
    }
}

/// What the end of a box's sandbox takes from it, if it has one that does not run any more.
pub(super) fn loss(row: &BoxRow) -> Result<Option<Loss>, Error> {
    Ok(match &row.boot {
        None => None,
        Some(was) if *was == boot()? => Some(Loss::Processes),
        Some(_) => Some(Loss::Unsynced),
    })
}

pub(super) fn boot() -> Result<String, Error> {
    let boot = std::fs::read_to_string(BOOT).map_err(|error| Error::io("read", BOOT, error))?;
    Ok(boot.trim().to_owned())
}

fn unsealed(name: &str, error: Error) -> Error {
    let next = format!(
        "box `{name}` runs and starts as it is, but cannot be sealed with this: remove it by a \
         command in the box"
    );
    match error {
        Error::Refused { path, why } => Error::Refused { path, why: format!("{why}; {next}") },
        // A file of the box's that this user does not own.
        Error::Io { doing, source } if source.kind() == ErrorKind::PermissionDenied => {
            Error::Io { doing: format!("{next}, or give it to who runs the box: {doing}"), source }
        }
        error => error,
    }
}

/// Without what is of use only to who runs now.
fn lasting(written: &Manifest) -> Result<Manifest, Error> {
    let entries = written.entries().iter().filter(|(path, _)| !is_passing(path));
    Manifest::new(entries.map(|(path, entry)| (path.clone(), entry.clone())).collect())
}

fn is_passing(path: &TreePath) -> bool {
    PASSING.iter().any(|dir| {
        let below = path.as_str().strip_prefix(dir);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// Milliseconds since 1970 by the clock that files' times are of.
fn files_ms() -> u64 {
    let now = clock_gettime(ClockId::RealtimeCoarse);
    ms(now.tv_sec, now.tv_nsec)
}

fn ms(seconds: i64, nanoseconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0) * 1000 + u64::try_from(nanoseconds).unwrap_or(0) / 1_000_000
}

/// When a path, or the folder that it is gone from, was touched last. A box cannot set this time.
fn touched_ms(upper: &Path, path: &TreePath) -> u64 {
    let (mut at, mut touched) = (upper.to_owned(), 0);
    for name in std::iter::once("").chain(path.as_str().split('/')) {
        if !name.is_empty() {
            at.push(name);
        }
        // No link is followed.
        let Ok(found) = std::fs::symlink_metadata(&at) else { break };
        touched = ms(found.ctime(), found.ctime_nsec());
        if !found.is_dir() {
            break;
        }
    }
    touched
}
