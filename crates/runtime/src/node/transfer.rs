//! Export and import: every process with its whole history, as JSON, from any
//! store to any other.

use super::fork::{History, spawn_of};
use super::handle::Node;
use crate::engine::External;
use crate::{Error, Result};
use greenroom_journal::{Journal, Outgoing, ProcessRow, Scope, TurnRow};
use greenroom_model::{Content, Event, Millis, Origin, ProcessId, ProcessNo, Seq};
use serde::{Deserialize, Serialize};

/// One process as it is exported. Format 1.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Exported {
    /// The format's version.
    pub format: u32,
    /// The store's number, to go on from.
    pub no: ProcessNo,
    /// Its id.
    pub id: ProcessId,
    /// Its parent, for people; not restored as a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<ProcessId>,
    /// Its whole journal; large payloads are here in full.
    pub turns: Vec<ExportedTurn>,
    /// Messages it has not taken, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mailbox: Vec<ExportedMessage>,
}

/// One turn of a journal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportedTurn {
    /// The place of its first event.
    pub seq: Seq,
    /// When it was committed.
    pub at: Millis,
    /// Its events.
    pub events: Vec<Event>,
}

/// One message of a mailbox.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ExportedMessage {
    /// Who sent it.
    pub from: Origin,
    /// What it says.
    pub content: Content,
    /// The request it goes back to.
    pub root: String,
    /// Messages and spawns between the root and it.
    pub hops: u32,
}

const FORMAT: u32 = 1;

impl Exported {
    /// Reads one process out of a store; the node need not run.
    pub fn read(journal: &dyn Journal, row: &ProcessRow) -> Result<Option<Exported>> {
        let Some(loaded) = journal.load(row.no, Scope::Whole)? else {
            return Ok(None);
        };
        let turns = loaded.turns.into_iter();
        let mailbox = loaded.mailbox.into_iter();
        Ok(Some(Exported {
            format: FORMAT,
            no: row.no,
            id: loaded.row.id,
            parent: loaded.row.parent,
            turns: turns
                .map(|TurnRow { seq, at, events }| ExportedTurn { seq, at, events })
                .collect(),
            mailbox: mailbox
                .map(|message| ExportedMessage {
                    from: message.from,
                    content: message.content,
                    root: message.root,
                    hops: message.hops,
                })
                .collect(),
        }))
    }
}

impl Node {
    /// Processes with all that belongs to them, in the order they were
    /// started, those after `after`.
    pub async fn export(&self, after: ProcessNo, limit: usize) -> Result<Vec<Exported>> {
        self.read(move |journal| {
            let listing = greenroom_journal::Listing {
                after: Some(after),
                limit,
                ..greenroom_journal::Listing::default()
            };
            let rows = journal.list(&listing)?;
            rows.iter().filter_map(|row| Exported::read(journal, row).transpose()).collect()
        })
        .await
    }

    /// Takes in an exported process, which goes on where it was. `false`: there
    /// is one of its id, and nothing was changed.
    pub async fn import(&self, process: Exported) -> Result<bool> {
        let Exported { format, id, turns, mailbox, .. } = process;
        if format != FORMAT {
            let words = format!("{id} was exported in format {format}; this binary reads {FORMAT}");
            return Err(Error::BadRequest(words));
        }
        let mut next = Seq(1);
        let mut rows = Vec::with_capacity(turns.len());
        for ExportedTurn { seq, at, events } in turns {
            if seq != next || events.is_empty() {
                let words = format!("the history of {id} has a gap at event {next}");
                return Err(Error::BadRequest(words));
            }
            next = seq.plus(events.len());
            rows.push(TurnRow { seq, at, events });
        }
        let History { spawn, .. } = self.read(spawn_of(id.clone(), rows)).await?;
        let ended = spawn.status.is_ended();
        let external = External { spawns: vec![spawn], fresh: vec![None], ..External::default() };
        let receipt = self.request(external).await?.receipt;
        if !receipt.spawned.first().is_some_and(|spawned| spawned.created) {
            return Ok(false);
        }
        let sends: Vec<Outgoing> = mailbox
            .into_iter()
            .filter(|message| !ended || message.content.reaches_ended())
            .map(|ExportedMessage { from, content, root, hops }| Outgoing {
                to: id.clone(),
                from,
                content,
                root,
                hops,
            })
            .collect();
        if !sends.is_empty() {
            self.request(External { sends, ..External::default() }).await?;
        }
        Ok(true)
    }
}
