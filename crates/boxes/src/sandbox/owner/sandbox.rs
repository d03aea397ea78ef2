//! A living box of the level `namespace`: the socket to its init, and its end.

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::client::{Spawner, system};
use super::running::Running;
use crate::sandbox::error::Error;
use crate::sandbox::level::Sandbox;
use crate::sandbox::spec::{Enforced, Enforcement, ExecSpec, SandboxSpec, Upper};
use crate::sandbox::state::remove_tree;
use crate::sandbox::wire::{self, Born, BoxUsage, Check, FromInit, FromSpawner, ToInit, ToSpawner};

pub struct NamespaceBox {
    id: String,
    enforced: Enforced,
    /// The socket to the init. Locked from a question to its answer.
    control: Mutex<OwnedFd>,
    spawner: Arc<Spawner>,
    number: u64,
    /// Where writes go on the host.
    upper: Option<PathBuf>,
    /// What to delete in the end.
    leftover: Option<PathBuf>,
    /// By cgroup: then not even the init answers.
    frozen: AtomicBool,
    ended: bool,
}

impl NamespaceBox {
    pub fn new(spec: &SandboxSpec, born: Born, control: OwnedFd, spawner: Arc<Spawner>) -> Self {
        let dir = born.upper.map(PathBuf::from);
        let leftover = match &spec.upper {
            Upper::Directory(dir) => Some(dir.join("work")),
            _ => dir.clone(),
        };
        Self {
            id: spec.id.clone(),
            enforced: born.enforced,
            control: Mutex::new(control),
            spawner,
            number: born.number,
            upper: dir.map(|dir| dir.join("upper")),
            leftover,
            frozen: AtomicBool::new(false),
            ended: false,
        }
    }

    fn key(&self) -> (String, u64) {
        (self.id.clone(), self.number)
    }

    /// The socket to the init, when it can answer.
    fn init(&self) -> Result<MutexGuard<'_, OwnedFd>, Error> {
        if self.frozen.load(Ordering::Acquire) {
            return Err(Error::Frozen { id: self.id.clone() });
        }
        Ok(self.control.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn gone(&self, why: &str) -> Error {
        Error::Gone { id: self.id.clone(), why: why.to_owned() }
    }

    /// Has the init try each mechanism.
    pub fn probe(&self) -> Result<Vec<Check>, Error> {
        match self.ask(&ToInit::Probe)? {
            (FromInit::Probed(checks), _) => Ok(checks),
            _ => Err(self.gone("its init does not know the question")),
        }
    }

    /// Sends to the init and waits for its answer.
    fn ask(&self, message: &ToInit) -> Result<(FromInit, Vec<OwnedFd>), Error> {
        let control = self.init()?;
        wire::send(&*control, message, &[]).map_err(|_| self.gone("its init is not there"))?;
        let answer = wire::receive::<FromInit>(&*control);
        match answer.map_err(Error::system("hear from the box's init"))? {
            Some((FromInit::Failed(failure), _)) => Err(system(failure)),
            Some(answer) => Ok(answer),
            None => Err(self.gone("its init died")),
        }
    }

    fn ask_spawner(&self, message: &ToSpawner) -> Result<FromSpawner, Error> {
        let reply = self.spawner.ask(message)?;
        let answer = wire::receive::<FromSpawner>(&reply);
        match answer.map_err(Error::system("hear from the spawner of boxes"))? {
            Some((FromSpawner::Failed(failure), _)) => Err(system(failure)),
            Some((answer, _)) => Ok(answer),
            None => Err(Error::Spawner),
        }
    }

    fn file(&self, path: &Path, mode: Option<u32>) -> Result<File, Error> {
        let Some(text) = path.to_str().filter(|_| path.is_absolute()) else {
            let problem = format!("`{}` is not an absolute path in UTF-8", path.display());
            return Err(Error::Invalid { field: "path", problem });
        };
        let opened =
            self.ask(&ToInit::Open(text.to_owned(), mode)).map_err(|error| match error {
                Error::System { source, .. } => {
                    Error::Setup { id: self.id.clone(), stage: format!("open `{text}`"), source }
                }
                other => other,
            })?;
        let file = opened.1.into_iter().next().map(File::from);
        // Asked once more on this side: anything else could be waited on for ever.
        let file = file.filter(|file| file.metadata().is_ok_and(|meta| meta.is_file()));
        file.ok_or_else(|| self.gone("its init sent no file"))
    }

    fn stop(&self, stop: bool) -> Result<(), Error> {
        if self.enforced.freeze == Enforcement::Cgroup {
            return match self.ask_spawner(&ToSpawner::Freeze(self.key(), stop))? {
                FromSpawner::Done => {
                    self.frozen.store(stop, Ordering::Release);
                    Ok(())
                }
                _ => Err(self.gone("the spawner does not know it")),
            };
        }
        self.ask(&ToInit::Stop(stop)).map(drop)
    }

    fn end(&mut self) -> Result<(), Error> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        let killed = self.ask_spawner(&ToSpawner::Destroy(self.key()));
        let removed = self.leftover.as_ref().map_or(Ok(()), |dir| {
            remove_tree(dir).map_err(Error::system(format!("remove `{}`", dir.display())))
        });
        killed.and(removed)
    }
}

impl Sandbox for NamespaceBox {
    fn id(&self) -> &str {
        &self.id
    }

    fn enforced(&self) -> &Enforced {
        &self.enforced
    }

    fn upper(&self) -> Option<&Path> {
        self.upper.as_deref()
    }

    fn exec(&self, spec: &ExecSpec) -> Result<Running, Error> {
        spec.check()?;
        let (ours, theirs) = wire::pair().map_err(Error::system("socketpair"))?;
        let request = ToInit::Exec(Box::new(spec.clone()));
        let sent = {
            let control = self.init()?;
            wire::send(&*control, &request, &[theirs.as_fd()])
        };
        drop(theirs);
        match sent {
            Ok(()) => Running::start(&self.id, spec, ours),
            Err(rustix::io::Errno::MSGSIZE) => Err(Error::Invalid {
                field: "argv",
                problem: "arguments and environment are over 200 KB: put them in a file".to_owned(),
            }),
            Err(_) => Err(self.gone("its init is not there")),
        }
    }

    fn open_file(&self, path: &Path) -> Result<File, Error> {
        self.file(path, None)
    }

    fn create_file(&self, path: &Path, mode: u32) -> Result<File, Error> {
        self.file(path, Some(mode & 0o777))
    }

    fn freeze(&self) -> Result<(), Error> {
        self.stop(true)
    }

    fn thaw(&self) -> Result<(), Error> {
        self.stop(false)
    }

    fn usage(&self) -> Result<BoxUsage, Error> {
        match self.ask_spawner(&ToSpawner::Usage(self.key()))? {
            FromSpawner::Usage(usage) => Ok(usage),
            _ => Err(self.gone("the spawner does not know it")),
        }
    }

    fn destroy(mut self: Box<Self>) -> Result<(), Error> {
        self.end()
    }
}

impl Drop for NamespaceBox {
    fn drop(&mut self) {
        let _ = self.end();
    }
}
