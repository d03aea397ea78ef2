//! Lines that a person types while something else goes on, or that come by a pipe.
//!
//! A terminal hands over whole lines: what is half typed cannot be seen, and a line
//! that is read may have been begun long before. Who shows a question therefore
//! takes away what is half typed ([`Prompt::pause`]), so that no line answers a
//! question that was not there when it was begun.

#[cfg(test)]
mod tests;

use greenroom_model::PAYLOAD_MAX_BYTES;
use greenroom_runtime::Env;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcgetpgrp, tcsetattr};
use std::io::{IsTerminal, Stdin, stdin};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc;

/// What was typed.
#[derive(Debug, PartialEq)]
pub enum Typed {
    /// A line; on a terminal all lines that came at once, as a paste does.
    Text(String),
    /// A line longer than a terminal can take: the rest of it is lost.
    Cut,
    /// A line, or a paste, longer than any message may be: nothing of it is kept.
    TooLong,
    /// It is not UTF-8.
    NotText,
}

/// What was there when it was paused.
#[derive(Debug, PartialEq)]
pub enum Paused {
    /// Nothing was typed since the last line.
    Clean,
    /// This was half typed. It is taken away.
    Half(String),
    /// There are lines still to be read: first those.
    Busy,
}

/// A terminal takes so long a line, with its end, and drops what is more.
const LINE_MAX: usize = if cfg!(target_os = "linux") { 4096 } else { 1024 };

/// Nobody has read a question and answered it within this time: the line was meant
/// for what stood there before.
pub const READING_TIME: Duration = Duration::from_millis(700);

/// Lines that come within this are one paste: nobody types so fast.
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 30_000_000 };

const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

/// So many lines are read ahead.
const AHEAD_MAX: usize = 16;

/// The lines of standard input. Reading begins with the first wish for one.
#[derive(Default)]
pub struct Prompt {
    lines: Option<mpsc::Receiver<Typed>>,
    /// Held while something is being read and handed over.
    reading: Arc<Mutex<()>>,
}

impl Prompt {
    /// Begins to read, if it has not.
    pub fn begin(&mut self, env: &dyn Env) {
        if self.lines.is_some() {
            return;
        }
        let (sender, receiver) = mpsc::channel(AHEAD_MAX);
        self.lines = Some(receiver);
        let is_terminal = stdin().is_terminal();
        let reader = Reader { stdin: stdin(), is_terminal, reading: self.reading.clone(), sender };
        // A thread of its own: a read of a terminal cannot be given up.
        env.thread("prompt", Box::new(move || reader.run()));
    }

    /// What comes next; `None`: nothing will. For ever nothing if nobody has begun to
    /// read.
    pub async fn next(&mut self) -> Option<Typed> {
        match &mut self.lines {
            Some(lines) => lines.recv().await,
            None => std::future::pending().await,
        }
    }

    /// The next line; for ever nothing if there is none to come.
    pub async fn line(&mut self) -> String {
        if self.lines.is_some() {
            while let Some(typed) = self.next().await {
                if let Typed::Text(line) = typed {
                    return line;
                }
            }
        }
        std::future::pending().await
    }

    /// Sees to it that the lines from now on were begun from now on; without `takes`
    /// only that none waits to be read.
    pub fn pause(&mut self, takes: bool) -> Paused {
        let Some(lines) = &self.lines else { return Paused::Clean };
        let Ok(_reading) = self.reading.try_lock() else { return Paused::Busy };
        let stdin = stdin();
        if !lines.is_empty() || (!lines.is_closed() && is_ready(&stdin, Some(&NOW))) {
            return Paused::Busy;
        }
        if !takes || !stdin.is_terminal() {
            return Paused::Clean;
        }
        match half_typed(&stdin) {
            Ok(bytes) if bytes.is_empty() => Paused::Clean,
            Ok(bytes) => Paused::Half(String::from_utf8_lossy(&bytes).into_owned()),
            // Of this terminal nothing more can be known.
            Err(_) => Paused::Clean,
        }
    }
}

/// Takes what stands in the line that is being typed. For that moment the terminal
/// hands over single letters.
fn half_typed(stdin: &Stdin) -> Result<Vec<u8>, Errno> {
    // Who works in the background would be stopped for changing the terminal, and
    // nobody types for it.
    if tcgetpgrp(stdin).is_ok_and(|front| front != rustix::process::getpgrp()) {
        return Ok(Vec::new());
    }
    let lines = tcgetattr(stdin)?;
    let mut letters = lines.clone();
    letters.local_modes.remove(LocalModes::ICANON);
    tcsetattr(stdin, OptionalActions::Now, &letters)?;
    let taken = rustix::io::ioctl_fionread(stdin).and_then(|count| {
        let mut bytes = vec![0; usize::try_from(count).unwrap_or(LINE_MAX).min(LINE_MAX)];
        let count = if bytes.is_empty() { 0 } else { rustix::io::read(stdin, &mut bytes)? };
        bytes.truncate(count);
        Ok(bytes)
    });
    tcsetattr(stdin, OptionalActions::Now, &lines)?;
    taken
}

fn is_ready(stdin: &Stdin, wait: Option<&Timespec>) -> bool {
    let mut one = [PollFd::new(stdin, PollFlags::IN)];
    // Where it cannot be asked, reading waits.
    poll(&mut one, wait).map_or_else(|error| error != Errno::INTR, |count| count > 0)
}

/// Reads on a thread of its own.
struct Reader {
    stdin: Stdin,
    is_terminal: bool,
    reading: Arc<Mutex<()>>,
    sender: mpsc::Sender<Typed>,
}

impl Reader {
    fn run(self) {
        let mut lines = Lines::default();
        loop {
            if !is_ready(&self.stdin, None) {
                continue;
            }
            let _reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
            // What was there may have been taken away in between.
            if !is_ready(&self.stdin, Some(&NOW)) {
                continue;
            }
            let (mut cut, mut over, mut typed) = (false, false, Vec::new());
            loop {
                match self.read(&mut lines, &mut typed) {
                    0 => over = true,
                    count => cut |= self.is_terminal && count >= LINE_MAX,
                }
                if over || !self.is_terminal || !is_ready(&self.stdin, Some(&AT_ONCE)) {
                    break;
                }
                // A paste without an end is not gathered for ever.
                typed = paste(typed).into_iter().collect();
            }
            if over {
                typed.extend(lines.end());
            }
            if self.is_terminal {
                typed = paste(typed).into_iter().collect();
            }
            if cut && !typed.is_empty() {
                typed = vec![Typed::Cut];
            }
            let heard = typed.into_iter().all(|one| self.sender.blocking_send(one).is_ok());
            if !heard || over {
                return;
            }
        }
    }

    /// Reads what is there; 0: no more will come.
    fn read(&self, lines: &mut Lines, typed: &mut Vec<Typed>) -> usize {
        let mut bytes = [0; 2 * LINE_MAX];
        loop {
            match rustix::io::read(&self.stdin, &mut bytes) {
                Ok(count) => {
                    typed.extend(bytes.get(..count).into_iter().flat_map(|read| lines.take(read)));
                    return count;
                }
                Err(Errno::INTR) => {}
                Err(_) => return 0,
            }
        }
    }
}

/// Lines out of bytes as they come. Each byte is looked at once, and of a line that is
/// too long nothing is held.
#[derive(Default)]
struct Lines {
    /// The line that has no end yet.
    held: Vec<u8>,
    too_long: bool,
}

impl Lines {
    /// The lines that these bytes end.
    fn take(&mut self, bytes: &[u8]) -> Vec<Typed> {
        let mut typed = Vec::new();
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            let text = piece.strip_suffix(b"\n");
            self.hold(text.unwrap_or(piece));
            typed.extend(text.map(|_| self.whole()));
        }
        typed
    }

    /// What stands there without an end, once no more will come.
    fn end(&mut self) -> Option<Typed> {
        (self.too_long || !self.held.is_empty()).then(|| self.whole())
    }

    fn hold(&mut self, text: &[u8]) {
        if self.held.len() + text.len() > PAYLOAD_MAX_BYTES {
            (self.held, self.too_long) = (Vec::new(), true);
        }
        if !self.too_long {
            self.held.extend_from_slice(text);
        }
    }

    fn whole(&mut self) -> Typed {
        let text = std::mem::take(&mut self.held);
        match std::mem::take(&mut self.too_long) {
            true => Typed::TooLong,
            false => String::from_utf8(text).map_or(Typed::NotText, Typed::Text),
        }
    }
}

/// Lines that came at once, as one.
fn paste(lines: Vec<Typed>) -> Option<Typed> {
    lines.into_iter().reduce(|before, line| match (before, line) {
        (Typed::Text(before), Typed::Text(line))
            if before.len() + line.len() >= PAYLOAD_MAX_BYTES =>
        {
            Typed::TooLong
        }
        (Typed::Text(mut before), Typed::Text(line)) => {
            before.push('\n');
            before.push_str(&line);
            Typed::Text(before)
        }
        (Typed::Text(_), wrong) | (wrong, _) => wrong,
    })
}
