//! The threads of a real node: workers that visit, one committer, one for
//! timers. The simulator does the same, one call at a time.

use super::desk::{Desk, Job};
use super::pending::Pending;
use super::state::Engine;
use greenroom_journal::Listing;
use greenroom_model::{ProcessNo, Seq, Status};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError, TryLockError};
use std::time::Duration;

/// How many visits and steps a worker takes from the queue at once.
const JOBS_AT_ONCE: usize = 32;
/// How many processes are looked up at once when a node starts.
const RECOVERED_AT_ONCE: usize = 200;
/// With this much to do, recovery waits before it brings more.
const READY_ENOUGH: usize = 100;
const RECOVERY_PAUSES_MAX: usize = 200;
const RECOVERY_PAUSE: Duration = Duration::from_micros(500);
/// So often in a row nothing is seen to be done.
const QUIET_LOOKS: u32 = 4;
/// With so many to bring back that it takes longer, steps are let in meanwhile.
const QUEUES_SHUT_MAX: Duration = Duration::from_secs(5);
/// The longest wait between two looks at the timers.
const TIMER_WAIT_MAX: Duration = Duration::from_secs(1);
/// The longest wait before a failed commit is tried again.
const COMMIT_WAIT_MAX: Duration = Duration::from_secs(2);

impl Engine {
    /// Starts the threads.
    pub(crate) fn drive(self: &Arc<Self>, workers: usize) {
        self.ephemeral.on_threads(workers);
        for worker in 0..workers.max(1) {
            self.thread(&format!("worker-{worker}"), Engine::work);
        }
        self.thread("committer", Engine::keep_committing);
        self.thread("timers", Engine::keep_time);
        self.thread("watch", Engine::keep_watch);
        self.thread("recovery", Engine::keep_recovering);
    }

    /// Wakes what an import has brought, as the next start would.
    pub(crate) fn recover_anew(self: &Arc<Self>) {
        self.timers.read_again();
        self.thread("recovery", Engine::keep_recovering);
    }

    /// Runs `work` on a thread that is counted: a node has stopped when its
    /// last thread has let go of the engine, and so of the store.
    pub(super) fn thread(self: &Arc<Self>, name: &str, work: fn(Arc<Engine>)) {
        let (engine, threads) = (self.clone(), self.threads.clone());
        threads.fetch_add(1, Ordering::AcqRel);
        let run = move || {
            work(engine);
            threads.fetch_sub(1, Ordering::AcqRel);
        };
        self.env.thread(name, Box::new(run));
    }

    pub(super) fn work(self: Arc<Self>) {
        let desk = self.desks.sit();
        self.env.enter(&mut || {
            while !desk.is_replaced()
                && let Some(jobs) = self.ready.wait(JOBS_AT_ONCE)
            {
                self.busy.fetch_add(1, Ordering::AcqRel);
                self.desks.begin();
                desk.take(jobs);
                self.serve(&desk);
                self.desks.end();
                self.busy.fetch_sub(1, Ordering::AcqRel);
            }
        });
        self.desks.leave(&desk);
        if desk.is_replaced() {
            self.stand_ins.fetch_sub(1, Ordering::AcqRel);
            // What it would have done next is another's now.
            self.ready.put_back(desk.give_back());
            self.ready.nudge();
        }
    }

    /// Visits first; what they owe is committed before any step runs, which
    /// may take its time. What has ended is visited at once.
    fn serve(self: &Arc<Self>, desk: &Desk) {
        loop {
            while let Some(cell) = desk.next_visit() {
                if !self.is_stopped() {
                    self.visit(&cell, desk);
                }
            }
            self.lead();
            while let Some(task) = desk.next_step() {
                let (ended, _) = desk.inside(ProcessNo(0), || self.poll_step(&task));
                if ended && !task.owner.queued.swap(true, Ordering::AcqRel) {
                    desk.add(Job::Visit(task.owner.clone()));
                }
            }
            if desk.is_empty() || desk.is_replaced() {
                return;
            }
        }
    }

    /// Commits what waits, unless another thread does already. A worker that
    /// commits what it has just made wakes nobody: a chain of steps stays on
    /// one thread. (Leader and followers, as in databases' group commit.)
    fn lead(self: &Arc<Self>) {
        while self.commits.len() > 0 {
            let leader = match self.leader.try_lock() {
                Ok(leader) => leader,
                Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
                Err(TryLockError::WouldBlock) => return,
            };
            let failed = self.commit_all(JOBS_AT_ONCE).is_err();
            // Before looking again: whoever found the lock held has left its turn to
            // this thread, and sleeps. Looked at while holding it, a turn that comes
            // in between would wait for the node's next commit, maybe for ever.
            drop(leader);
            if failed {
                // The committer tries again, and knows how long to wait.
                self.commits.nudge();
                return;
            }
            if self.ready.len() > 0 {
                // Visits come first; what is left must not wait for them.
                if self.commits.len() > 0 {
                    self.commits.nudge();
                }
                return;
            }
        }
    }

    /// Commits until nothing waits. The caller visits `own` of the processes
    /// itself.
    fn commit_all(self: &Arc<Self>, own: usize) -> Result<(), greenroom_journal::Error> {
        self.settle_doubt()?;
        loop {
            let group = self.next_group(self.options.group_max);
            if group.is_empty() {
                return Ok(());
            }
            self.commit_some(group, own)?;
            // What this thread is to visit comes before more commits.
            if own > 0 && self.ready.len() > 0 {
                return Ok(());
            }
        }
    }

    fn next_group(&self, max: usize) -> Vec<Pending> {
        self.commits.take(max, self.options.group_bytes_max, |pending| pending.rest.bytes)
    }

    fn keep_committing(self: Arc<Self>) {
        let mut wait = Duration::from_millis(20);
        while self.commits.wait_filled(|| self.is_in_doubt()) {
            let done = {
                let _leader = self.leader.lock().unwrap_or_else(PoisonError::into_inner);
                self.commit_all(0)
            };
            match done {
                Ok(()) => wait = Duration::from_millis(20),
                Err(_) => {
                    // Nothing is lost: the turns wait at the queue's head.
                    if !self.timers.wait(wait) && self.is_stopped() {
                        return;
                    }
                    wait = (wait * 2).min(COMMIT_WAIT_MAX);
                }
            }
        }
    }

    fn keep_time(self: Arc<Self>) {
        loop {
            let wait = match self.fire_due() {
                Ok(()) => {
                    let now = self.env.now();
                    self.timers.next().map_or(TIMER_WAIT_MAX, |at| at.since(now))
                }
                Err(_) => TIMER_WAIT_MAX,
            };
            if !self.timers.wait(wait.min(TIMER_WAIT_MAX)) {
                return;
            }
        }
    }

    /// Makes one visit, to the waiting process `choose` picks by its place in
    /// the queue, or polls the step that stands there. `false`: none waits. For drivers with one thread.
    pub fn visit_one(self: &Arc<Self>, choose: impl FnOnce(usize) -> usize) -> bool {
        match self.ready.take_one(choose) {
            None => return false,
            Some(Job::Visit(cell)) => {
                let desk = Desk::default();
                self.visit(&cell, &desk);
                desk.give_back().into_iter().for_each(|job| self.ready.push(job));
            }
            Some(Job::Step(task)) => {
                if self.poll_step(&task) {
                    self.enqueue(&task.owner);
                }
            }
        }
        true
    }

    /// Commits up to `max` of what waits as one group; gives back how many.
    ///
    /// # Errors
    /// The store's; what was to be committed waits on.
    pub fn commit_up_to(self: &Arc<Self>, max: usize) -> Result<usize, greenroom_journal::Error> {
        self.settle_doubt()?;
        let group = self.next_group(max);
        let count = group.len();
        if count > 0 {
            self.commit_some(group, 0)?;
        }
        Ok(count)
    }

    /// How many visits and how many commits wait; a doubt to be settled counts
    /// as one of these.
    pub fn waiting(&self) -> (usize, usize) {
        (self.ready.len(), self.commits.len() + usize::from(self.is_in_doubt()))
    }

    /// When the next timer in memory is due.
    pub fn next_timer(&self) -> Option<greenroom_model::Millis> {
        self.timers.next()
    }

    /// Wakes the processes whose timers are due.
    pub fn fire_due(&self) -> Result<(), greenroom_journal::Error> {
        for no in self.timers.take_due(self.env.now(), &*self.journal)? {
            self.wake(no);
        }
        Ok(())
    }

    /// Wakes every process that was at work when the store was last used, a
    /// page at a time, so that the first go on while the last are still being
    /// read.
    fn keep_recovering(self: Arc<Self>) {
        let begun = self.env.uptime();
        while let Err(error) = self.count_begun() {
            self.trouble(ProcessNo(0), format!("recovery waits for the store: {error}"));
            if !self.timers.wait(TIMER_WAIT_MAX) && self.is_stopped() {
                return;
            }
        }
        let mut after = ProcessNo(i64::MIN);
        while !self.is_stopped() {
            match self.recover_some(after) {
                Ok(None) => {
                    self.open_queues(begun);
                    return self.look_through();
                }
                Ok(Some(last)) => after = last,
                Err(error) => {
                    self.trouble(ProcessNo(0), format!("recovery waits for the store: {error}"));
                    if !self.timers.wait(TIMER_WAIT_MAX) {
                        return;
                    }
                }
            }
            if self.env.uptime().saturating_sub(begun) > QUEUES_SHUT_MAX {
                self.lines.open();
            }
            // Bounded: a node that is always busy recovers all the same.
            for _ in 0..RECOVERY_PAUSES_MAX {
                if self.ready.len() <= READY_ENOUGH || !self.timers.wait(RECOVERY_PAUSE) {
                    break;
                }
            }
        }
    }

    /// Those under way of kinds with a limit count, in memory or not.
    fn count_begun(&self) -> Result<(), greenroom_journal::Error> {
        for (kind, _) in self.registry.process_limits() {
            let mut after = None;
            loop {
                let statuses = Status::ALL.into_iter();
                let statuses = statuses.filter(|status| !status.is_ended()).collect();
                let (kind, limit) = (Some(kind.to_owned()), RECOVERED_AT_ONCE);
                let listing = Listing { statuses, kind, after, limit, ..Listing::default() };
                let rows = self.journal.list(&listing)?;
                for row in &rows {
                    let begun = row.seq > Seq(1) || row.status != Status::Running;
                    if begun {
                        self.lines.has_to_wait(&row.kind.name, row.no, true, row.started_at);
                    }
                }
                let Some(last) = rows.last() else { break };
                after = Some(last.no);
            }
        }
        Ok(())
    }

    /// Those that waited when the node went down line up first: the first back
    /// in memory need not be the first in the line.
    fn open_queues(&self, begun: Duration) {
        let mut quiet = 0;
        // Looked at more than once: a worker may just have taken the last.
        while !self.lines.is_empty() && quiet < QUIET_LOOKS {
            let late = self.env.uptime().saturating_sub(begun) > QUEUES_SHUT_MAX;
            if late || !self.timers.wait(RECOVERY_PAUSE) {
                break;
            }
            let is_quiet = self.ready.len() == 0 && !self.desks.is_at_work();
            quiet = if is_quiet { quiet + 1 } else { 0 };
        }
        self.lines.open();
    }

    /// Wakes them all at once; for drivers with one thread.
    pub fn recover(self: Arc<Self>) {
        // A store that fails now and then is asked again.
        for _ in 0..RECOVERY_PAUSES_MAX {
            if self.count_begun().is_ok() {
                break;
            }
        }
        let mut after = ProcessNo(i64::MIN);
        while let Ok(Some(last)) = self.recover_some(after) {
            after = last;
        }
        self.lines.open();
        let (mut after, mut failed) = (ProcessNo(i64::MIN), 0);
        while failed < RECOVERY_PAUSES_MAX {
            match self.look_at_some(after) {
                Ok(Some(last)) => after = last,
                Ok(None) => return,
                Err(_) => failed += 1,
            }
        }
    }

    fn recover_some(
        &self,
        after: ProcessNo,
    ) -> Result<Option<ProcessNo>, greenroom_journal::Error> {
        let page = self.journal.runnable(after, RECOVERED_AT_ONCE)?;
        let last = page.last().copied();
        page.into_iter().for_each(|no| self.wake(no));
        Ok(last)
    }
}
