//! A living box of the level `namespace`: the socket to its init, and its end.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::net::sockopt::socket_error;
use rustix::net::{getpeername, getsockname};

use super::client::{Spawner, system};
use super::running::Running;
use crate::sandbox::error::Error;
use crate::sandbox::level::Sandbox;
use crate::sandbox::making::Making;
use crate::sandbox::spec::{Enforced, Enforcement, ExecSpec, Living, SandboxSpec, Upper};
use crate::sandbox::state::remove_tree;
use crate::sandbox::wire::{
    self, Born, BoxUsage, Check, FromInit, FromSpawner, Key, ToInit, ToSpawner,
};

/// An init answers in far less, unless it is frozen or there is no CPU for it.
const ANSWER_MS: u32 = 200;
/// A connection within one machine is there at once, unless whoever listens has too many.
const CONNECT_S: i64 = 5;

pub struct NamespaceBox {
    id: String,
    enforced: Enforced,
    /// The socket to the init. Each question brings the socket for its answer.
    control: OwnedFd,
    spawner: Arc<Spawner>,
    number: u64,
    /// Where writes go on the host.
    upper: Option<PathBuf>,
    /// What to delete in the end.
    leftover: Option<PathBuf>,
    /// By cgroup, as far as this handle knows: then not even the init answers.
    frozen: AtomicBool,
    ended: bool,
}

impl NamespaceBox {
    pub fn new(spec: &SandboxSpec, born: Born, control: OwnedFd, spawner: Arc<Spawner>) -> Self {
        let dir = born.upper.map(PathBuf::from);
        let leftover = match &spec.upper {
            // Removed by who is there in any case.
            _ if spawner.stays() => None,
            Upper::Directory(dir) => Some(dir.join("work")),
            _ => dir.clone(),
        };
        Self {
            id: spec.id.clone(),
            enforced: born.enforced,
            control,
            spawner,
            number: born.number,
            upper: dir.map(|dir| dir.join("upper")),
            leftover,
            frozen: AtomicBool::new(false),
            ended: false,
        }
    }

    /// One that this process may not have made.
    pub fn adopted(living: Living, control: OwnedFd, spawner: Arc<Spawner>) -> Self {
        Self {
            id: living.id,
            enforced: living.enforced,
            control,
            spawner,
            number: living.number,
            upper: living.upper,
            leftover: None,
            frozen: AtomicBool::new(living.frozen),
            ended: false,
        }
    }

    fn key(&self) -> Key {
        (self.id.clone(), self.number)
    }

    /// Asks the spawner whether the box is frozen: another owner may have seen to that.
    fn look(&self) -> Result<(), Error> {
        let frozen = match self.spawner.answer(&ToSpawner::IsFrozen(self.key()))?.0 {
            FromSpawner::Frozen(frozen) => frozen,
            _ => return Err(self.gone("the spawner does not know it")),
        };
        self.frozen.store(frozen, Ordering::Release);
        if frozen { Err(Error::Frozen { id: self.id.clone() }) } else { Ok(()) }
    }

    /// Sends a question to the init. The socket for the answer.
    fn question(&self, message: &ToInit) -> Result<OwnedFd, Error> {
        if self.frozen.load(Ordering::Acquire) {
            self.look()?;
        }
        let (ours, theirs) = wire::pair().map_err(Error::system("socketpair"))?;
        loop {
            match wire::try_send(&self.control, message, &[theirs.as_fd()]) {
                Ok(()) => break,
                Err(Errno::AGAIN) => {
                    self.look()?;
                    let pause = rustix::time::Timespec { tv_sec: 0, tv_nsec: 1_000_000 };
                    let _ = rustix::thread::nanosleep(&pause);
                }
                Err(Errno::MSGSIZE) => {
                    return Err(Error::Invalid {
                        field: "argv",
                        problem: "arguments and environment are over 200 KB: put them in a file"
                            .to_owned(),
                    });
                }
                Err(_) => return Err(self.gone("its init is not there")),
            }
        }
        drop(theirs);
        // A box that another owner freezes does not answer.
        while !wire::wait(&ours, ANSWER_MS) {
            self.look()?;
        }
        Ok(ours)
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
        let reply = self.question(message)?;
        let answer = wire::receive::<FromInit>(&reply);
        match answer.map_err(Error::system("hear from the box's init"))? {
            Some((FromInit::Failed(failure), _)) => Err(system(failure)),
            Some(answer) => Ok(answer),
            None => Err(self.gone("its init died")),
        }
    }

    fn ask_spawner(&self, message: &ToSpawner) -> Result<FromSpawner, Error> {
        self.spawner.answer(message).map(|(answer, _)| answer)
    }

    /// Asks for something to be done with a path.
    fn at_path(
        &self,
        doing: &str,
        path: &Path,
        message: impl FnOnce(String) -> ToInit,
    ) -> Result<(FromInit, Vec<OwnedFd>), Error> {
        let Some(text) = path.to_str().filter(|_| path.is_absolute()) else {
            let problem = format!("`{}` is not an absolute path in UTF-8", path.display());
            return Err(Error::Invalid { field: "path", problem });
        };
        self.ask(&message(text.to_owned())).map_err(|error| match error {
            Error::System { source, .. } => {
                Error::Setup { id: self.id.clone(), stage: format!("{doing} `{text}`"), source }
            }
            other => other,
        })
    }

    fn file(&self, path: &Path, mode: Option<u32>) -> Result<File, Error> {
        let opened = self.at_path("open", path, |path| ToInit::Open(path, mode))?;
        let file = opened.1.into_iter().next().map(File::from);
        // Asked once more on this side: anything else could be waited on for ever.
        let file = file.filter(|file| file.metadata().is_ok_and(|meta| meta.is_file()));
        file.ok_or_else(|| self.gone("its init sent no file"))
    }

    fn stop(&self, stop: bool) -> Result<(), Error> {
        if self.by_cgroup() {
            self.tell_spawner(&ToSpawner::Freeze(self.key(), stop))?;
            self.frozen.store(stop, Ordering::Release);
            return Ok(());
        }
        self.ask(&ToInit::Stop(stop))?;
        self.tell_spawner(&ToSpawner::Thawed(self.key()))
    }

    fn by_cgroup(&self) -> bool {
        self.enforced.freeze == Enforcement::Cgroup
    }

    fn tell_spawner(&self, message: &ToSpawner) -> Result<(), Error> {
        match self.ask_spawner(message)? {
            FromSpawner::Done => Ok(()),
            _ => Err(self.gone("the spawner does not know it")),
        }
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
        let answers = self.question(&ToInit::Exec(Box::new(spec.clone())))?;
        Running::start(&self.id, spec, answers)
    }

    fn open_file(&self, path: &Path) -> Result<File, Error> {
        self.file(path, None)
    }

    fn create_file(&self, path: &Path, mode: u32) -> Result<File, Error> {
        self.file(path, Some(mode & 0o777))
    }

    fn make(&self, path: &Path, what: &Making) -> Result<(), Error> {
        self.at_path("make", path, |path| ToInit::Make(path, what.clone())).map(drop)
    }

    fn listeners(&self) -> Result<Vec<OwnedFd>, Error> {
        self.ask(&ToInit::Listeners).map(|(_, sockets)| sockets)
    }

    fn connect(&self, port: u16) -> Result<OwnedFd, Error> {
        if port == 0 {
            let problem = "port 0 is none; name the port".to_owned();
            return Err(Error::Invalid { field: "port", problem });
        }
        let refused = |source| Error::Port { id: self.id.clone(), port, source };
        let stream = match self.ask(&ToInit::Connect(port)) {
            Err(Error::System { source, .. }) => return Err(refused(source)),
            other => other?.1.into_iter().next(),
        };
        let stream = stream.ok_or_else(|| self.gone("its init sent no connection"))?;
        connected(&stream).map_err(refused)?;
        Ok(stream)
    }

    fn freeze(&self) -> Result<(), Error> {
        self.stop(true)
    }

    fn freeze_for_now(&self) -> Result<(), Error> {
        self.tell_spawner(&ToSpawner::FreezeForNow(self.key()))?;
        if self.by_cgroup() {
            self.frozen.store(true, Ordering::Release);
            return Ok(());
        }
        self.ask(&ToInit::Stop(true)).map(drop)
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
        if !self.spawner.stays() {
            let _ = self.end();
        }
    }
}

/// Waits until the connection is there, and makes it a blocking one.
fn connected(stream: &OwnedFd) -> io::Result<()> {
    let timeout = Timespec { tv_sec: CONNECT_S, tv_nsec: 0 };
    let mut fds = [PollFd::new(stream, PollFlags::OUT)];
    if poll(&mut fds, Some(&timeout))? == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    socket_error(stream)??;
    // Where nobody listens, a stream can be given its own port to come from, and meets itself.
    if Some(getsockname(stream)?) == getpeername(stream)? {
        return Err(Errno::CONNREFUSED.into());
    }
    Ok(fcntl_setfl(stream, OFlags::empty())?)
}
