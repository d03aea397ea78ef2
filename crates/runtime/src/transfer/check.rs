//! The lines of a file that is to be imported, and whether they are whole:
//! looked at before anything of it is taken in.

use super::format::{Damaged, End, FORMAT, FORMAT_BARE, Head, Missing, Running, Total};
use crate::{Error, Result};
use std::io::{BufRead, Read};

/// The longest line: a process with a very long history.
const LINE_MAX_BYTES: u64 = 1 << 30;

/// What a whole file holds.
#[derive(Debug, Default)]
pub(super) struct Contents {
    /// How many lines are processes.
    pub processes: u64,
    /// Which it lacks.
    pub missing: Vec<Missing>,
}

/// What a line is, by how it begins.
pub(super) enum Part<'l> {
    /// A process.
    Process(&'l str),
    /// A process that could not be exported.
    Damaged(&'l str),
    /// The first line.
    Head,
    /// The last line.
    End(&'l str),
    /// Nothing.
    Empty,
}

impl Part<'_> {
    pub fn of(line: &str) -> Part<'_> {
        match line {
            _ if line.trim().is_empty() => Part::Empty,
            _ if line.starts_with("{\"greenroom_export\"") => Part::Head,
            _ if line.starts_with("{\"damaged\"") => Part::Damaged(line),
            _ if line.starts_with("{\"end\"") => Part::End(line),
            _ => Part::Process(line),
        }
    }
}

/// The next line, without its end. `None` at the end of the file.
pub(super) fn next_line(file: &mut dyn BufRead, into: &mut Vec<u8>) -> Result<Option<String>> {
    into.clear();
    let read = |error: std::io::Error| bad(format!("it cannot be read: {error}"));
    file.take(LINE_MAX_BYTES).read_until(b'\n', into).map_err(read)?;
    if into.is_empty() {
        return Ok(None);
    }
    if into.len() as u64 == LINE_MAX_BYTES {
        return Err(bad(format!("a line is over the limit of {LINE_MAX_BYTES} bytes")));
    }
    if into.last() == Some(&b'\n') {
        into.pop();
    }
    let text = String::from_utf8(std::mem::take(into));
    text.map(Some).map_err(|_| bad("it is damaged: a line is not UTF-8"))
}

/// Reads it all, and checks all that can be checked without a store.
pub(super) fn check(file: &mut dyn BufRead) -> Result<Contents> {
    let mut bytes = Vec::new();
    let Some(first) = next_line(file, &mut bytes)? else {
        return Err(bad("it is empty"));
    };
    match format(&first)? {
        FORMAT_BARE => Ok(Contents::default()),
        _ => check_rest(file, &first),
    }
}

/// The version the first line says.
fn format(first: &str) -> Result<u32> {
    #[derive(serde::Deserialize)]
    struct Bare {
        format: u32,
    }
    let head = serde_json::from_str::<Head>(first).map(|head| head.greenroom_export);
    let bare = || serde_json::from_str::<Bare>(first).map(|bare| bare.format);
    let found = head.or_else(|_| bare()).map_err(|_| {
        bad("its first line is not one that `greenroom export` writes; it is another file, or damaged")
    })?;
    if found > FORMAT {
        let words = format!(
            "it has format {found}, this binary reads up to {FORMAT}: use a newer greenroom"
        );
        return Err(bad(words));
    }
    // A process in the first line without the line that says what follows.
    if found == 0 || (found != FORMAT_BARE && !first.starts_with("{\"greenroom_export\"")) {
        return Err(bad("its first line is missing"));
    }
    Ok(found)
}

fn check_rest(file: &mut dyn BufRead, first: &str) -> Result<Contents> {
    let (mut contents, mut sum, mut bytes) = (Contents::default(), Running::default(), Vec::new());
    sum.add(first);
    while let Some(line) = next_line(file, &mut bytes)? {
        match Part::of(&line) {
            Part::End(line) => {
                check_end(line, &contents, sum)?;
                return match next_line(file, &mut bytes)? {
                    None => Ok(contents),
                    Some(_) => Err(bad("there is more after its last line")),
                };
            }
            Part::Damaged(line) => {
                let missing = serde_json::from_str::<Damaged>(line);
                let missing = missing.map_err(|error| bad(format!("it is damaged: {error}")))?;
                contents.missing.push(missing.damaged);
            }
            _ => contents.processes += 1,
        }
        sum.add(&line);
    }
    Err(bad(format!(
        "its last line is missing: it was cut off after {} processes, or the export did not end",
        contents.processes
    )))
}

fn check_end(line: &str, contents: &Contents, sum: Running) -> Result<()> {
    let end: End =
        serde_json::from_str(line).map_err(|error| bad(format!("it is damaged: {error}")))?;
    let damaged = contents.missing.len() as u64;
    let found = Total { processes: contents.processes, damaged, sum: sum.word() };
    if end.end == found {
        return Ok(());
    }
    Err(bad(format!(
        "it is damaged: it should have {} processes with the sum {}, and has {} with {}",
        end.end.processes, end.end.sum, found.processes, found.sum
    )))
}

pub(super) fn bad(why: impl AsRef<str>) -> Error {
    let why = why.as_ref();
    Error::BadRequest(format!("the file cannot be imported: {why}; nothing was imported"))
}
