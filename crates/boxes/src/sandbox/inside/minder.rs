//! One process per exec, between the init and the command: gives it its pipes or terminal, keeps
//! its time, and holds everything that it starts, so that all of it can be ended.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::Path;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus, kill_process_group, wait};
use rustix::pty::OpenptFlags;
use rustix::termios::Winsize;

use super::super::clock::now_ms;
use super::super::spec::{ExecSpec, Terminal};
use super::super::sys;
use super::super::wire::{self, CWD_STAGE, Ending, Failure, FromMinder, ToMinder};
use super::tree::{self, OUTRUN};

/// The stage of a command that is not there, or is none.
const EXEC_STAGE: &str = "exec";

/// What the command gets as its standard streams, and what the owner gets.
struct Streams {
    command: [OwnedFd; 3],
    owner: Vec<OwnedFd>,
    terminal: bool,
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
    let signals = sys::signal_fd(&[Signal::CHILD]).map_err(Failure::at("signalfd"))?;
    let streams = match spec.terminal {
        Some(size) => terminal(size).map_err(Failure::at("open a terminal"))?,
        None => pipes().map_err(Failure::at("make pipes"))?,
    };
    let (mut trouble, told) = std::io::pipe().map_err(Failure::at("make a pipe"))?;
    let Some(leader) = sys::fork().map_err(Failure::at("fork"))? else {
        drop(trouble);
        let (stage, error) = start(spec, &streams);
        let errno = error.raw_os_error().unwrap_or(libc::EINVAL);
        let [one, two, three, four] = errno.to_ne_bytes();
        let _ = (&told).write_all(&[u8::from(stage == CWD_STAGE), one, two, three, four]);
        sys::exit_now(127);
    };
    drop(told);
    let owner = streams.owner;
    drop(streams.command);
    let mut words = [0; 5];
    if trouble.read_exact(&mut words).is_ok() {
        let [in_cwd, errno @ ..] = words;
        let stage = if in_cwd == 1 { CWD_STAGE } else { EXEC_STAGE };
        return Err(Failure { stage: stage.to_owned(), errno: i32::from_ne_bytes(errno) });
    }
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
        terminal: false,
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
    Ok(Streams { command, owner: vec![main], terminal: true })
}

/// In the command's process: becomes the command. Returns only why it could not, and where.
fn start(spec: &ExecSpec, streams: &Streams) -> (&'static str, std::io::Error) {
    let mut command = match prepare(spec, streams) {
        Ok(command) => command,
        Err(error) => return (EXEC_STAGE, error),
    };
    if let Err(errno) = rustix::process::chdir(spec.cwd.as_deref().unwrap_or(Path::new("/"))) {
        return (CWD_STAGE, errno.into());
    }
    (EXEC_STAGE, command.exec())
}

fn prepare(spec: &ExecSpec, streams: &Streams) -> std::io::Result<std::process::Command> {
    rustix::process::setsid()?;
    let [stdin, stdout, stderr] = &streams.command;
    if streams.terminal {
        rustix::process::ioctl_tiocsctty(stdin)?;
    }
    rustix::stdio::dup2_stdin(stdin)?;
    rustix::stdio::dup2_stdout(stdout)?;
    rustix::stdio::dup2_stderr(stderr)?;
    sys::close_on_exec()?;
    sys::unblock_signals()?;
    let program = spec.argv.first().map_or(OsStr::new(""), OsStr::new);
    let mut command = std::process::Command::new(program);
    command.args(spec.argv.iter().skip(1)).env_clear().envs(&spec.env);
    Ok(command)
}
