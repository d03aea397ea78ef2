//! Watching the workers: one that is held up by code of the user's is named,
//! what lies before it goes to others, and another takes its place.
//!
//! A thread cannot be taken out of code that blocks or spins, so such code
//! keeps its thread; nobody else may lose by it.

use super::desk::Desk;
use super::load::in_force;
use super::state::Engine;
use greenroom_journal::Scope;
use greenroom_model::{Ledger, ProcessNo, Seq};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How often it looks; who is found at the same place twice is held up.
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// How long a worker may be inside code of the user's before others take over.
const HELD_UP_AFTER: Duration = Duration::from_millis(10);
/// From here on a person should hear of it.
const NAMED_AFTER: Duration = Duration::from_secs(1);
/// How many workers there may be in place of those that are held up.
const STAND_INS_MAX: usize = 512;
/// How often it looks at workers that do nothing before it sleeps.
const IDLE_LOOKS: u32 = 20;

/// What is known of a desk where the worker is inside code of the user's.
struct Seen {
    count: u64,
    since: Duration,
    named: Option<Named>,
}

/// Who is held up, read from the store once: it holds up nobody else by being
/// looked for again at every look.
struct Named {
    no: ProcessNo,
    /// What is said of it, before and after how long it has taken.
    words: [String; 2],
}

impl Engine {
    pub(super) fn keep_watch(self: Arc<Self>) {
        let mut seen: HashMap<*const Desk, Seen> = HashMap::new();
        let mut idle_looks = 0;
        loop {
            let goes_on = match idle_looks > IDLE_LOOKS {
                true => self.desks.sleep(),
                false => self.desks.wait(LOOK_EVERY),
            };
            if !goes_on {
                return;
            }
            let desks = self.desks.all();
            seen.retain(|desk, seen| {
                let stays = desks.iter().any(|other| {
                    Arc::as_ptr(other) == *desk && other.count_inside() == Some(seen.count)
                });
                if let (false, Some(named)) = (stays, &seen.named) {
                    self.no_trouble(named.no);
                }
                stays
            });
            for desk in &desks {
                self.look_at(desk, &mut seen);
            }
            let idle = seen.is_empty() && !self.desks.is_at_work();
            idle_looks = if idle { idle_looks + 1 } else { 0 };
        }
    }

    fn look_at(self: &Arc<Self>, desk: &Arc<Desk>, seen: &mut HashMap<*const Desk, Seen>) {
        let Some(count) = desk.count_inside() else { return };
        let now = self.env.uptime();
        let entry = Seen { count, since: now, named: None };
        let seen = seen.entry(Arc::as_ptr(desk)).or_insert(entry);
        let span = now.saturating_sub(seen.since);
        if span >= HELD_UP_AFTER {
            self.stand_in(desk);
        }
        if span >= NAMED_AFTER {
            seen.named = seen.named.take().or_else(|| self.name_it(desk));
            if let Some(Named { no, words: [before, after] }) = &seen.named {
                self.trouble(*no, format!("{before}{} ms{after}", span.as_millis()));
            }
        }
        if span >= self.options.turn_time_max && desk.step().is_none() {
            desk.say_overdue(count);
        }
    }

    /// Sees to it that nobody waits for a worker that is held up.
    fn stand_in(self: &Arc<Self>, desk: &Arc<Desk>) {
        let left = desk.give_back();
        if !left.is_empty() {
            self.ready.put_back(left);
        }
        if self.commits.len() > 0 {
            self.commits.nudge();
        }
        if self.ready.len() == 0 || self.ready.nudge() || desk.is_replaced() {
            return;
        }
        if self.stand_ins.load(Ordering::Acquire) < STAND_INS_MAX && desk.replace() {
            self.stand_ins.fetch_add(1, Ordering::AcqRel);
            self.thread("worker", Engine::work);
        }
    }

    /// Who it is that is held up. `None`: the store does not say.
    fn name_it(&self, desk: &Desk) -> Option<Named> {
        if let Some(task) = desk.step() {
            let no = task.owner.no;
            let loaded = self.journal.load(no, Scope::Segment).ok()??;
            let (id, op) = (loaded.row.id, task.op);
            let history = in_force(loaded.turns);
            let ledger = Ledger::of(history.iter().map(|(seq, _, event)| (*seq, event)));
            let name = ledger.steps.get(&op).map_or("?", |step| step.name.as_str());
            let before = format!("step `{name}` (operation {op}) of {id} has held its thread for ");
            let after = " without an await; others go on beside it".to_owned();
            return Some(Named { no, words: [before, after] });
        }
        let no = desk.process();
        let id = self.journal.load(no, Scope::After(Seq(i64::MAX as u64))).ok()??.row.id;
        let before = format!("a turn of {id} has been running for ");
        let after = format!(
            " without an await; others go on beside it, and it is stopped when it yields after {:?}",
            self.options.turn_time_max
        );
        Some(Named { no, words: [before, after] })
    }
}
