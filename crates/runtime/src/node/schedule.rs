//! Schedules: processes of the ready kind `schedule`, by their names.

use super::handle::Node;
use super::start::StartRequest;
use super::{SendRequest, Started};
use crate::ctx::{SCHEDULE_KIND, SHOWN};
use crate::{Error, Result};
use greenroom_journal::{Listing, ProcessRow};
use greenroom_model::schedule::{Schedule, ScheduleSpec};
use greenroom_model::{Millis, Payload, ProcessId, ProcessNo, Status};

/// How many schedules are read at once.
const PAGE: usize = 500;

/// A schedule, as it can be seen.
#[derive(Clone, Debug)]
pub struct Scheduled {
    /// Its process.
    pub id: ProcessId,
    /// What its process does: `paused` holds its starts back.
    pub status: Status,
    /// What it knows; `None` if it has only just been started.
    pub schedule: Option<Schedule>,
    /// The next times it fires.
    pub upcoming: Vec<Millis>,
}

impl Node {
    /// Starts a schedule of this name. One that is there is left as it is, unless
    /// it has been deleted or is to be replaced.
    ///
    /// # Errors
    /// `bad_request` with what is wrong with the specification, `unknown_kind`:
    /// nothing was started.
    pub async fn schedule(
        &self,
        name: &str,
        spec: ScheduleSpec,
        replace: bool,
        by: &str,
    ) -> Result<Started> {
        let id = ProcessId::new(SCHEDULE_KIND, name)?;
        self.check_schedule(name, spec.clone())?;
        let there = match self.process(&id).await {
            Ok(row) => Some(row),
            Err(Error::NoProcess { .. }) => None,
            Err(error) => return Err(error),
        };
        let input = Payload::of(&spec)?;
        let Some(row) = there else {
            let (kind, key) = (SCHEDULE_KIND.to_owned(), Some(name.to_owned()));
            let request = StartRequest { kind, key, input, budget: None, by: by.to_owned() };
            return self.start_process(request).await;
        };
        let known = self.shown(&row).await?;
        let deleted = known.is_some_and(|known| known.deleted);
        if replace || deleted {
            self.tell_schedule(name, "set", input, by).await?;
        }
        Ok(Started { id, created: deleted })
    }

    /// Refuses what cannot be done before anything is started.
    pub(super) fn check_schedule(&self, name: &str, spec: ScheduleSpec) -> Result<()> {
        let kind = spec.kind.clone();
        Schedule::new(name, spec, self.env.now()).map_err(Error::BadRequest)?;
        self.kind_to_start(&kind).map(drop)
    }

    /// Every schedule that has not been deleted, with its next time.
    pub async fn schedules(&self) -> Result<Vec<Scheduled>> {
        let alive: Vec<Status> =
            Status::ALL.into_iter().filter(|status| !status.is_ended()).collect();
        let (mut after, mut found) = (ProcessNo(0), Vec::new());
        loop {
            let (kind, statuses) = (Some(SCHEDULE_KIND.to_owned()), alive.clone());
            let page =
                Listing { kind, statuses, after: Some(after), limit: PAGE, ..Listing::default() };
            let rows = self.list(page).await?;
            let Some(last) = rows.last() else { return Ok(found) };
            after = last.no;
            for row in rows {
                let one = self.seen(row, 1).await?;
                if !one.schedule.as_ref().is_some_and(|known| known.deleted) {
                    found.push(one);
                }
            }
        }
    }

    /// One schedule, with so many of its next times.
    ///
    /// # Errors
    /// `no_process` also if it has been deleted.
    pub async fn scheduled(&self, name: &str, upcoming: usize) -> Result<Scheduled> {
        let id = ProcessId::new(SCHEDULE_KIND, name)?;
        let row = self.process(&id).await?;
        let found = self.seen(row, upcoming).await?;
        match found.schedule.as_ref().is_some_and(|known| known.deleted) {
            true => Err(Error::NoProcess { id }),
            false => Ok(found),
        }
    }

    /// Has it start now, beside its plan; with another input, if one is given.
    pub async fn run_schedule_now(&self, name: &str, input: Payload, by: &str) -> Result<()> {
        self.tell_schedule(name, "run", input, by).await
    }

    /// Triggers it: it starts once nobody has for a while.
    pub async fn trigger_schedule(&self, name: &str, input: Payload, by: &str) -> Result<()> {
        let waits = |known: &Schedule| known.spec.after_quiet_ms.is_some();
        if self.scheduled(name, 0).await?.schedule.as_ref().is_some_and(|known| !waits(known)) {
            let words = format!("the schedule {name} does not wait for triggers; it has its times");
            return Err(Error::BadRequest(words));
        }
        self.tell_schedule(name, "trigger", input, by).await
    }

    /// Has it start nothing any more; what it has started runs on.
    pub async fn delete_schedule(&self, name: &str, by: &str) -> Result<()> {
        self.tell_schedule(name, "delete", Payload::null(), by).await?;
        let id = ProcessId::new(SCHEDULE_KIND, name)?;
        // A paused one must take it as well; what was said comes before its times.
        match self.process(&id).await?.status {
            Status::Paused => self.part(1).resume(&id, by).await,
            _ => Ok(()),
        }
    }

    async fn tell_schedule(&self, name: &str, what: &str, body: Payload, by: &str) -> Result<()> {
        let id = ProcessId::new(SCHEDULE_KIND, name)?;
        let topic = format!("schedule.{what}");
        self.send(&id, SendRequest { topic, body, by: by.to_owned() }).await.map(drop)
    }

    async fn seen(&self, row: ProcessRow, upcoming: usize) -> Result<Scheduled> {
        let schedule = self.shown(&row).await?;
        let upcoming = schedule.as_ref().map_or_else(Vec::new, |known| known.upcoming(upcoming));
        Ok(Scheduled { id: row.id, status: row.status, schedule, upcoming })
    }

    async fn shown(&self, row: &ProcessRow) -> Result<Option<Schedule>> {
        let no = row.no;
        let state = self.read(move |journal| Ok(journal.state(no)?)).await?;
        let shown = state.into_iter().find(|entry| entry.key == SHOWN);
        Ok(shown.and_then(|entry| entry.value.read().ok()))
    }
}
