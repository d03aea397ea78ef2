//! Sandboxes of boxes: started when they are needed, found again, stopped.

use super::attach::life;
use super::locks::Held;
use super::open::{Engine, locked};
use super::records::BoxRow;
use super::sealing::{Ground, boot};
use crate::LevelName;
use crate::error::Error;
use crate::layer::lower;
use crate::sandbox::{self, Bind, BoxUsage, Level, Sandbox, SandboxSpec, Upper};
use crate::walls::walls;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

impl Engine {
    pub(super) fn is_running(&self, row: &BoxRow) -> Result<bool, Error> {
        if row.boot.is_none() {
            return Ok(false);
        }
        Ok(self.adopted(row)?.is_some())
    }

    pub(super) fn adopted(&self, row: &BoxRow) -> Result<Option<Box<dyn Sandbox>>, Error> {
        let image = self.image(&row.image.to_string())?;
        self.ask_level(image.level, |level| level.adopt(&row.name))
    }

    pub(super) fn ask_level<T>(
        &self,
        name: LevelName,
        ask: impl Fn(&dyn Level) -> Result<T, sandbox::Error>,
    ) -> Result<T, Error> {
        match ask(&*self.level(name)?) {
            // It was killed just now: the next one knows.
            Err(sandbox::Error::Spawner) => Ok(ask(&*self.level(name)?)?),
            other => Ok(other?),
        }
    }

    /// The sandbox of a box, started if it does not run. While the lock is kept nobody seals it,
    /// ends it or has it stand still.
    pub(super) fn ready(&self, name: &str) -> Result<(Held, Box<dyn Sandbox>), Error> {
        // A command in the box may be what makes room.
        self.reserve.give_up();
        let held = self.hold(&[name])?;
        let sandbox = self.held_living(name)?;
        self.must_be_awake(name)?;
        Ok((held, sandbox))
    }

    /// The caller holds the box.
    fn held_living(&self, name: &str) -> Result<Box<dyn Sandbox>, Error> {
        let row = self.row(name)?;
        let sandbox = match self.adopted(&row)? {
            Some(sandbox) if self.is_overtaken(&row)? => {
                if self.take_in_frozen(name).is_err() {
                    // Its next sandbox goes on over what this one has written.
                    self.unserve(name);
                    sandbox.destroy()?;
                }
                self.start(&self.row(name)?)?
            }
            Some(sandbox) => sandbox,
            None => self.start(&row)?,
        };
        // Its start has changed the row; nobody else does while the box is held.
        self.serve(name, life(&self.row(name)?), &*sandbox)?;
        Ok(sandbox)
    }

    /// The caller holds the box.
    fn start(&self, row: &BoxRow) -> Result<Box<dyn Sandbox>, Error> {
        let image = self.image(&row.image.to_string())?;
        let no = row.sandbox.unwrap_or(0) + 1;
        let Ground { over, upper, sealed } = self.ground(row, no)?;
        let lowers = over.iter().map(|id| lower(self.branches.store(), *id));
        let lower = lowers.collect::<Result<_, Error>>()?;
        let bind =
            |dir: &PathBuf| Bind { source: dir.clone(), target: dir.clone(), writable: false };
        let mut spec = SandboxSpec {
            id: row.name.clone(),
            lower,
            upper: Upper::Directory(upper),
            binds: image.machine_dirs.iter().map(bind).collect(),
            limits: walls(&image.limits),
            listen: Vec::new(),
        };
        self.prepare_sockets(&row.name, &image, &mut spec)?;
        // Written down first: whatever happens, somebody will look after what is left.
        self.records.mount(&row.name, no, &over, sealed.as_ref(), &boot()?)?;
        Ok(self.level(image.level)?.create(&spec)?)
    }

    pub(super) fn upper_dir(&self, name: &str, no: u64) -> PathBuf {
        self.box_dir(name).join(no.to_string())
    }

    /// Ends what runs in a box. Its files stay; it is started again when it is needed.
    ///
    /// # Errors
    /// As [`Engine::seal`]: then it goes on running.
    pub fn stop(&self, name: &str) -> Result<(), Error> {
        let _held = self.hold(&[name])?;
        self.keep_logs(name)?;
        if let Some(frozen) = self.take_in_frozen(name)? {
            self.end(name, frozen)?;
        }
        Ok(())
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
        let (_held, sandbox) = self.ready(name)?;
        Ok(sandbox.open_file(path)?)
    }

    /// Makes or truncates a file of a box, for writing.
    ///
    /// # Errors
    /// A path that is no file's, or that the box itself may not write to.
    pub fn create_file(&self, name: &str, path: &Path, mode: u32) -> Result<File, Error> {
        let (_held, sandbox) = self.ready(name)?;
        Ok(sandbox.create_file(path, mode)?)
    }

    /// A stream to a port of 127.0.0.1 in a box.
    ///
    /// # Errors
    /// Nobody listens there.
    pub fn connect(&self, name: &str, port: u16) -> Result<OwnedFd, Error> {
        let (held, sandbox) = self.ready(name)?;
        // Who listens may be slow to answer, which holds up nobody else.
        drop(held);
        match sandbox.connect(port) {
            Err(sandbox::Error::Frozen { .. }) => {
                let (_held, sandbox) = self.ready(name)?;
                Ok(sandbox.connect(port)?)
            }
            other => Ok(other?),
        }
    }

    /// What a box uses now, and by what its limits are held.
    ///
    /// # Errors
    /// It does not run.
    pub fn usage(&self, name: &str) -> Result<(BoxUsage, sandbox::Enforced), Error> {
        let sandbox = self.running(name)?;
        Ok((sandbox.usage()?, sandbox.enforced().clone()))
    }

    pub(super) fn running(&self, name: &str) -> Result<Box<dyn Sandbox>, Error> {
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
