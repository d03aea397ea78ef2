//! A command in a box with this process's streams, signals and terminal, to its end.

use super::beside::beside;
use super::terminal::{Raw, on_signals};
use greenroom_boxes::engine::{Begun, Ending, Engine, ExecRequest};
use greenroom_boxes::sandbox::{End, Stream};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

/// What the command reads.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// Nothing.
    None,
    /// This process's standard input.
    Passed,
}

/// Runs it. Bytes are passed on as they come.
pub fn attend(
    engine: &Engine,
    name: &str,
    request: &ExecRequest,
    input: Input,
) -> anyhow::Result<Ending> {
    let Begun { no, mut running, mut log } = engine.begin(name, request)?;
    let stdin = running.stdin.take();
    let signals = running.signals()?;
    let hangup = running.signals()?;
    let window = match (&stdin, request.terminal) {
        (Some(terminal), Some(_)) => Some(terminal.try_clone()?),
        _ => None,
    };
    // Back to what it was when this ends, however.
    let raw = request.terminal.map(|_| Raw::begin()).transpose()?;
    on_signals(signals, window)?;
    match (stdin, input) {
        (Some(stdin), Input::Passed) => beside(move || pass(&stdin)),
        // Of a terminal the other end would be missed; of a pipe this is the end of input.
        (Some(stdin), Input::None) => drop(stdin),
        (None, _) => {}
    }
    let mut failed = None;
    let finished = running.wait(b"", u64::MAX, &mut |stream, bytes| {
        log.push(stream, bytes);
        if failed.is_some() {
            return;
        }
        if let Err(error) = write(stream, bytes) {
            // Nobody reads it any more.
            failed = Some(error);
            let _ = hangup.kill();
        }
    })?;
    drop(raw);
    engine.ended(no, &finished)?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(match finished.end {
            End::Code(code) => Ending::Code(code),
            End::Signal(signal) => Ending::Signal(signal),
            End::TimedOut => Ending::TimedOut,
        }),
    }
}

fn write(stream: Stream, bytes: &[u8]) -> io::Result<()> {
    match stream {
        Stream::Stdout => {
            let mut out = io::stdout().lock();
            out.write_all(bytes)?;
            out.flush()
        }
        Stream::Stderr => io::stderr().lock().write_all(bytes),
    }
}

/// Standard input, until its end or until the command reads no more.
fn pass(to: &OwnedFd) {
    let mut buffer = [0; 65536];
    loop {
        match io::stdin().lock().read(&mut buffer) {
            Ok(0) => return,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return,
            Ok(read) => {
                if give(to, &buffer[..read]).is_err() {
                    return;
                }
            }
        }
    }
}

/// A terminal does not block: who reads from it shares that with who writes.
fn give(to: &OwnedFd, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        match rustix::io::write(to, bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => match poll(&mut [PollFd::new(to, PollFlags::OUT)], None) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(errno) => return Err(errno),
            },
            Err(errno) => return Err(errno),
        }
    }
    Ok(())
}
