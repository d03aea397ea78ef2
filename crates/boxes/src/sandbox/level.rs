//! What every isolation level can do.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

use super::error::Error;
use super::making::Making;
use super::owner::Running;
use super::spec::{Enforced, ExecSpec, Living, SandboxSpec};
use super::wire::BoxUsage;
use crate::level_name::LevelName;

/// An isolation level that is there.
pub trait Level: Send + Sync {
    /// Its name.
    fn name(&self) -> LevelName;

    /// Makes a box and waits until it takes commands. All or nothing.
    fn create(&self, spec: &SandboxSpec) -> Result<Box<dyn Sandbox>, Error>;

    /// The living boxes that can be adopted: those that outlive whoever made them.
    fn boxes(&self) -> Result<Vec<Living>, Error> {
        Ok(Vec::new())
    }

    /// Another handle for one of them; `None` when there is none of this name.
    fn adopt(&self, _id: &str) -> Result<Option<Box<dyn Sandbox>>, Error> {
        Ok(None)
    }
}

/// A living box. Dropping it ends it as [`Sandbox::destroy`] does, without a word on failure;
/// but not one that can be adopted, which [`Sandbox::destroy`] alone ends.
pub trait Sandbox: Send + Sync {
    /// Its name.
    fn id(&self) -> &str;

    /// By what each of its limits is held.
    fn enforced(&self) -> &Enforced;

    /// The directory on the host that holds what it wrote; `None` when that is memory. To be read
    /// when the box is frozen or ended; what is in it is as little to be trusted as the box.
    fn upper(&self) -> Option<&Path>;

    /// Starts a command.
    fn exec(&self, spec: &ExecSpec) -> Result<Running, Error>;

    /// Opens a regular file of the box for reading, by the box's own links and rights.
    fn open_file(&self, path: &Path) -> Result<File, Error>;

    /// Makes or truncates a regular file of the box, for writing.
    fn create_file(&self, path: &Path, mode: u32) -> Result<File, Error>;

    /// Makes a folder or a link of the box, or gives a folder its mode, by the box's own links and
    /// rights.
    fn make(&self, _path: &Path, _what: &Making) -> Result<(), Error> {
        let problem = "this isolation level takes no folders; give an archive to a command's \
                       input: [\"tar\", \"x\", \"-C\", \"DIR\"]"
            .to_owned();
        Err(Error::Invalid { field: "path", problem })
    }

    /// The sockets that it was born with, in the order of [`SandboxSpec::listen`]; duplicates of
    /// them, blocking unless somebody set that otherwise. Until they are accepted, connections
    /// wait.
    fn listeners(&self) -> Result<Vec<OwnedFd>, Error> {
        Ok(Vec::new())
    }

    /// A TCP stream to this port of 127.0.0.1 in the box.
    fn connect(&self, _port: u16) -> Result<OwnedFd, Error> {
        let problem = "this isolation level has no ports; ask one that has".to_owned();
        Err(Error::Invalid { field: "port", problem })
    }

    /// Stops every process, and returns when they stand. Limits of time of execs stand still too,
    /// and commands and files cannot be asked for where a cgroup freezes.
    fn freeze(&self) -> Result<(), Error>;

    /// The same until it is thawed or this process dies, whichever is first, where boxes outlive
    /// who uses them.
    fn freeze_for_now(&self) -> Result<(), Error> {
        self.freeze()
    }

    /// Lets them go on.
    fn thaw(&self) -> Result<(), Error>;

    /// What it uses now.
    fn usage(&self) -> Result<BoxUsage, Error>;

    /// Kills everything in it and removes everything of it but a [`super::Upper::Directory`].
    fn destroy(self: Box<Self>) -> Result<(), Error>;
}
