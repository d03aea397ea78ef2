//! Processes the store cannot give back whole, as those who ask for them hear
//! of it, and the ways out.

use super::handle::Node;
use crate::engine::{External, damage_in_words};
use crate::{Error, Result};
use greenroom_journal::{AccountWork, Loaded, Outgoing, ProcessRow, Scope, Turn, encode_events};
use greenroom_model::{Content, Event, Exit, Op, Origin, ProcessId, Seq, Status};
use tokio::sync::watch;

impl Node {
    /// A process's row as the store has it.
    ///
    /// # Errors
    /// `damaged` if the row itself cannot be right.
    pub(super) async fn found(&self, id: &ProcessId) -> Result<ProcessRow> {
        let wanted = id.clone();
        let row = self.read(move |journal| Ok(journal.find(&wanted)?)).await;
        let row = row.map_err(|error| damaged(id, error))?;
        row.ok_or_else(|| Error::NoProcess { id: id.clone() })
    }

    /// A process's row, of a process that can be brought back or has ended. One
    /// read where `found` and `examine` are two: messages come this way.
    pub(super) async fn reachable(&self, id: &ProcessId) -> Result<ProcessRow> {
        let (engine, wanted) = (self.engine.clone(), id.clone());
        let row = self.read(move |journal| {
            let row = journal.find(&wanted)?;
            if let Some(row) = row.as_ref().filter(|row| !row.status.is_ended()) {
                engine.examine(row.no)?;
            }
            Ok(row)
        });
        let row = row.await.map_err(|error| damaged(id, error))?;
        row.ok_or_else(|| Error::NoProcess { id: id.clone() })
    }

    /// A process's journal and mailbox.
    pub(super) async fn loaded(&self, row: &ProcessRow, scope: Scope) -> Result<Option<Loaded>> {
        let no = row.no;
        let loaded = self.read(move |journal| Ok(journal.load(no, scope)?)).await;
        loaded.map_err(|error| damaged(&row.id, error))
    }

    /// Whether a process can be brought back: reads it, unless it is in memory.
    pub(super) async fn examine(&self, row: &ProcessRow) -> Result<()> {
        if row.status.is_ended() {
            return Ok(());
        }
        let (engine, no) = (self.engine.clone(), row.no);
        let read = self.read(move |_| Ok(engine.examine(no)?)).await;
        read.map_err(|error| damaged(&row.id, error))
    }

    /// What is known of damage, in the row.
    pub(super) fn marked(&self, mut row: ProcessRow) -> ProcessRow {
        if !row.status.is_ended() && self.engine.damage_of(row.no).is_some() {
            row.status = Status::Damaged;
        }
        row
    }

    /// Ends a process that cannot be read, as its own next turn: its journal
    /// goes on from the row's sum, so the damage stays to be seen.
    pub(super) async fn end_damaged(&self, id: &ProcessId, reason: &str) -> Result<()> {
        let row = self.found(id).await?;
        let at = self.env.now().max(row.changed_at);
        let exit = Exit::Killed(reason.to_owned());
        let body = encode_events(&[Event::WorkflowFailed { exit: exit.clone() }])?;
        // Its supervisor hears of it by the process's own word, which it has not.
        let supervisor = row.parent.filter(|_| row.parent_op == Some(Op(0)));
        let told = supervisor.map(|to| Outgoing {
            to,
            from: Origin::Process(id.clone()),
            content: Content::Exited { op: Op(0), id: id.clone(), exit: exit.clone() },
            root: row.root,
            hops: row.hops,
        });
        let sends = told.into_iter().collect();
        let turn = Turn {
            process: row.no,
            id: row.id,
            shard: row.shard,
            expect_seq: row.seq,
            sum: row.sum.then(Seq(row.seq.0 + 1), at, &body),
            body,
            count: 1,
            status: Status::Cancelled,
            wake_at: None,
            segment: row.segment,
            kind: None,
            exit: Some(exit),
            consumed: Vec::new(),
            watches: Vec::new(),
            asks: Vec::new(),
            state: Vec::new(),
            unset: Vec::new(),
            given_up: Vec::new(),
            to_children: Vec::new(),
            unwatched: Vec::new(),
            leaves: false,
            roots: Vec::new(),
            links: Vec::new(),
            unlinks: Vec::new(),
        };
        let accounts = vec![AccountWork::Close { account: id.clone() }];
        let turn = Some(turn);
        let external = External { at: Some(at), turn, sends, accounts, ..External::default() };
        self.request(external).await.map_err(|error| damaged(id, error))?;
        self.engine.ended_damaged(row.no);
        self.engine.lines.has_ended(row.no);
        Ok(())
    }

    /// Hears each time something about the node's health changes.
    pub fn health_changes(&self) -> watch::Receiver<u64> {
        self.engine.health_changed.subscribe()
    }
}

/// Damage of the store is damage of this process.
fn damaged(id: &ProcessId, error: Error) -> Error {
    match error {
        Error::Store(error) if error.is_damage() => {
            Error::Damaged { id: id.clone(), why: damage_in_words(&error) }
        }
        error => error,
    }
}
