//! Taking an export in: first the whole file is checked, then all of it
//! becomes durable in one transaction, and only then anything of it runs.
//! Whatever happens on the way, the store has all of it or nothing.

use super::check::{Part, bad, check, next_line};
use super::format::{Exported, ExportedMessage, ExportedTurn, FORMAT, Missing};
use crate::Result;
use crate::begun::{History, spawn_of};
use greenroom_journal::{Arrival, Imported, Journal, Outgoing, TurnRow};
use greenroom_model::{Content, Epoch, Millis, Op, ProcessId, Seq, Status};
use std::io::{BufRead, BufReader, Read, Seek};

/// An import to be made.
pub struct Import<F> {
    file: BufReader<F>,
}

/// What became of it.
#[derive(Clone, Debug)]
pub struct ImportDone {
    /// How many processes were taken in.
    pub imported: u64,
    /// How many were there already, and were left as they are.
    pub present: u64,
    /// Which were damaged when they were to be exported, and are not in the
    /// file.
    pub missing: Vec<Missing>,
}

impl<F: Read + Seek> Import<F> {
    /// Of this file, which is read twice.
    pub fn of(file: F) -> Import<F> {
        Import { file: BufReader::new(file) }
    }

    /// Makes it. `progress` hears how many processes have been read, and of
    /// how many.
    ///
    /// # Errors
    /// `bad_request` if the file is not whole; `differs` for a process that is
    /// there with another history; the store's. Nothing was imported then,
    /// except where the store's error is `unavailable` and nobody knows: doing
    /// it again is harmless.
    pub fn run(
        mut self,
        journal: &dyn Journal,
        epoch: Epoch,
        at: Millis,
        progress: &mut dyn FnMut(u64, u64),
    ) -> Result<ImportDone> {
        let rewind = |error: std::io::Error| bad(format!("it cannot be read: {error}"));
        self.file.rewind().map_err(rewind)?;
        let contents = check(&mut self.file)?;
        self.file.rewind().map_err(rewind)?;
        let (mut count, mut failed) = (0, None);
        let mut bytes = Vec::new();
        let mut next = || {
            progress(count, contents.processes.max(count));
            count += 1;
            arrival(journal, &mut self.file, &mut bytes).map_err(|error| {
                let why = error.to_string();
                failed = Some(error);
                greenroom_journal::Error::Unavailable { why }
            })
        };
        match journal.import(epoch, at, &mut next) {
            Ok(Imported { created, present }) => {
                Ok(ImportDone { imported: created, present, missing: contents.missing })
            }
            // What the file was refused for, not what the store made of that.
            Err(error) => Err(failed.unwrap_or_else(|| error.into())),
        }
    }
}

/// The next process of the file.
fn arrival(
    journal: &dyn Journal,
    file: &mut dyn BufRead,
    bytes: &mut Vec<u8>,
) -> Result<Option<Arrival>> {
    while let Some(line) = next_line(file, bytes)? {
        if let Part::Process(line) = Part::of(&line) {
            let process = serde_json::from_str(line);
            let process: Exported =
                process.map_err(|error| bad(format!("a process cannot be read: {error}")))?;
            return read(journal, process).map(Some);
        }
    }
    Ok(None)
}

fn read(journal: &dyn Journal, process: Exported) -> Result<Arrival> {
    let Exported { format, id, parent, parent_op, root, hops, status, turns, mailbox } = process;
    if format > FORMAT {
        return Err(bad(format!("{id} has format {format}: use a newer greenroom")));
    }
    let History { mut spawn, calls } = spawn_of(id.clone(), rows(&id, turns)?)(journal)?;
    spawn.parent = parent.zip(parent_op);
    spawn.hops = hops;
    // Its code may have more to say than its history holds.
    let held = spawn.status.is_ended() || matches!(spawn.status, Status::Paused | Status::Parked);
    if !held && status.is_none_or(|status| status == Status::Running) {
        spawn.status = Status::Running;
    }
    if let Some(root) = root {
        spawn.root = root;
    }
    let has = |answers: &dyn Fn(&Content) -> bool| {
        mailbox.iter().any(|message| answers(&message.content))
    };
    // What lies in the mailbox is not to be heard a second time.
    spawn.watches.retain(|watch| {
        !has(&|content| matches!(content, Content::Exited { op, .. } if *op == watch.op))
    });
    let calls: Vec<(Op, ProcessId)> = calls
        .into_iter()
        .filter(|(call, _)| {
            !has(&|content| matches!(content, Content::Reply { op, .. } if op == call))
        })
        .collect();
    let ended = spawn.status.is_ended();
    let mailbox = mailbox
        .into_iter()
        .filter(|message| !ended || message.content.reaches_ended())
        .map(|message| outgoing(&id, message))
        .collect();
    let mut arrival = Arrival { spawn, mailbox, calls };
    greenroom_journal::externalise_arrival(journal, &mut arrival)?;
    Ok(arrival)
}

fn rows(id: &ProcessId, turns: Vec<ExportedTurn>) -> Result<Vec<TurnRow>> {
    let mut next = Seq(1);
    let mut rows = Vec::with_capacity(turns.len());
    for ExportedTurn { seq, at, events } in turns {
        if seq != next || events.is_empty() {
            return Err(bad(format!("the history of {id} has a gap at event {next}")));
        }
        next = seq.plus(events.len());
        rows.push(TurnRow { seq, at, events });
    }
    Ok(rows)
}

fn outgoing(id: &ProcessId, message: ExportedMessage) -> Outgoing {
    let ExportedMessage { from, content, root, hops } = message;
    Outgoing { to: id.clone(), from, content, root, hops }
}
