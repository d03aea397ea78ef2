//! What commands print, written down beside their rows as it comes.
//!
//! ```text
//! <box>/log/NO       pieces: a letter (o, e: a stream; c: bytes that were cut; b: in the
//!                    background), the length of what follows, that. Locked while it is written.
//! <box>/log/NO.kept  what a command in the background had printed when its box was ended
//! ```
//! A log that cannot be written is no reason for a command to fail: then it is short.

use super::open::Engine;
use super::records::ExecRow;
use crate::build::Image;
use crate::error::Error;
use crate::sandbox::Stream;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

#[cfg(test)]
mod tests;

/// How much of what a command prints is kept where its box does not say.
const OUTPUT_BYTES: u64 = 1 << 20;

/// The logs of so many commands of a box are kept, as far as they fit into so many times what
/// one may have. The oldest go first.
const LOGS_MAX: usize = 256;
const LOGS_BYTES_FACTOR: u64 = 64;

const OUT: u8 = b'o';
const ERR: u8 = b'e';
const CUT: u8 = b'c';
const BACKGROUND: u8 = b'b';

/// The longest piece: the reader takes nothing for longer.
const PIECE_BYTES: usize = 1 << 16;
const HEAD_BYTES: usize = 5;

/// A log that is being written.
#[derive(Debug)]
pub struct Log {
    file: Option<File>,
    left: u64,
    cut: u64,
}

/// Something of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Logged {
    /// This was printed.
    Printed(Stream, Vec<u8>),
    /// So many bytes after it were not kept.
    Cut(u64),
}

/// A log that is read, from its beginning; at its end it may grow.
#[derive(Debug)]
pub struct ReadLog {
    file: File,
    inside: Option<Inside>,
    background: bool,
}

/// Where a command in the background writes, without any form. It is the box's own file, of
/// whatever size it makes it: the beginning is read, as of any command.
#[derive(Debug)]
struct Inside {
    file: File,
    left: u64,
    /// Whether it was told that there is more.
    cut: bool,
}

impl Log {
    fn create(path: &Path, left: u64) -> std::io::Result<Log> {
        let file = File::options().create(true).truncate(true).write(true).open(path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        Ok(Log { file: Some(file), left, cut: 0 })
    }

    /// Takes in what a command has printed.
    pub fn push(&mut self, stream: Stream, bytes: &[u8]) {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
        let (kept, over) = bytes.split_at(room);
        self.left -= kept.len() as u64;
        self.cut += over.len() as u64;
        let letter = if stream == Stream::Stdout { OUT } else { ERR };
        kept.chunks(PIECE_BYTES).for_each(|piece| self.write(letter, piece));
    }

    fn write(&mut self, letter: u8, bytes: &[u8]) {
        let Some(file) = &mut self.file else { return };
        let mut piece = Vec::with_capacity(HEAD_BYTES + bytes.len());
        piece.push(letter);
        piece.extend(u32::try_from(bytes.len()).unwrap_or(0).to_le_bytes());
        piece.extend(bytes);
        if file.write_all(&piece).is_err() {
            // What was half written is read by nobody.
            self.file = None;
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        if self.cut > 0 {
            self.write(CUT, &self.cut.to_le_bytes());
        }
    }
}

impl ReadLog {
    /// What comes next; `None` when there is nothing more now.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn read(&mut self) -> Result<Option<Logged>, Error> {
        let next = self.piece().transpose().or_else(|| self.printed_inside().transpose());
        next.transpose().map_err(|error| Error::io("read", "a command's log", error))
    }

    fn piece(&mut self) -> std::io::Result<Option<Logged>> {
        loop {
            let at = self.file.stream_position()?;
            let mut head = [0; HEAD_BYTES];
            let Some(()) = whole(&mut self.file, &mut head, at)? else { return Ok(None) };
            let [letter, length @ ..] = head;
            let mut bytes = vec![0; (u32::from_le_bytes(length) as usize).min(PIECE_BYTES)];
            let Some(()) = whole(&mut self.file, &mut bytes, at)? else { return Ok(None) };
            match letter {
                OUT => return Ok(Some(Logged::Printed(Stream::Stdout, bytes))),
                ERR => return Ok(Some(Logged::Printed(Stream::Stderr, bytes))),
                CUT => {
                    let count = bytes.try_into().map_or(0, u64::from_le_bytes);
                    return Ok(Some(Logged::Cut(count)));
                }
                _ => {}
            }
        }
    }

    fn printed_inside(&mut self) -> std::io::Result<Option<Logged>> {
        let Some(inside) = &mut self.inside else { return Ok(None) };
        let bytes = inside.read()?;
        if !bytes.is_empty() {
            return Ok(Some(Logged::Printed(Stream::Stdout, bytes)));
        }
        let over = if inside.cut { 0 } else { inside.over()? };
        inside.cut |= over > 0;
        Ok((over > 0).then_some(Logged::Cut(over)))
    }

    /// Whether more may come: somebody writes down what the command prints, or it is in the
    /// background of a box that runs.
    #[must_use]
    pub fn may_grow(&self) -> bool {
        let locked = flock(&self.file, FlockOperation::NonBlockingLockShared);
        self.inside.is_some() || locked == Err(Errno::WOULDBLOCK)
    }
}

impl Inside {
    fn new(file: File, left: u64) -> Inside {
        Inside { file, left, cut: false }
    }

    /// What comes next of what is kept; nothing at its end.
    fn read(&mut self) -> std::io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let room = self.left.min(PIECE_BYTES as u64);
        let count = (&self.file).take(room).read_to_end(&mut bytes)?;
        self.left -= count as u64;
        Ok(bytes)
    }

    /// How many bytes there are beyond what is kept.
    fn over(&mut self) -> std::io::Result<u64> {
        let read = self.file.stream_position()?;
        let over = self.file.metadata()?.len().saturating_sub(read);
        Ok(if self.left == 0 { over } else { 0 })
    }
}

/// Reads all of it or nothing: the rest may come later.
fn whole(file: &mut File, bytes: &mut [u8], at: u64) -> std::io::Result<Option<()>> {
    match file.read_exact(bytes) {
        Ok(()) => Ok(Some(())),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            file.seek(SeekFrom::Start(at)).map(|_| None)
        }
        Err(error) => Err(error),
    }
}

impl Engine {
    fn log_dir(&self, name: &str) -> PathBuf {
        self.box_dir(name).join("log")
    }

    pub(super) fn open_log(&self, name: &str, no: i64, left: u64, background: bool) -> Log {
        let dir = self.log_dir(name);
        let made = std::fs::create_dir_all(&dir);
        prune(&dir, left.saturating_mul(LOGS_BYTES_FACTOR));
        let opened = made.and_then(|()| Log::create(&dir.join(no.to_string()), left));
        let mut log = opened.unwrap_or(Log { file: None, left, cut: 0 });
        if background {
            log.write(BACKGROUND, &[]);
        }
        log
    }

    /// What a command has printed: of both streams together the first `limits.output` bytes. A
    /// box that does not run is not started for it. `None` if it is not kept any more.
    ///
    /// # Errors
    /// [`Error::Missing`]: the box has no such command.
    pub fn read_log(&self, name: &str, no: i64) -> Result<Option<ReadLog>, Error> {
        let row = self.row(name)?;
        if !self.records.has_exec(name, no)? {
            return Err(Error::Missing(format!("command {no} of `{name}`")));
        }
        let dir = self.log_dir(name);
        let Some(mut log) = opened(&dir.join(no.to_string()))? else { return Ok(None) };
        if log.background {
            let inside = self.adopted(&row)?.and_then(|one| one.open_file(&path_inside(no)).ok());
            let left = output_max(&self.image_of(name)?);
            log.inside = inside.map(|file| Inside::new(file, left));
            if log.inside.is_none() {
                return opened(&dir.join(format!("{no}.kept")));
            }
        }
        Ok(Some(log))
    }

    /// Copies what commands in the background have printed out of a box that is about to end.
    pub(super) fn keep_logs(&self, name: &str) -> Result<(), Error> {
        let row = self.row(name)?;
        let dir = self.log_dir(name);
        let Some(sandbox) = self.adopted(&row)? else { return Ok(()) };
        let left = output_max(&self.image_of(name)?);
        for ExecRow { no, .. } in self.execs(name)? {
            if !opened(&dir.join(no.to_string()))?.is_some_and(|log| log.background) {
                continue;
            }
            let Ok(inside) = sandbox.open_file(&path_inside(no)) else { continue };
            let Ok(mut log) = Log::create(&dir.join(format!("{no}.kept")), left) else { continue };
            let mut inside = Inside::new(inside, left);
            while let Ok(bytes @ [_, ..]) = inside.read().as_deref() {
                log.push(Stream::Stdout, bytes);
            }
            log.cut += inside.over().unwrap_or(0);
        }
        Ok(())
    }
}

fn opened(path: &Path) -> Result<Option<ReadLog>, Error> {
    let io = |error| Error::io("open", path, error);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(error)),
    };
    let mut first = [0];
    let background = matches!(file.read(&mut first), Ok(1)) && first == [BACKGROUND];
    file.rewind().map_err(io)?;
    Ok(Some(ReadLog { file, inside: None, background }))
}

/// Removes the oldest, so that one more has room. What cannot be removed now is later.
fn prune(dir: &Path, bytes_max: u64) {
    let mut logs: BTreeMap<i64, u64> = BTreeMap::new();
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let no = name.to_str().and_then(|name| name.trim_end_matches(".kept").parse().ok());
        if let (Some(no), Ok(metadata)) = (no, entry.metadata()) {
            *logs.entry(no).or_default() += metadata.len();
        }
    }
    let mut bytes = 0;
    for (place, (no, size)) in logs.iter().rev().enumerate() {
        bytes += size;
        if place + 1 >= LOGS_MAX || bytes > bytes_max {
            let _ = std::fs::remove_file(dir.join(no.to_string()));
            let _ = std::fs::remove_file(dir.join(format!("{no}.kept")));
        }
    }
}

/// How much of what a command prints is kept as text.
pub(super) fn output_max(image: &Image) -> u64 {
    image.limits.output_bytes.unwrap_or(OUTPUT_BYTES)
}

/// Where a command in the background writes, in the box: memory, and no part of its files.
fn path_inside(no: i64) -> PathBuf {
    PathBuf::from(format!("/tmp/greenroom-{no}.log"))
}

/// The shell looks for the program first: of what it starts in the background it tells nothing.
const LOOK: &str = r#"case "$1" in
*/*) [ -e "$1" ] || exit 127; { [ -f "$1" ] && [ -x "$1" ]; } || exit 126 ;;
*) command -v "$1" > /dev/null || exit 127 ;;
esac"#;

/// The shell of the box starts it, so that who asked for it can end.
pub(super) fn in_background(no: i64, argv: &[String]) -> Vec<String> {
    let path = path_inside(no);
    let line = format!("{LOOK}\n\"$@\" > {} 2>&1 < /dev/null &", path.display());
    let shell = ["/bin/sh".to_owned(), "-c".to_owned(), line, "sh".to_owned()];
    shell.into_iter().chain(argv.iter().cloned()).collect()
}
