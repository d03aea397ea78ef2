//! One process per exec, between the init and the command: gives it its pipes or terminal, keeps
//! its time, and holds everything that it starts, so that all of it can be ended.

use std::ffi::OsStr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Access, access};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use super::super::clock::now_ms;
use super::super::spec::{ExecSpec, Terminal};
use super::super::sys;
use super::super::wire::{self, CWD_STAGE, Ending, Failure, FromMinder, ToMinder};
use super::tree::{self, OUTRUN};

/// Where a command is looked for whose environment does not say: what `execvp` has it be.
const USUAL_PATH: &str = "/bin:/usr/bin";

/// What the command gets as its standard streams, and what the owner gets.
struct Streams {
    command: [OwnedFd; 3],
    owner: Vec<OwnedFd>,
}

/// The state of one exec.
struct Minded<'a> {
    spec: &'a ExecSpec,
    socket: &'a OwnedFd,
    leader: Pid,
    ended: Option<WaitStatus>,
    timed_out: bool,
    /// Whether the owner is there and has not been told of the end.
    told: bool,
}

/// Starts the command and minds it.
pub fn run(spec: &ExecSpec, socket: &OwnedFd) -> ! {
    let code = match mind(spec, socket) {
        Ok(code) => code,
        Err(failure) => {
            let _ = wire::send(socket, &FromMinder::Failed(failure), &[]);
            0
        }
    };
    sys::exit_now(code);
}

fn mind(spec: &ExecSpec, socket: &OwnedFd) -> Result<i32, Failure> {
    sys::close_all_but(&[socket.as_raw_fd()]).map_err(Failure::at("close descriptors"))?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))
        .map_err(Failure::at("become subreaper"))?;
    rustix::process::setsid().map_err(Failure::at("make a session"))?;
    let streams = match spec.terminal {
        Some(size) => terminal(size).map_err(Failure::at("open a terminal"))?,
        None => pipes().map_err(Failure::at("make pipes"))?,
    };
    sys::close_on_exec().map_err(Failure::at("close descriptors by exec"))?;
    let cwd = spec.cwd.as_deref().unwrap_or(Path::new("/"));
    rustix::process::chdir(cwd).map_err(Failure::at(CWD_STAGE))?;
    // What is blocked is inherited by exec; a child that dies before it is blocked again is
    // collected all the same, before anything is waited for.
    sys::unblock_signals().map_err(Failure::at("unblock signals"))?;
    let leader = start(spec, &streams.command).map_err(Failure::at("exec"))?;
    let signals = sys::signal_fd(&[Signal::CHILD]).map_err(Failure::at("signalfd"))?;
    let Streams { owner, command } = streams;
    drop(command);
    let fds: Vec<BorrowedFd<'_>> = owner.iter().map(AsFd::as_fd).collect();
    let told = wire::send(socket, &FromMinder::Started, &fds).is_err();
    drop(owner);
    let mut minded = Minded { spec, socket, leader, ended: None, timed_out: false, told };
    if told && !minded.kill() {
        return Ok(OUTRUN);
    }
    Ok(minded.watch(&signals))
}

impl Minded<'_> {
    /// Until nothing of the command is left. The exit code of this process.
    fn watch(&mut self, signals: &OwnedFd) -> i32 {
        let deadline = self.spec.timeout_ms.map(|timeout| now_ms().saturating_add(timeout));
        loop {
            let left = self.collect();
            let over = self.ended.is_some();
            // What may live on has no more time than the command that began it.
            let counts = !over || self.spec.keep_background;
            let wait = deadline.filter(|_| counts).map(|at| at.saturating_sub(now_ms()));
            self.timed_out |= left && wait == Some(0);
            if left && (wait == Some(0) || over && !self.spec.keep_background) {
                if !self.kill() {
                    return OUTRUN;
                }
                continue;
            }
            if over && !self.told {
                self.tell();
            }
            if !left {
                return 0;
            }
            if !self.listen(signals, wait) {
                return OUTRUN;
            }
        }
    }

    /// Kills the command and all it started.
    fn kill(&mut self) -> bool {
        let (leader, ended) = (self.leader, &mut self.ended);
        tree::kill_all(&mut |pid, status| {
            if pid == leader {
                *ended = Some(status);
            }
        })
    }

    /// Waits for news of either side. False when the tree had to be killed and could not.
    fn listen(&mut self, signals: &OwnedFd, wait_ms: Option<u64>) -> bool {
        let timeout = wait_ms.map(|ms| Timespec {
            tv_sec: i64::try_from(ms / 1000).unwrap_or(i64::MAX),
            tv_nsec: i64::try_from(ms % 1000).unwrap_or(0) * 1_000_000,
        });
        let owner = if self.told { PollFlags::empty() } else { PollFlags::IN };
        let mut fds = [PollFd::new(signals, PollFlags::IN), PollFd::new(self.socket, owner)];
        // A socket that has closed is reported whatever was asked for: leave it out.
        let watched = if self.told { &mut fds[..1] } else { &mut fds[..] };
        if poll(watched, timeout.as_ref()).is_err() {
            return true;
        }
        if !fds[0].revents().is_empty() {
            let _ = rustix::io::read(signals, &mut [0_u8; 128]);
        }
        if fds[1].revents().is_empty() || self.told {
            return true;
        }
        match wire::receive::<ToMinder>(self.socket) {
            Ok(Some((ToMinder::Signal(number), _))) => {
                self.signal(number);
                true
            }
            Err(Errno::BADMSG) => true,
            // The owner died, which who keeps the background has allowed for: dropping the
            // command would have said to kill it.
            Ok(None) if self.spec.keep_background => {
                self.told = true;
                true
            }
            // The owner lost interest: nobody will read the output or hear of the end.
            _ => self.kill(),
        }
    }

    fn signal(&self, number: i32) {
        let known = Signal::from_named_raw(number);
        if let (Some(signal), None) = (known, &self.ended) {
            let _ = kill_process_group(self.leader, signal);
        }
    }

    /// Collects the dead. False when there is no child left, dead or alive.
    fn collect(&mut self) -> bool {
        loop {
            match wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) if pid == self.leader => self.ended = Some(status),
                Ok(Some(_)) | Err(Errno::INTR) => {}
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
    }

    fn tell(&mut self) {
        self.told = true;
        let ending = Ending {
            code: self.ended.and_then(WaitStatus::exit_status),
            signal: self.ended.and_then(WaitStatus::terminating_signal),
            timed_out: self.timed_out,
            usage: sys::children_usage(),
        };
        let _ = wire::send(self.socket, &FromMinder::Ended(ending), &[]);
    }
}

fn pipes() -> std::io::Result<Streams> {
    let (stdin, to_stdin) = std::io::pipe()?;
    let (from_stdout, stdout) = std::io::pipe()?;
    let (from_stderr, stderr) = std::io::pipe()?;
    Ok(Streams {
        command: [stdin.into(), stdout.into(), stderr.into()],
        owner: vec![to_stdin.into(), from_stdout.into(), from_stderr.into()],
    })
}

fn terminal(size: Terminal) -> std::io::Result<Streams> {
    use rustix::fs::{CWD, Mode, OFlags, openat};
    let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
    // The box's own, not the host's `/dev/ptmx`.
    let main = openat(CWD, "/dev/pts/ptmx", flags, Mode::empty())?;
    rustix::pty::unlockpt(&main)?;
    let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
    let side = rustix::pty::ioctl_tiocgptpeer(&main, flags)?;
    let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
    rustix::termios::tcsetwinsize(&main, size)?;
    let command = [side.try_clone()?, side.try_clone()?, side];
    Ok(Streams { command, owner: vec![main] })
}

/// Starts the command. Without a terminal that copies no memory, which was a fifth of what a
/// command took.
fn start(spec: &ExecSpec, streams: &[OwnedFd; 3]) -> std::io::Result<Pid> {
    let name = spec.argv.first().map_or(OsStr::new(""), OsStr::new);
    let program = found(name, spec.env.get("PATH").map_or(USUAL_PATH, String::as_str));
    let spawned = match spawn(spec, streams, Command::new(&program).arg0(name)) {
        // A script that does not say what runs it: a shell, as `execvp` has it.
        Err(error) if error.raw_os_error() == Some(libc::ENOEXEC) => {
            spawn(spec, streams, Command::new("/bin/sh").arg(&program))
        }
        spawned => spawned,
    };
    let id = spawned?.id();
    i32::try_from(id).ok().and_then(Pid::from_raw).ok_or(std::io::ErrorKind::InvalidData.into())
}

fn spawn(
    spec: &ExecSpec,
    [stdin, stdout, stderr]: &[OwnedFd; 3],
    command: &mut Command,
) -> std::io::Result<Child> {
    command.args(spec.argv.iter().skip(1)).env_clear().envs(&spec.env);
    command.stdin(stdin.try_clone()?).stdout(stdout.try_clone()?).stderr(stderr.try_clone()?);
    match spec.terminal {
        Some(_) => sys::own_terminal(command),
        None => drop(command.process_group(0)),
    }
    command.spawn()
}

/// The program of a name: looked for here, because to be looked for after a fork it would need one.
fn found(name: &OsStr, path: &str) -> PathBuf {
    let name = Path::new(name);
    if name.as_os_str().is_empty() || name.as_os_str().as_encoded_bytes().contains(&b'/') {
        return name.to_owned();
    }
    let mut places = std::env::split_paths(path).map(|dir| dir.join(name));
    let runs = |file: &PathBuf| access(file, Access::EXEC_OK).is_ok() && !file.is_dir();
    places.find(runs).unwrap_or_else(|| name.to_owned())
}
