//! The spawner process, seen from its owner: starting or finding it, asking it, ending it.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::process::Child;
use std::sync::{Mutex, PoisonError};

use rustix::fs::{AtFlags, unlinkat};
use rustix::io::Errno;
use rustix::net::sockopt::socket_peercred;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::level_name::LevelName;
use crate::sandbox::error::Error;
use crate::sandbox::spawner::{Launch, SOCKET, launch};
use crate::sandbox::state::lock;
use crate::sandbox::wire::{self, Failure, FromSpawner, Hello, PROTOCOL, ToSpawner};

/// How long a spawner that others use too may take to greet: it may be removing something large.
const HELLO_MS: u32 = 30_000;

/// The socket to the process, and the process if it is this owner's alone: dropping it ends that
/// one and all its boxes.
#[derive(Debug)]
pub struct Spawner {
    socket: Option<OwnedFd>,
    pid: u32,
    child: Option<Mutex<Child>>,
}

impl Spawner {
    /// Starts one for this owner alone and waits until it is ready.
    pub fn start(program: &Launch, state: &Path) -> Result<Self, Error> {
        let (mut child, socket) = launch(program, state, false).map_err(Error::system(START))?;
        ready(&mut child, &socket)?;
        let pid = child.id();
        Ok(Self { socket: Some(socket), pid, child: Some(Mutex::new(child)) })
    }

    /// Finds the one that stays for this directory, or starts it.
    pub fn attach(program: &Launch, state: &Path) -> Result<Self, Error> {
        let lock = alone_in(state)?;
        let socket = match knock(&lock)? {
            Some(socket) => socket,
            None => {
                // What a killed one left. Nobody makes it anew while the lock is held.
                let _ = unlinkat(&lock, SOCKET, AtFlags::empty());
                start_staying(program, state, &lock)?;
                knock(&lock)?.ok_or(Error::Spawner)?
            }
        };
        let Hello { protocol, version, pid } = greet(&socket)?;
        if protocol != PROTOCOL {
            return Err(Error::Protocol { pid, version, theirs: protocol, ours: PROTOCOL });
        }
        Ok(Self { socket: Some(socket), pid, child: None })
    }

    pub fn is_there(&self) -> bool {
        self.socket.as_ref().is_some_and(|socket| !wire::wait(socket, 0))
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// Whether its boxes live on without their owners.
    pub fn stays(&self) -> bool {
        self.child.is_none()
    }

    /// Sends a request with one end of a new socket; the answers come from the other. With `keep`,
    /// the spawner is given a duplicate of that other end too.
    pub fn ask(&self, request: &ToSpawner, keep: bool) -> Result<OwnedFd, Error> {
        let (ours, theirs) = wire::pair().map_err(Error::system("socketpair"))?;
        let socket = self.socket.as_ref().ok_or(Error::Spawner)?;
        let fds = [theirs.as_fd(), ours.as_fd()];
        match wire::send(socket, request, if keep { &fds } else { &fds[..1] }) {
            Ok(()) => Ok(ours),
            Err(Errno::MSGSIZE) => Err(Error::Invalid {
                field: "spec",
                problem: "over 200 KB: fewer or shorter paths are needed".to_owned(),
            }),
            Err(_) => Err(Error::Spawner),
        }
    }

    /// Asks, and waits for the answer.
    pub fn answer(&self, request: &ToSpawner) -> Result<(FromSpawner, Vec<OwnedFd>), Error> {
        let reply = self.ask(request, false)?;
        match wire::receive::<FromSpawner>(&reply).map_err(Error::system(HEAR))? {
            Some((FromSpawner::Failed(failure), _)) => Err(system(failure)),
            Some(answer) => Ok(answer),
            None => Err(Error::Spawner),
        }
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        drop(self.socket.take());
        if let Some(child) = &mut self.child {
            let _ = child.get_mut().unwrap_or_else(PoisonError::into_inner).wait();
        }
    }
}

const START: &str = "start the spawner of boxes";
const HEAR: &str = "hear from the spawner of boxes";

/// Waits for the first word of a spawner that was just started.
fn ready(child: &mut Child, socket: &OwnedFd) -> Result<(), Error> {
    let hello = wire::receive::<FromSpawner>(socket);
    match hello.map_err(Error::system(HEAR))? {
        Some((FromSpawner::Done, _)) => Ok(()),
        Some((FromSpawner::Failed(failure), _)) => {
            let _ = child.wait();
            Err(system(failure))
        }
        _ => {
            let _ = child.wait();
            Err(Error::Missing {
                level: LevelName::Namespace,
                why: "the program does not call `spawner_main` first in its `main`, \
                      or cannot be run from memory"
                    .to_owned(),
            })
        }
    }
}

/// The process that is started ends at once; the one it leaves behind is the spawner.
fn start_staying(program: &Launch, state: &Path, lock: &File) -> Result<(), Error> {
    let (mut child, socket) = launch(program, state, true).map_err(Error::system(START))?;
    // A program that is no spawner may be gone already: that is heard next.
    let _ = wire::send(&socket, &ToSpawner::Stay, &[lock.as_fd()]);
    ready(&mut child, &socket)?;
    let _ = child.wait();
    Ok(())
}

/// The lock on the state directory: nobody else starts, finds or ends a spawner there.
fn alone_in(state: &Path) -> Result<File, Error> {
    let what = format!("lock the state directory `{}`", state.display());
    lock(state).map_err(Error::system(what))
}

/// A connection to the spawner that stays there; `None` when there is none.
fn knock(dir: &File) -> Result<Option<OwnedFd>, Error> {
    let what = "connect to the spawner of boxes";
    let socket =
        socket_with(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None);
    let socket = socket.map_err(Error::system(what))?;
    // By the descriptor: the path may be longer than a socket's name can be.
    let address = SocketAddrUnix::new(format!("/proc/self/fd/{}/{SOCKET}", dir.as_raw_fd()));
    match connect(&socket, &address.map_err(Error::system(what))?) {
        Ok(()) => {}
        Err(Errno::NOENT | Errno::CONNREFUSED) => return Ok(None),
        Err(errno) => return Err(Error::system(what)(errno)),
    }
    let Ok(peer) = socket_peercred(&socket) else {
        let problem = "its spawner has no number here: it runs in another container, or on the \
                       machine itself; use these boxes from there, or end it there first";
        return Err(Error::Invalid { field: "state directory", problem: problem.to_owned() });
    };
    if peer.uid != rustix::process::geteuid() {
        let problem = format!("its spawner is user {}'s; name another", peer.uid.as_raw());
        return Err(Error::Invalid { field: "state directory", problem });
    }
    Ok(Some(socket))
}

/// Hears who it is.
fn greet(socket: &OwnedFd) -> Result<Hello, Error> {
    if !wire::wait(socket, HELLO_MS) {
        return Err(Error::system(HEAR)(io::Error::from(io::ErrorKind::TimedOut)));
    }
    let hello = wire::receive::<Hello>(socket).map_err(Error::system(HEAR))?;
    hello.map(|(hello, _)| hello).ok_or(Error::Spawner)
}

/// Ends the one that stays for this directory, of whatever version, with all its boxes. What it
/// leaves is removed by the next one.
pub fn end_staying(state: &Path) -> Result<(), Error> {
    let lock = alone_in(state)?;
    let Some(socket) = knock(&lock)? else { return Ok(()) };
    let pid = greet(&socket)?.pid;
    let what = "end the spawner of boxes";
    let no = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Error::Spawner)?;
    let process = match pidfd_open(no, PidfdFlags::empty()) {
        Ok(process) => process,
        Err(Errno::SRCH) => return Ok(()),
        Err(errno) => return Err(Error::system(what)(errno)),
    };
    // It says nothing unasked, so this would be its end, and the number may be another's by now.
    if wire::wait(&socket, 0) {
        return Ok(());
    }
    pidfd_send_signal(&process, Signal::KILL).map_err(Error::system(what))?;
    match wire::wait(&process, HELLO_MS) {
        true => Ok(()),
        false => Err(Error::system(what)(io::Error::from(io::ErrorKind::TimedOut))),
    }
}

/// Something failed that is not about one box.
pub fn system(failure: Failure) -> Error {
    let source = io::Error::from_raw_os_error(failure.errno);
    Error::System { what: failure.stage, source }
}
