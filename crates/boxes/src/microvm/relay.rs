//! One command, seen from the host: between the guest agent's frames and the pipes and words that
//! a minder in a namespace has.

use std::io::{self, PipeReader, PipeWriter, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, PoisonError};

use super::frame::{Frame, Word};
use crate::sandbox::ExecSpec;
use crate::sandbox::wire::{self, Failure, FromMinder, ToMinder};

type Guest = Arc<Mutex<UnixStream>>;

/// Starts the command and, on threads, minds it. What was found wrong is told by the socket.
pub fn start(mut guest: UnixStream, spec: &ExecSpec, socket: OwnedFd) -> io::Result<()> {
    Frame::Word(Word::Exec(Box::new(spec.clone()))).write(&mut guest)?;
    match Frame::read(&mut guest)? {
        Frame::Word(Word::Started) => {}
        Frame::Word(Word::Failed(errno)) => {
            let failure = Failure { stage: "exec".to_owned(), errno };
            return Ok(wire::send(&socket, &FromMinder::Failed(failure), &[])?);
        }
        _ => return Err(io::ErrorKind::InvalidData.into()),
    }
    let (stdin, to_stdin) = io::pipe()?;
    let (from_stdout, stdout) = io::pipe()?;
    let (from_stderr, stderr) = io::pipe()?;
    let fds = [to_stdin.as_fd(), from_stdout.as_fd(), from_stderr.as_fd()];
    wire::send(&socket, &FromMinder::Started, &fds)?;
    let to_guest: Guest = Arc::new(Mutex::new(guest.try_clone()?));
    let (its, wishes) = (Arc::clone(&to_guest), socket.try_clone()?);
    thread(move || feed(stdin, &its))?;
    thread(move || wish(&wishes, &to_guest))?;
    thread(move || hear(guest, stdout, stderr, &socket))
}

fn say(guest: &Guest, frame: &Frame) -> io::Result<()> {
    frame.write(&mut *guest.lock().unwrap_or_else(PoisonError::into_inner))
}

/// The owner's input, to its end.
fn feed(mut stdin: PipeReader, guest: &Guest) {
    let mut buffer = [0; 65_536];
    loop {
        let count = stdin.read(&mut buffer).unwrap_or(0);
        if say(guest, &Frame::Stdin(buffer[..count].to_vec())).is_err() || count == 0 {
            return;
        }
    }
}

/// The owner's wishes, until it goes away, which is one too.
fn wish(socket: &OwnedFd, guest: &Guest) {
    loop {
        let word = match wire::receive::<ToMinder>(socket) {
            Ok(Some((ToMinder::Signal(number), _))) => Word::Signal(number),
            _ => Word::Kill,
        };
        let last = matches!(word, Word::Kill);
        if say(guest, &Frame::Word(word)).is_err() || last {
            return;
        }
    }
}

/// The guest's output and the end. Without an end the socket closes: a lost command.
fn hear(mut guest: UnixStream, stdout: PipeWriter, stderr: PipeWriter, socket: &OwnedFd) {
    let (mut stdout, mut stderr) = (Some(stdout), Some(stderr));
    let put = |to: &mut Option<PipeWriter>, bytes: &[u8]| {
        // A reader that is gone misses nothing.
        if to.as_mut().is_some_and(|to| to.write_all(bytes).is_err()) {
            *to = None;
        }
    };
    loop {
        match Frame::read(&mut guest) {
            Ok(Frame::Stdout(bytes)) => put(&mut stdout, &bytes),
            Ok(Frame::Stderr(bytes)) => put(&mut stderr, &bytes),
            Ok(Frame::Word(Word::Ended(ending))) => {
                let _ = wire::send(socket, &FromMinder::Ended(ending), &[]);
                break;
            }
            _ => break,
        }
    }
    // Both other threads hold copies: this ends them, and the owner sees the socket's end.
    let _ = guest.shutdown(std::net::Shutdown::Both);
    let _ = rustix::net::shutdown(socket, rustix::net::Shutdown::Both);
}

#[expect(clippy::disallowed_methods, reason = "boxes know no runtime; a command has threads")]
fn thread(run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name("microvm-command".to_owned()).spawn(run).map(drop)
}
