//! A command that runs in a box: its streams, its signals, its end.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::io::Errno;
use rustix::termios::Winsize;

use crate::sandbox::error::Error;
use crate::sandbox::spec::{ExecSpec, Terminal, Usage};
use crate::sandbox::wire::{self, CWD_STAGE, Ending, FromMinder, ToMinder};

/// A command that was started. Dropping it kills the command and all it started. So does the
/// death of this process, unless [`ExecSpec::keep_background`] is set.
#[derive(Debug)]
pub struct Running {
    id: String,
    socket: OwnedFd,
    terminal: bool,
    /// What it reads; the terminal itself where there is one. Dropping it is the end of input.
    pub stdin: Option<OwnedFd>,
    /// What it writes.
    pub stdout: Option<OwnedFd>,
    /// What it writes beside that; `None` with a terminal.
    pub stderr: Option<OwnedFd>,
}

/// Where output came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output, or the terminal.
    Stdout,
    /// Standard error.
    Stderr,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// With this exit code.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Killed, with all it started, because its time was up.
    TimedOut,
}

/// A command that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finished {
    /// How.
    pub end: End,
    /// What it used.
    pub usage: Usage,
    /// Bytes of output over the limit, which were read and dropped.
    pub cut_bytes: u64,
}

/// All that a command wrote, up to the limit, and its end.
#[derive(Clone, Debug)]
pub struct Output {
    /// Standard output, or all of the terminal.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
    /// Its end.
    pub finished: Finished,
}

impl Running {
    /// Waits until the minder has started the command.
    pub(crate) fn start(id: &str, spec: &ExecSpec, socket: OwnedFd) -> Result<Self, Error> {
        let answer = wire::receive::<FromMinder>(&socket);
        let answer = answer.map_err(Error::system("hear from the command's minder"))?;
        let fds = match answer {
            Some((FromMinder::Started, fds)) => fds,
            Some((FromMinder::Failed(failure), _)) if failure.stage == CWD_STAGE => {
                let cwd = spec.cwd.as_deref().unwrap_or(Path::new("/"));
                return Err(Error::Setup {
                    id: id.to_owned(),
                    stage: format!("start the command in the folder `{}`", cwd.display()),
                    source: io::Error::from_raw_os_error(failure.errno),
                });
            }
            Some((FromMinder::Failed(failure), _)) => {
                return Err(Error::Command {
                    id: id.to_owned(),
                    command: spec.argv.first().cloned().unwrap_or_default(),
                    source: io::Error::from_raw_os_error(failure.errno),
                });
            }
            _ => return Err(lost(id)),
        };
        let terminal = spec.terminal.is_some();
        let mut fds = fds.into_iter();
        let stdin = fds.next();
        let (stdout, stderr) = if terminal {
            let copy = stdin.as_ref().map(OwnedFd::try_clone).transpose();
            (copy.map_err(Error::system("copy the terminal"))?, None)
        } else {
            (fds.next(), fds.next())
        };
        Ok(Self { id: id.to_owned(), socket, terminal, stdin, stdout, stderr })
    }

    /// Sends a signal to the command's process group.
    pub fn signal(&self, number: i32) -> Result<(), Error> {
        wire::send(&self.socket, &ToMinder::Signal(number), &[]).map_err(|_| lost(&self.id))
    }

    /// Kills the command and all it started.
    pub fn kill(&self) -> Result<(), Error> {
        wire::send(&self.socket, &ToMinder::Kill, &[]).map_err(|_| lost(&self.id))
    }

    /// For signals while [`Running::wait`] waits.
    pub fn signals(&self) -> Result<Signals, Error> {
        let socket = self.socket.try_clone().map_err(Error::system("copy the minder's socket"))?;
        Ok(Signals { id: self.id.clone(), socket })
    }

    /// Sets the size of its terminal.
    pub fn resize(&self, size: Terminal) -> Result<(), Error> {
        let Some(terminal) = self.stdin.as_ref().or(self.stdout.as_ref()).filter(|_| self.terminal)
        else {
            let problem = "the command has no terminal".to_owned();
            return Err(Error::Invalid { field: "terminal", problem });
        };
        let size = Winsize { ws_row: size.rows, ws_col: size.columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(terminal, size).map_err(Error::system("resize"))
    }

    /// Gives it the input, and its output to `sink` as it comes, until it has ended. Over
    /// `output_max` bytes the rest is read, counted and dropped.
    pub fn wait(
        mut self,
        input: &[u8],
        output_max: u64,
        sink: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<Finished, Error> {
        let mut pump = Pump { input, left: output_max, cut: 0, ending: None, sink };
        for stream in [&self.stdin, &self.stdout, &self.stderr].into_iter().flatten() {
            fcntl_setfl(stream, OFlags::NONBLOCK)
                .map_err(Error::system("make a pipe nonblocking"))?;
        }
        while !pump.is_done(&self) {
            pump.turn(&mut self)?;
        }
        let Some(ending) = pump.ending else { return Err(lost(&self.id)) };
        Ok(Finished { end: end(&ending), usage: ending.usage, cut_bytes: pump.cut })
    }

    /// As [`Running::wait`], with the output in memory.
    pub fn output(self, input: &[u8], output_max: u64) -> Result<Output, Error> {
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let finished = self.wait(input, output_max, &mut |stream, bytes| match stream {
            Stream::Stdout => stdout.extend_from_slice(bytes),
            Stream::Stderr => stderr.extend_from_slice(bytes),
        })?;
        Ok(Output { stdout, stderr, finished })
    }
}

/// Sends signals to a command while somebody else waits for its end.
#[derive(Debug)]
pub struct Signals {
    id: String,
    socket: OwnedFd,
}

impl Signals {
    /// As [`Running::signal`].
    pub fn send(&self, number: i32) -> Result<(), Error> {
        wire::send(&self.socket, &ToMinder::Signal(number), &[]).map_err(|_| lost(&self.id))
    }

    /// As [`Running::kill`].
    pub fn kill(&self) -> Result<(), Error> {
        wire::send(&self.socket, &ToMinder::Kill, &[]).map_err(|_| lost(&self.id))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // After its end nobody hears it.
        let _ = wire::send(&self.socket, &ToMinder::Kill, &[]);
    }
}

/// Moves bytes both ways until the end.
struct Pump<'a> {
    input: &'a [u8],
    left: u64,
    cut: u64,
    ending: Option<Ending>,
    sink: &'a mut dyn FnMut(Stream, &[u8]),
}

impl Pump<'_> {
    fn is_done(&self, running: &Running) -> bool {
        self.ending.is_some() && running.stdout.is_none() && running.stderr.is_none()
    }

    fn turn(&mut self, running: &mut Running) -> Result<(), Error> {
        if self.input.is_empty() && !running.terminal {
            running.stdin = None;
        }
        self.poll(running)?;
        // The end first: what was written before it is in the pipes by now, and is read below.
        let ended = self.ending.is_some();
        if !ended {
            self.hear(running)?;
        }
        self.write(running);
        let out = self.read(&mut running.stdout, Stream::Stdout);
        let err = self.read(&mut running.stderr, Stream::Stderr);
        // What lives on in the background may hold the pipes for ever: quiet is the end then.
        if ended && !out && !err {
            (running.stdout, running.stderr) = (None, None);
        }
        Ok(())
    }

    fn poll(&self, running: &Running) -> Result<(), Error> {
        let mut fds = Vec::with_capacity(4);
        if self.ending.is_none() {
            fds.push(PollFd::new(&running.socket, PollFlags::IN));
        }
        if let Some(stdin) = running.stdin.as_ref().filter(|_| !self.input.is_empty()) {
            fds.push(PollFd::new(stdin, PollFlags::OUT));
        }
        for stream in [&running.stdout, &running.stderr].into_iter().flatten() {
            fds.push(PollFd::new(stream, PollFlags::IN));
        }
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = self.ending.is_some().then_some(&now);
        match poll(&mut fds, timeout) {
            Err(Errno::INTR) | Ok(_) => Ok(()),
            Err(errno) => Err(Error::system("poll")(errno)),
        }
    }

    fn hear(&mut self, running: &Running) -> Result<(), Error> {
        let mut fds = [PollFd::new(&running.socket, PollFlags::IN)];
        let now = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };
        if !matches!(poll(&mut fds, Some(&now)), Ok(1)) {
            return Ok(());
        }
        match wire::receive::<FromMinder>(&running.socket) {
            Ok(Some((FromMinder::Ended(ending), _))) => {
                self.ending = Some(ending);
                Ok(())
            }
            _ => Err(lost(&running.id)),
        }
    }

    fn write(&mut self, running: &mut Running) {
        let Some(stdin) = running.stdin.as_ref().filter(|_| !self.input.is_empty()) else { return };
        match rustix::io::write(stdin, self.input) {
            Ok(written) => self.input = &self.input[written..],
            Err(Errno::AGAIN | Errno::INTR) => {}
            // It does not read any more: its good right.
            Err(_) => self.input = &[],
        }
    }

    /// Reads what is there. False when nothing was.
    fn read(&mut self, from: &mut Option<OwnedFd>, stream: Stream) -> bool {
        let mut buffer = [0; 65536];
        let Some(fd) = from.as_ref() else { return false };
        match rustix::io::read(fd.as_fd(), &mut buffer) {
            Err(Errno::AGAIN | Errno::INTR) => false,
            // A terminal whose last process is gone says EIO.
            Ok(0) | Err(_) => {
                *from = None;
                false
            }
            Ok(read) => {
                let kept = usize::try_from(self.left).unwrap_or(usize::MAX).min(read);
                self.left -= kept as u64;
                self.cut += (read - kept) as u64;
                if kept > 0 {
                    (self.sink)(stream, &buffer[..kept]);
                }
                true
            }
        }
    }
}

fn end(ending: &Ending) -> End {
    match (ending.timed_out, ending.code, ending.signal) {
        (true, ..) => End::TimedOut,
        (_, Some(code), _) => End::Code(code),
        (_, None, signal) => End::Signal(signal.unwrap_or(libc::SIGKILL)),
    }
}

/// The minder is gone without a word.
fn lost(id: &str) -> Error {
    let why = "the command's minder died: with the box, by its hand, or because the box was over \
               its limit of disk";
    Error::Gone { id: id.to_owned(), why: why.to_owned() }
}
