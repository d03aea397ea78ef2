//! What a person does about a process: each is a message in its control lane,
//! so it takes effect in the process's own turn, in order, once.

use super::handle::Node;
use super::once::Wish;
use super::send::taken;
use crate::{Error, Result};
use greenroom_journal::Scope;
use greenroom_model::{
    Content, Event, Message, ProcessId, ProcessNo, Seq, Status, history_in_force, restart_point,
};

/// Where a restart goes back to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RestartFrom {
    /// Before what ended it: a step that failed is tried again under its old
    /// key; what was done stays done. Only for a process that has ended.
    Failure,
    /// To its beginning (of the current segment), with its input, and with new
    /// keys for its steps: everything is done again.
    Start,
    /// To an event of the current segment; what followed no longer counts.
    At(Seq),
}

impl Node {
    /// Asks a process to stop: what it waits for fails as `cancelled`, its
    /// compensations run. Takes effect soon after this returns.
    pub async fn cancel(&self, id: &ProcessId, reason: &str, by: &str) -> Result<()> {
        let wish = self.wish("cancel", &[id.as_str(), reason]);
        self.tell(id, Content::cancel(reason), by, wish).await
    }

    /// Ends a process without running its code again.
    pub async fn kill(&self, id: &ProcessId, reason: &str, by: &str) -> Result<()> {
        let wish = self.wish("kill", &[id.as_str(), reason]);
        match self.tell(id, Content::kill(reason), by, wish).await {
            // Nobody can take the message.
            Err(Error::Damaged { .. }) => self.end_damaged(id, reason).await,
            done => done,
        }
    }

    /// Holds a process: it takes no turn until `resume`. A step under way runs
    /// on, its result waits.
    pub async fn pause(&self, id: &ProcessId, by: &str) -> Result<()> {
        let wish = self.wish("pause", &[id.as_str()]);
        self.tell(id, Content::Pause, by, wish).await
    }

    pub(super) async fn tell(
        &self,
        id: &ProcessId,
        content: Content,
        by: &str,
        wish: Wish,
    ) -> Result<()> {
        match self.done(&wish).await? {
            Some(done) => taken(id, &done.receipt),
            None => self.append(id, content, by, wish).await.map(drop),
        }
    }

    /// Lets a paused process go on, or tries a parked or damaged one again.
    pub async fn resume(&self, id: &ProcessId, by: &str) -> Result<()> {
        let wish = self.wish("resume", &[id.as_str()]);
        if let Some(done) = self.done(&wish).await? {
            return taken(id, &done.receipt);
        }
        let row = self.found(id).await?;
        if row.status.is_ended() {
            return Err(Error::Ended { id: id.clone(), status: row.status });
        }
        let was_damaged = self.engine.damage_of(row.no).is_some();
        self.examine(&row).await?;
        if was_damaged {
            self.engine.wake(row.no);
        }
        if !matches!(row.status, Status::Paused | Status::Parked) {
            if was_damaged {
                return Ok(());
            }
            if self.is_to_be_paused(row.no).await? {
                return self.append(id, Content::Resume, by, wish).await.map(drop);
            }
            let next = "there is nothing to resume";
            return Err(Error::NotNow { id: id.clone(), status: row.status, next });
        }
        self.append(id, Content::Resume, by, wish).await.map(drop)
    }

    /// Whether it is paused by now, or the wish is on its way: who resumes it right after must
    /// not be told that there is nothing to resume.
    async fn is_to_be_paused(&self, no: ProcessNo) -> Result<bool> {
        self.read(move |journal| {
            let loaded = journal.load(no, Scope::After(Seq(i64::MAX as u64)))?;
            let Some(loaded) = loaded else { return Ok(false) };
            let last = loaded.mailbox.iter().rev().find_map(|message| match message.content {
                Content::Pause => Some(true),
                Content::Resume => Some(false),
                _ => None,
            });
            Ok(last.unwrap_or(loaded.row.status == Status::Paused))
        })
        .await
    }

    /// Takes a process back and lets it run on from there.
    ///
    /// # Errors
    /// `not_now` for [`RestartFrom::Failure`] of a process that has not ended;
    /// `bad_request` for a place that is not in its current segment; `not_now`
    /// also if another restart is on its way. Of two that are asked for at the
    /// same moment the first counts.
    pub async fn restart(&self, id: &ProcessId, from: RestartFrom, by: &str) -> Result<()> {
        let wish = self.wish("restart", &[id.as_str(), &format!("{from:?}")]);
        if let Some(done) = self.done(&wish).await? {
            return taken(id, &done.receipt);
        }
        let _deciding = self.deciding.lock().await;
        let row = self.found(id).await?;
        let keep = match from {
            RestartFrom::Start => None,
            RestartFrom::At(seq) if seq >= row.segment && seq <= row.seq => Some(seq),
            RestartFrom::At(seq) => {
                return Err(Error::BadRequest(format!(
                    "{id} has no event {seq} in its current segment, which is {} to {}",
                    row.segment, row.seq
                )));
            }
            RestartFrom::Failure if row.status == Status::Parked => {
                let next = "`resume` tries a parked process again";
                return Err(Error::NotNow { id: id.clone(), status: row.status, next });
            }
            RestartFrom::Failure => Some(self.before_the_end(id, &row).await?),
        };
        let restarts = |message: &Message| matches!(message.content, Content::Restart { .. });
        if self.mailbox(&row).await?.iter().any(restarts) {
            let next = "a restart of it is on its way already";
            return Err(Error::NotNow { id: id.clone(), status: row.status, next });
        }
        let content = Content::Restart { keep, asked_at: Some(row.seq) };
        self.append(id, content, by, wish).await.map(drop)
    }

    async fn before_the_end(
        &self,
        id: &ProcessId,
        row: &greenroom_journal::ProcessRow,
    ) -> Result<Seq> {
        let loaded = self.loaded(row, Scope::Segment).await?;
        let turns = loaded.map(|loaded| loaded.turns).unwrap_or_default();
        let events: Vec<(Seq, Event)> = turns
            .into_iter()
            .flat_map(|turn| {
                let first = turn.seq;
                turn.events.into_iter().enumerate().map(move |(at, event)| (first.plus(at), event))
            })
            .collect();
        let events = history_in_force(events, |(seq, event)| (*seq, event));
        restart_point(&events).map_err(|next| Error::NotNow {
            id: id.clone(),
            status: row.status,
            next,
        })
    }
}
