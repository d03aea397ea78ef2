//! The spawner process, seen from its owner: starting it, asking it, ending it.

use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::Child;
use std::sync::{Mutex, PoisonError};

use crate::level_name::LevelName;
use crate::sandbox::error::Error;
use crate::sandbox::spawner::{Launch, launch};
use crate::sandbox::wire::{self, Failure, FromSpawner, ToSpawner};

/// The process and the socket to it. Dropping it ends the process and all its boxes.
#[derive(Debug)]
pub struct Spawner {
    socket: Mutex<Option<OwnedFd>>,
    child: Mutex<Child>,
}

impl Spawner {
    /// Starts one and waits until it is ready.
    pub fn start(program: &Launch, state: &Path) -> Result<Self, Error> {
        let (mut child, socket) =
            launch(program, state).map_err(Error::system("start the spawner of boxes"))?;
        let hello = wire::receive::<FromSpawner>(&socket);
        match hello.map_err(Error::system("hear from the spawner of boxes"))? {
            Some((FromSpawner::Done, _)) => {}
            Some((FromSpawner::Failed(failure), _)) => {
                let _ = child.wait();
                return Err(system(failure));
            }
            _ => {
                let _ = child.wait();
                return Err(Error::Missing {
                    level: LevelName::Namespace,
                    why: "the program does not call `spawner_main` first in its `main`, \
                          or cannot be run from memory"
                        .to_owned(),
                });
            }
        }
        Ok(Self { socket: Mutex::new(Some(socket)), child: Mutex::new(child) })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).id()
    }

    /// Sends a request with one end of a new socket; the answers come from the other.
    pub fn ask(&self, request: &ToSpawner) -> Result<OwnedFd, Error> {
        let (ours, theirs) = wire::pair().map_err(Error::system("socketpair"))?;
        let socket = self.socket.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(socket) = socket.as_ref() else { return Err(Error::Spawner) };
        match wire::send(socket, request, &[theirs.as_fd()]) {
            Ok(()) => Ok(ours),
            Err(rustix::io::Errno::MSGSIZE) => Err(Error::Invalid {
                field: "spec",
                problem: "over 200 KB: fewer or shorter paths are needed".to_owned(),
            }),
            Err(_) => Err(Error::Spawner),
        }
    }
}

impl Drop for Spawner {
    fn drop(&mut self) {
        let socket = self.socket.get_mut().unwrap_or_else(PoisonError::into_inner);
        drop(socket.take());
        let _ = self.child.get_mut().unwrap_or_else(PoisonError::into_inner).wait();
    }
}

/// Something failed that is not about one box.
pub fn system(failure: Failure) -> Error {
    let source = std::io::Error::from_raw_os_error(failure.errno);
    Error::System { what: failure.stage, source }
}
