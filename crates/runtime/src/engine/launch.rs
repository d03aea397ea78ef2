//! Running steps: only after the commit that intended them is durable.

use super::cell::{Cell, Live, StepDone, StepTask};
use super::desk::{Desk, Job};
use super::line::Permit;
use super::state::Engine;
use super::task::{Host, Task};
use crate::code::Emit;
use crate::env::Env;
use greenroom_model::{Event, Failure, Millis, Op};
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Engine {
    /// Queues every step that is intended and not under way. None of its code
    /// runs here: the process is locked, and commits may be owed.
    pub(super) fn launch(self: &Arc<Self>, cell: &Arc<Cell>, live: &mut Live, desk: &Desk) {
        let mut intended = std::mem::take(&mut live.intended);
        if live.activation.is_none() {
            return;
        }
        intended.sort_unstable();
        intended.dedup();
        let due: Vec<(Op, u32)> =
            intended.into_iter().filter_map(|op| Some((op, attempt_due(live, op)?))).collect();
        if live.is_held() || self.is_draining() {
            for (op, attempt) in due {
                drop(live.take_places(op));
                live.found.push_back(held_back(live.at, op, attempt));
            }
            return;
        }
        for (op, attempt) in due {
            if let Some(task) = self.launch_one(cell, live, op, attempt) {
                desk.add(Job::Step(task));
            }
        }
    }

    fn launch_one(
        self: &Arc<Self>,
        cell: &Arc<Cell>,
        live: &mut Live,
        op: Op,
        attempt: u32,
    ) -> Option<Arc<StepTask>> {
        let how = live.activation.as_ref()?.step(op)?;
        let key: Arc<str> = format!("{}#{op}", live.facts.id).into();
        let host: Arc<dyn Host<Arc<Cell>>> = self.clone();
        self.busy.fetch_add(1, Ordering::AcqRel);
        let places = live.take_places(op);
        let permit = (!places.is_empty()).then(|| Permit::new(places, self.env.clone()));
        let task = Task::new(cell.clone(), host, (how, permit), key, op, attempt);
        live.running.insert(op, task.clone());
        Some(task)
    }

    /// Polls a step, with no lock held. What has come of it waits in its
    /// process's inbox; `true` if the process is to be visited for it.
    pub(super) fn poll_step(&self, task: &Arc<StepTask>) -> bool {
        let Some(result) = task.poll() else { return false };
        let (op, attempt) = (task.op, task.attempt);
        let cell = &task.owner;
        cell.inbox().done.push(StepDone { op, attempt, result, task: task.clone() });
        true
    }
}

impl Host<Arc<Cell>> for Engine {
    fn env(&self) -> Arc<dyn Env> {
        self.env.clone()
    }

    fn schedule(&self, task: Arc<StepTask>) {
        self.ready.push(Job::Step(task));
    }

    fn emit(self: Arc<Self>, cell: &Arc<Cell>) -> Emit {
        let no = cell.no;
        Arc::new(move |value| Engine::emit(&self, no, value))
    }

    fn ended(&self) {
        self.busy.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The attempt of a step that is to begin now, if one is.
fn attempt_due(live: &Live, op: Op) -> Option<u32> {
    let step = live.ledger.steps.get(&op)?;
    let due = step.begun && step.retry_at.is_none() && !live.running.contains_key(&op);
    due.then_some(step.attempts + 1)
}

/// A step that was to run and has not been begun, since the process was paused
/// or the node stops. Without this record the next node could not tell it from
/// one that may have had its effect.
fn held_back(at: Millis, op: Op, attempt: u32) -> Event {
    let failure =
        Failure::new("held_back", "it was not begun: the process or the node was stopped");
    Event::StepRetrying { op, attempt: attempt - 1, failure, retry_at: at }
}
