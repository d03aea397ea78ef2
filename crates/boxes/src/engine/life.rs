//! Sandboxes of boxes: started when they are needed, found again, stopped; and what they
//! have written put into the head.

use super::attach::life;
use super::open::{Engine, locked};
use super::records::{BoxRow, Loss};
use super::still::unmark;
use crate::TreePath;
use crate::error::Error;
use crate::layer::{Bounds, Known, lower, scan_upper_again};
use crate::sandbox::{self, Bind, BoxUsage, Sandbox, SandboxSpec, Upper, remove_tree};
use crate::tree::Manifest;
use crate::walls::walls;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Folders that no layer has anything of: sockets and locks, and what is mounted there.
const PASSING: [&str; 2] = ["run", "var/tmp"];

/// The kernel's name for this run of the machine.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

impl Engine {
    pub(super) fn is_running(&self, row: &BoxRow) -> Result<bool, Error> {
        if row.boot.is_none() {
            return Ok(false);
        }
        Ok(self.adopted(row)?.is_some())
    }

    /// What a box has lost of which nothing runs, although nobody has ended it.
    pub(super) fn unseen_loss(&self, row: &BoxRow) -> Result<Option<Loss>, Error> {
        let Some(was) = &row.boot else { return Ok(None) };
        Ok(Some(if *was == boot()? { Loss::Processes } else { Loss::Writes }))
    }

    pub(super) fn adopted(&self, row: &BoxRow) -> Result<Option<Box<dyn Sandbox>>, Error> {
        let image = self.image(&row.image.to_string())?;
        Ok(self.level(image.level)?.adopt(&row.name)?)
    }

    /// The sandbox of a box, started if it does not run.
    pub(super) fn living(&self, name: &str) -> Result<Box<dyn Sandbox>, Error> {
        let row = self.row(name)?;
        if !self.is_still(name)
            && let Some(sandbox) = self.adopted(&row)?
        {
            self.serve(name, life(&row), &*sandbox)?;
            return Ok(sandbox);
        }
        let _held = self.hold(&[name])?;
        self.go_on(name)?;
        let row = self.row(name)?;
        // Somebody else may have started it meanwhile.
        let sandbox = match self.adopted(&row)? {
            Some(sandbox) => sandbox,
            None => self.start(&row)?,
        };
        // Its start has changed the row; nobody else does while the box is held.
        self.serve(name, life(&self.row(name)?), &*sandbox)?;
        Ok(sandbox)
    }

    /// The caller holds the box.
    fn start(&self, row: &BoxRow) -> Result<Box<dyn Sandbox>, Error> {
        self.settle(row, Loss::Processes)?;
        self.forget_writes(row)?;
        let head = self.branches.head(&row.name)?;
        let image = self.image(&row.image.to_string())?;
        let no = row.sandbox.unwrap_or(0) + 1;
        let lowers = head.stack.iter().map(|id| lower(self.branches.store(), *id));
        let lower = lowers.collect::<Result<_, Error>>()?;
        let bind =
            |dir: &PathBuf| Bind { source: dir.clone(), target: dir.clone(), writable: false };
        let mut spec = SandboxSpec {
            id: row.name.clone(),
            lower,
            upper: Upper::Directory(self.upper_dir(&row.name, no)),
            binds: image.machine_dirs.iter().map(bind).collect(),
            limits: walls(&image.limits),
            listen: Vec::new(),
        };
        self.prepare_sockets(&row.name, &image, &mut spec)?;
        // Written down first: whatever happens, somebody will look after what is left.
        self.records.mount(&row.name, no, &head, &boot()?)?;
        Ok(self.level(image.level)?.create(&spec)?)
    }

    pub(super) fn upper_dir(&self, name: &str, no: u64) -> PathBuf {
        self.box_dir(name).join(no.to_string())
    }

    /// Puts into the head what a sandbox that is no more has written. The caller holds the box.
    fn settle(&self, row: &BoxRow, loss: Loss) -> Result<(), Error> {
        let (Some(was), Some(no)) = (&row.boot, row.sandbox) else { return Ok(()) };
        let dir = self.upper_dir(&row.name, no);
        if *was == boot()? {
            // Also beyond its limit of disk: nothing could make room in it any more.
            self.take_in(row, &dir.join("upper"), None)?;
            // Without it there was a row, but never a sandbox.
            if dir.exists() {
                self.lost(&row.name, loss)?;
            }
        } else {
            // The mount does not sync, so nobody knows what of it reached the disk.
            self.lost(&row.name, Loss::Writes)?;
        }
        // First, so that what is half removed is never taken for what the box has written.
        self.records.unmount(&row.name)?;
        remove_tree(&dir).map_err(|error| Error::io("remove", &dir, error))
    }

    /// Puts what stands in an upper folder into the head, at most so many bytes. The box is
    /// frozen or gone.
    fn take_in(&self, row: &BoxRow, upper: &Path, disk: Option<u64>) -> Result<(), Error> {
        let head = self.branches.head(&row.name)?;
        // Somebody has changed the head since: a commit, which froze the box, took this in
        // before it, and had no time to end the box. Nothing was written after that.
        if head.moves != row.moves || !upper.exists() {
            return Ok(());
        }
        let bounds = Bounds::default();
        let total_bytes_max = bounds.total_bytes_max.min(disk.unwrap_or(u64::MAX));
        let bounds = Bounds { total_bytes_max, ..bounds };
        let mut writing = self.branches.store().write()?;
        // Beside the upper folder, and gone with it.
        let noted = upper.with_file_name("known.json");
        let mut known = Known::load(&noted, &self.branches.store().stack(&head.stack)?);
        let written = lasting(&scan_upper_again(upper, &bounds, &mut writing, &mut known)?)?;
        let sealed = self.branches.seal_over(&mut writing, &row.name, &row.mounted, written)?;
        self.records.sealed(&row.name, sealed.head.moves)?;
        // What cannot be noted is read again.
        let _ = known.keep(&noted);
        Ok(())
    }

    /// Puts what a box has written into its head. It stands still meanwhile. The caller holds
    /// the box; what comes back is the sandbox, frozen, if it runs.
    pub(super) fn take_in_frozen(&self, name: &str) -> Result<Option<Frozen>, Error> {
        self.go_on(name)?;
        let row = self.row(name)?;
        let Some(sandbox) = self.adopted(&row)? else {
            self.settle(&row, Loss::Processes)?;
            return Ok(None);
        };
        self.mark_still(name)?;
        let frozen = Frozen { sandbox: Some(sandbox), dir: self.box_dir(name) };
        frozen.freeze()?;
        if let Some(upper) = frozen.upper() {
            let disk = self.image(&row.image.to_string())?.limits.disk_bytes;
            self.take_in(&row, &upper, disk)?;
        }
        Ok(Some(frozen))
    }

    /// Puts what a box has written into its head, so that the machine's end cannot take it.
    ///
    /// # Errors
    /// Devices, sockets and pipes among it, or more than the box's limits allow.
    pub fn seal(&self, name: &str) -> Result<(), Error> {
        let _held = self.hold(&[name])?;
        self.take_in_frozen(name)?;
        self.records.lose(name, None)
    }

    /// Ends what runs in a box. Its files stay; it is started again when it is needed.
    ///
    /// # Errors
    /// As [`Engine::seal`]: then it goes on running.
    pub fn stop(&self, name: &str) -> Result<(), Error> {
        let _held = self.hold(&[name])?;
        self.keep_logs(name)?;
        match self.take_in_frozen(name)? {
            Some(frozen) => self.end_frozen(name, frozen),
            None => Ok(()),
        }
    }

    /// The same, where it stands still.
    pub(super) fn end_frozen(&self, name: &str, mut frozen: Frozen) -> Result<(), Error> {
        match frozen.sandbox.take() {
            Some(sandbox) => self.end(name, sandbox),
            None => Ok(()),
        }
    }

    /// Ends a sandbox of which all was taken in.
    pub(super) fn end(&self, name: &str, sandbox: Box<dyn Sandbox>) -> Result<(), Error> {
        self.unserve(name);
        sandbox.destroy()?;
        let row = self.row(name)?;
        // First, so that what is half removed is never taken for what the box has written.
        self.records.unmount(name)?;
        self.forget_writes(&BoxRow { boot: None, ..row })
    }

    /// Ends a sandbox, whatever becomes of what it has written.
    pub(super) fn kill(&self, name: &str) -> Result<(), Error> {
        self.unserve(name);
        let Some(row) = self.records.find(name)?.filter(|row| row.boot.is_some()) else {
            return Ok(());
        };
        match self.adopted(&row)? {
            Some(sandbox) => Ok(sandbox.destroy()?),
            None => Ok(()),
        }
    }

    /// Opens a file of a box for reading, by the box's own links and rights.
    ///
    /// # Errors
    /// No regular file of this path.
    pub fn open_file(&self, name: &str, path: &Path) -> Result<File, Error> {
        Ok(self.living(name)?.open_file(path)?)
    }

    /// Makes or truncates a file of a box, for writing.
    ///
    /// # Errors
    /// A path that is no file's, or that the box itself may not write to.
    pub fn create_file(&self, name: &str, path: &Path, mode: u32) -> Result<File, Error> {
        Ok(self.living(name)?.create_file(path, mode)?)
    }

    /// A stream to a port of 127.0.0.1 in a box.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(&self, name: &str, port: u16) -> Result<OwnedFd, Error> {
        Ok(self.living(name)?.connect(port)?)
    }

    /// Stops all that runs in a box, until it is thawed.
    ///
    /// # Errors
    /// It does not run.
    pub fn freeze(&self, name: &str) -> Result<(), Error> {
        Ok(self.running(name)?.freeze()?)
    }

    /// Lets it go on.
    ///
    /// # Errors
    /// It does not run.
    pub fn thaw(&self, name: &str) -> Result<(), Error> {
        Ok(self.running(name)?.thaw()?)
    }

    /// What a box uses now, and by what its limits are held.
    ///
    /// # Errors
    /// It does not run.
    pub fn usage(&self, name: &str) -> Result<(BoxUsage, sandbox::Enforced), Error> {
        let sandbox = self.running(name)?;
        Ok((sandbox.usage()?, sandbox.enforced().clone()))
    }

    fn running(&self, name: &str) -> Result<Box<dyn Sandbox>, Error> {
        let row = self.row(name)?;
        let sandbox = self.adopted(&row)?;
        let why = "does not run; a command in it starts it".to_owned();
        sandbox.ok_or_else(|| Error::NotNow { branch: name.to_owned(), why })
    }

    /// Stops serving the sockets of all boxes from this process. They go on, and whoever
    /// uses them next serves them.
    pub fn unserve_all(&self) {
        locked(&self.served).clear();
    }

    /// Stops serving a box's sockets from this process.
    pub(super) fn unserve(&self, name: &str) {
        locked(&self.served).remove(name);
    }
}

/// A sandbox that stands still, and goes on when this is dropped.
pub struct Frozen {
    sandbox: Option<Box<dyn Sandbox>>,
    /// Where it says so to whoever comes next, should this process die.
    dir: PathBuf,
}

impl Frozen {
    fn freeze(&self) -> Result<(), Error> {
        self.sandbox.as_ref().map_or(Ok(()), |sandbox| Ok(sandbox.freeze()?))
    }

    fn upper(&self) -> Option<PathBuf> {
        Some(self.sandbox.as_ref()?.upper()?.to_owned())
    }

    /// Processes beside the first, if somebody counts them.
    pub fn commands(&self) -> Option<u64> {
        let usage = self.sandbox.as_ref()?.usage().ok()?;
        Some(usage.pids?.saturating_sub(1))
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let goes_on = self.sandbox.as_ref().is_none_or(|sandbox| sandbox.thaw().is_ok());
        // Where it does not, and where the mark stays, whoever comes next sees to it.
        if goes_on {
            let _ = unmark(&self.dir);
        }
    }
}

/// Without what is of use only to who runs now.
fn lasting(written: &Manifest) -> Result<Manifest, Error> {
    let passing = |path: &TreePath| {
        PASSING.iter().any(|dir| {
            let below = path.as_str().strip_prefix(dir);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let entries = written.entries().iter().filter(|(path, _)| !passing(path));
    Manifest::new(entries.map(|(path, entry)| (path.clone(), entry.clone())).collect())
}

fn boot() -> Result<String, Error> {
    let boot = std::fs::read_to_string(BOOT).map_err(|error| Error::io("read", BOOT, error))?;
    Ok(boot.trim().to_owned())
}
