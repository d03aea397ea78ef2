//! Following one process: its history so far, then what becomes durable, then
//! its end.

use super::handle::Node;
use crate::engine::News;
use crate::{Error, Result};
use futures_util::future::{Either, select};
use greenroom_journal::{Scope, TurnRow};
use greenroom_model::{Event, Exit, Payload, ProcessId, ProcessNo, Seq};
use std::collections::VecDeque;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio::sync::watch;

/// Something about a process that is followed.
#[derive(Clone, Debug)]
pub enum Notice {
    /// A turn that is durable.
    Turn(TurnRow),
    /// A live value; not recorded anywhere.
    Emitted(Payload),
    /// The process has ended; nothing follows.
    Ended(Exit),
}

/// A process being followed.
pub struct Follow {
    node: Node,
    id: ProcessId,
    no: ProcessNo,
    /// Everything up to here has been handed out.
    seen: Seq,
    news: Receiver<News>,
    waiting: VecDeque<TurnRow>,
    ended: bool,
    /// The process may have ended since its row was last read.
    look: bool,
    /// Nothing is said about turns.
    quiet: bool,
    stopped: watch::Receiver<Option<String>>,
}

impl Node {
    /// Follows a process: the turns after `after`, then live. With `after` at
    /// its largest: no turns, only live values and the end.
    pub async fn follow(&self, id: &ProcessId, after: Seq) -> Result<Follow> {
        let row = self.found(id).await?;
        self.examine(&row).await?;
        // Listening begins before reading, so that nothing falls in between.
        let news = self.engine.hub.listen(row.no);
        let quiet = after == Seq(u64::MAX);
        let seen = after;
        let waiting = VecDeque::new();
        let mut follow = Follow {
            node: self.clone(),
            id: row.id,
            no: row.no,
            seen,
            news,
            waiting,
            ended: false,
            look: true,
            quiet,
            stopped: self.engine.stopped.subscribe(),
        };
        follow.catch_up().await?;
        Ok(follow)
    }
}

impl Follow {
    /// The next notice, waiting for it. `None` after the end.
    pub async fn next(&mut self) -> Option<Result<Notice>> {
        loop {
            if let Some(turn) = self.waiting.pop_front() {
                return Some(Ok(Notice::Turn(turn)));
            }
            if self.ended {
                return None;
            }
            match self.exit().await {
                Ok(Some(exit)) if self.waiting.is_empty() => {
                    self.ended = true;
                    return Some(Ok(Notice::Ended(exit)));
                }
                Ok(_) => {}
                Err(error) => return Some(Err(error)),
            }
            if !self.waiting.is_empty() {
                continue;
            }
            match self.hear().await {
                Ok(News::Emitted(value)) => return Some(Ok(Notice::Emitted(value))),
                Ok(News::Turn(turn)) => self.take(&turn),
                Ok(News::Missed) | Err(RecvError::Lagged(_)) => {
                    if let Err(error) = self.catch_up().await {
                        return Some(Err(error));
                    }
                }
                Ok(News::Damaged) => {
                    let why = self.node.engine.damage_of(self.no).map(|damage| damage.what);
                    let (id, why) = (self.id.clone(), why.unwrap_or_default());
                    return Some(Err(Error::Damaged { id, why }));
                }
                Err(RecvError::Closed) => {
                    let why = "it was asked to stop".to_owned();
                    return Some(Err(Error::Stopped { why }));
                }
            }
        }
    }

    /// The next news; closed once the node has stopped.
    async fn hear(&mut self) -> std::result::Result<News, RecvError> {
        let stopped = std::pin::pin!(self.stopped.wait_for(Option::is_some));
        let news = std::pin::pin!(self.news.recv());
        match select(news, stopped).await {
            Either::Left((news, _)) => news,
            Either::Right(_) => Err(RecvError::Closed),
        }
    }

    /// Waits for the end.
    pub(super) async fn end(&mut self) -> Result<Exit> {
        loop {
            match self.next().await {
                Some(Ok(Notice::Ended(exit))) => return Ok(exit),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => {
                    return Err(Error::Stopped { why: "it has ended".to_owned() });
                }
            }
        }
    }

    fn take(&mut self, turn: &TurnRow) {
        self.look |= turn.events.iter().any(Event::is_end);
        if !self.quiet && turn.seq > self.seen {
            self.seen = Seq(turn.seq.0 + turn.events.len() as u64 - 1);
            self.waiting.push_back(turn.clone());
        }
    }

    /// Reads what listening has missed.
    async fn catch_up(&mut self) -> Result<()> {
        self.look = true;
        if self.quiet {
            return Ok(());
        }
        let (no, after) = (self.no, self.seen);
        let loaded =
            self.node.read(move |journal| Ok(journal.load(no, Scope::After(after))?)).await?;
        for turn in loaded.into_iter().flat_map(|loaded| loaded.turns) {
            if turn.seq > self.seen {
                self.take(&turn);
            } else if turn.seq.0 + turn.events.len() as u64 > self.seen.0 + 1 {
                // Asked for from the middle of a turn.
                let skip = usize::try_from(self.seen.0 + 1 - turn.seq.0).unwrap_or(0);
                let events = turn.events[skip..].to_vec();
                self.take(&TurnRow { seq: Seq(self.seen.0 + 1), at: turn.at, events });
            }
        }
        Ok(())
    }

    /// How it ended, once every turn up to the end has been handed out.
    async fn exit(&mut self) -> Result<Option<Exit>> {
        if !std::mem::take(&mut self.look) {
            return Ok(None);
        }
        let no = self.no;
        let beyond = Scope::After(Seq(i64::MAX as u64));
        let head = self.node.read(move |journal| Ok(journal.load(no, beyond)?)).await?;
        let Some(row) = head.map(|loaded| loaded.row) else {
            return Ok(None);
        };
        if !row.status.is_ended() {
            return Ok(None);
        }
        if !self.quiet && self.seen < row.seq {
            self.catch_up().await?;
            self.look = true;
        }
        Ok(row.exit)
    }
}
