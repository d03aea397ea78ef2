//! After a visit: who stays in memory, and who goes.

use super::cell::{Body, Cell};
use super::desk::Job;
use super::line::InLine;
use super::state::Engine;
use std::sync::{Arc, MutexGuard};

impl Engine {
    pub(super) fn settle(self: &Arc<Self>, cell: &Arc<Cell>, mut body: MutexGuard<'_, Body>) {
        let Body::Live(live) = &mut *body else { return };
        self.cells.weigh(cell, live.bytes());
        self.gauge(cell, live);
        self.stand_in_line(live);
        if live.flight.is_some() {
            return;
        }
        // The results of a held process wait with it, without a visit.
        if (!live.done.is_empty() && !live.is_held()) || !live.surplus.is_empty() {
            // Results that came at once, or more commands than one turn holds.
            drop(body);
            self.enqueue(cell);
            return;
        }
        if !live.is_idle() {
            return;
        }
        if live.ledger.ended.is_some() {
            *body = Body::Cold;
            // Under the body's lock: nobody may make it live in between.
            self.cells.remove(cell);
            return;
        }
        let calls = !live.ledger.calls.is_empty();
        drop(body);
        if calls {
            self.look_for_deadlocks();
        }
        self.cells.line_up(cell);
        self.make_room(cell);
    }

    /// Lets go of who has been idle the longest, while they are too many or
    /// take too much.
    fn make_room(self: &Arc<Self>, latest: &Arc<Cell>) {
        let mut spared = false;
        loop {
            let many = self.cells.count() > self.options.resident_max;
            if !many && self.cells.bytes() <= self.options.resident_bytes_max {
                return;
            }
            let Some(idle) = self.cells.longest_idle() else { return };
            // One that is too large alone must not be read anew at each turn.
            if !many && Arc::ptr_eq(&idle, latest) {
                self.cells.line_up(&idle);
                if std::mem::replace(&mut spared, true) {
                    return;
                }
                continue;
            }
            self.passivate(&idle);
        }
    }

    /// Drops an idle process's memory. It is rows from now on.
    fn passivate(self: &Arc<Self>, cell: &Arc<Cell>) {
        let Some(mut body) = cell.try_body() else {
            return;
        };
        let mut places = InLine::default();
        if let Body::Live(live) = &mut *body {
            if !live.is_idle() {
                return;
            }
            places = std::mem::take(&mut live.line);
            self.waits_elsewhere(live);
        }
        // Before the cell goes: whoever loads it anew looks for them.
        self.lines.keep(cell.no, places);
        if self.cells.remove(cell) {
            *body = Body::Cold;
        } else if let Body::Live(live) = &mut *body {
            live.line = self.lines.kept(cell.no);
            self.deadlocks.is_back(cell.no);
        }
    }

    /// How many steps are under way, but for processes that are being visited.
    pub(crate) fn steps_under_way(&self) -> usize {
        let running = |cell: &Arc<Cell>| match cell.try_body().as_deref() {
            Some(Body::Live(live)) => live.running.len(),
            _ => 0,
        };
        self.cells.all().iter().map(running).sum()
    }

    /// Ends every step under way; nobody will hear of them. Only once no worker
    /// is left, or for drivers with one thread.
    pub fn drop_steps(&self) {
        self.abort_steps();
        while let Some(job) = self.ready.take_one(|_| 0) {
            if let Job::Step(task) = job
                && task.is_aborted()
            {
                // What is aborted only drops its work.
                task.poll();
            }
        }
    }

    /// Has every step under way dropped.
    pub(crate) fn abort_steps(&self) {
        for cell in self.cells.all() {
            if let Some(mut body) = cell.try_body()
                && let Body::Live(live) = &mut *body
            {
                live.stop_steps();
            }
        }
    }

    /// Drops the memory of every idle process; for tests and the simulator.
    pub fn passivate_all(self: &Arc<Self>) {
        while let Some(idle) = self.cells.longest_idle() {
            self.passivate(&idle);
        }
    }
}
