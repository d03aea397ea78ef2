//! Process 1 of a box: forks a minder for each command, opens files and connections for its
//! owners, keeps the box's sockets, reaps.
//!
//! No process of the box can signal it (the kernel protects the first of a pid namespace), trace
//! it or read its memory (it is not dumpable). When its socket closes it ends, and the kernel
//! ends the box with it.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags, ResolveFlags, fstat, fstatfs, ftruncate, openat2};
use rustix::io::Errno;
use rustix::net::{AddressFamily, Ipv4Addr, SocketAddrV4, SocketFlags, SocketType, socket_with};
use rustix::process::{Pid, Signal, WaitOptions, wait};

use super::super::making::{self, Making};
use super::super::sys;
use super::super::wire::{self, Failure, FromInit, FromMinder, ToInit};
use super::tree::OUTRUN;
use super::{minder, probe};

/// The kind of file system that `/proc` is.
const PROC: u64 = 0x9fa0;

/// Minds a command.
struct Minder {
    pid: Pid,
    /// Its socket, held until it is collected: whoever waits for it hears of its death no sooner,
    /// so that what goes with it is not what was asked for since.
    _reply: OwnedFd,
    /// It was killed with all else.
    doomed: bool,
}

/// Serves until the owner's socket closes. The exit code.
pub fn run(control: &OwnedFd, sockets: &[OwnedFd]) -> i32 {
    rustix::process::umask(Mode::from_raw_mode(0o022));
    let Ok(signals) = sys::signal_fd(&[Signal::CHILD]) else { return 1 };
    let mut minders = Vec::new();
    let mut frozen = false;
    loop {
        let mut fds = [PollFd::new(control, PollFlags::IN), PollFd::new(&signals, PollFlags::IN)];
        if poll(&mut fds, None).is_err_and(|errno| errno != Errno::INTR) {
            return 1;
        }
        let asked = !fds[0].revents().is_empty();
        if !fds[1].revents().is_empty() {
            let _ = rustix::io::read(&signals, &mut [0_u8; 128]);
            reap(&mut minders, frozen);
        }
        if asked {
            match wire::receive::<ToInit>(control) {
                Ok(Some((message, fds))) => {
                    let Some(reply) = asker(fds) else { continue };
                    if let ToInit::Stop(stop) = message {
                        frozen = stop;
                    }
                    serve(message, reply, sockets, &mut minders);
                }
                Err(Errno::BADMSG) => {}
                _ => return 0,
            }
        }
    }
}

/// Collects the dead. A minder that was killed, that was outrun, or that somebody else stopped no
/// longer holds what it minded or keeps its time, so everything goes.
fn reap(minders: &mut Vec<Minder>, frozen: bool) {
    while let Ok(Some((pid, status))) = wait(WaitOptions::NOHANG | WaitOptions::UNTRACED) {
        let lost = status.signaled() || status.exit_status() == Some(OUTRUN);
        let minds = minders.iter().any(|minder| minder.pid == pid && !minder.doomed);
        if minds && (lost || status.stopped() && !frozen) {
            sys::signal_all(Signal::KILL);
            minders.iter_mut().for_each(|minder| minder.doomed = true);
        }
        if !status.stopped() {
            minders.retain(|minder| minder.pid != pid);
        }
    }
}

/// Where the answer goes; `None` when whoever asked has gone, as after a box was frozen: what it
/// wanted then is not done behind its back now.
fn asker(mut fds: Vec<OwnedFd>) -> Option<OwnedFd> {
    let reply = fds.pop()?;
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    let mut gone = [PollFd::new(&reply, PollFlags::empty())];
    let there = matches!(poll(&mut gone, Some(&now)), Ok(0));
    there.then_some(reply)
}

fn serve(message: ToInit, reply: OwnedFd, sockets: &[OwnedFd], minders: &mut Vec<Minder>) {
    match message {
        ToInit::Exec(spec) => match sys::fork() {
            Ok(None) => minder::run(&spec, &reply),
            Ok(Some(pid)) => minders.push(Minder { pid, _reply: reply, doomed: false }),
            Err(error) => {
                let failure = Failure::at("fork a minder")(error);
                let _ = wire::send(&reply, &FromMinder::Failed(failure), &[]);
            }
        },
        ToInit::Open(path, mode) => answer(&reply, "open", open(&path, mode)),
        ToInit::Make(path, what) => {
            let _ = match make(&path, &what) {
                Ok(()) => wire::send(&reply, &FromInit::Done, &[]),
                Err(errno) => {
                    wire::send(&reply, &FromInit::Failed(Failure::at("make")(errno)), &[])
                }
            };
        }
        ToInit::Connect(port) => answer(&reply, "connect", connect(port)),
        ToInit::Listeners => {
            let fds: Vec<_> = sockets.iter().map(AsFd::as_fd).collect();
            let _ = wire::send(&reply, &FromInit::Done, &fds);
        }
        ToInit::Probe => {
            let _ = wire::send(&reply, &FromInit::Probed(probe::run()), &[]);
        }
        ToInit::Stop(stop) => {
            sys::signal_all(if stop { Signal::STOP } else { Signal::CONT });
            let _ = wire::send(&reply, &FromInit::Done, &[]);
        }
    }
}

fn answer(reply: &OwnedFd, what: &str, opened: Result<OwnedFd, Errno>) {
    let _ = match opened {
        Ok(file) => wire::send(reply, &FromInit::Done, &[file.as_fd()]),
        Err(errno) => wire::send(reply, &FromInit::Failed(Failure::at(what)(errno)), &[]),
    };
}

/// A stream to the port that is connected, is being connected, or was refused.
fn connect(port: u16) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let stream = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
    match rustix::net::connect(&stream, &SocketAddrV4::new(Ipv4Addr::LOCALHOST, port)) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(stream),
        Err(errno) => Err(errno),
    }
}

/// Opens a regular file, and no file of `/proc`: there this process would show its own secrets
/// to whoever planted a link.
fn open(path: &str, create: Option<u32>) -> Result<OwnedFd, Errno> {
    let (flags, mode) = match create {
        None => (OFlags::RDONLY, Mode::empty()),
        Some(mode) => (OFlags::WRONLY | OFlags::CREATE, Mode::from_raw_mode(mode)),
    };
    let flags = flags | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let file = openat2(CWD, path, flags, mode, ResolveFlags::NO_MAGICLINKS)?;
    if FileType::from_raw_mode(fstat(&file)?.st_mode) != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    if fstatfs(&file)?.f_type as u64 == PROC {
        return Err(Errno::ACCESS);
    }
    if create.is_some() {
        ftruncate(&file, 0)?;
    }
    Ok(file)
}

/// Makes a folder or link, and nothing in `/proc`, for the same reason.
fn make(path: &str, what: &Making) -> Result<(), Errno> {
    let (parent, name) = path.rsplit_once('/').ok_or(Errno::INVAL)?;
    if name.is_empty() {
        return Err(Errno::EXIST);
    }
    let parent = if parent.is_empty() { "/" } else { parent };
    let (flags, resolve) = (OFlags::PATH | OFlags::CLOEXEC, ResolveFlags::NO_MAGICLINKS);
    let folder = openat2(CWD, parent, flags | OFlags::DIRECTORY, Mode::empty(), resolve)?;
    if fstatfs(&folder)?.f_type as u64 == PROC {
        return Err(Errno::ACCESS);
    }
    making::make(&folder, name, what, resolve)
}
