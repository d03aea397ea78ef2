//! What holds a conversation up: attempts that failed and are made again, queues,
//! a process that is parked or paused. A fold over its events; knows no terminal.

use super::happening::Happening;
use greenroom_agent::provider::{Reply, Stop};
use greenroom_model::{Event, Millis, Need, Op};
use std::collections::BTreeMap;

/// A step under way.
pub struct Step {
    /// What it is called.
    pub name: String,
    /// The queue it goes through.
    pub queue: Option<String>,
    /// Since when it stands in it.
    pub queued_at: Option<Millis>,
    /// Which attempt failed, why, and when it is made again.
    failed: Option<(u32, String, Millis)>,
}

impl Step {
    fn retrying(&self) -> Option<Happening> {
        let (attempt, cause, retry_at) = self.failed.clone()?;
        Some(Happening::Retrying { step: self.name.clone(), attempt, cause, retry_at })
    }
}

/// What holds it up.
#[derive(Default)]
pub struct Troubles {
    steps: BTreeMap<Op, Step>,
    unpaid: BTreeMap<Op, Box<Need>>,
    parked: Option<String>,
    paused: bool,
    cut: bool,
}

fn unpaid(need: &Need) -> Happening {
    Happening::Unpaid { account: need.account.clone(), need: need.spend }
}

/// How calls of a model are called.
const MODEL: &str = "model ";

impl Troubles {
    /// Takes in an event.
    pub fn event(&mut self, at: Millis, event: &Event) -> Option<Happening> {
        match event {
            Event::WorkflowStarted(_) | Event::WorkflowContinued(_) => {
                *self = Troubles::default();
            }
            // What was under way before has begun anew, or will.
            Event::Restarted { .. } => *self = Troubles::default(),
            Event::StepStarted { op, name, queue, .. } => {
                let queue = queue.as_ref().map(|queued| queued.name.to_string());
                let queued_at = queue.as_ref().map(|_| at);
                let step = Step { name: name.clone(), queue, queued_at, failed: None };
                self.steps.insert(*op, step);
            }
            Event::StepRetrying { op, attempt, failure, retry_at } => {
                let step = self.steps.get_mut(op)?;
                step.failed = Some((*attempt, failure.message.clone(), *retry_at));
                return step.retrying();
            }
            Event::StepRetried { op, .. } | Event::StepUnknown { op, .. } => {
                let step = self.steps.get_mut(op)?;
                step.failed = None;
                step.queued_at = step.queue.as_ref().map(|_| at);
            }
            Event::StepAdmitted { op, .. } => self.steps.get_mut(op)?.queued_at = None,
            Event::StepCompleted { op, result, .. } => {
                let step = self.steps.remove(op)?;
                if step.name.starts_with(MODEL) {
                    self.cut = result.read::<Reply>().is_ok_and(|one| one.stop == Stop::Length);
                }
            }
            Event::StepFailed { op, failure, .. } => {
                let step = self.steps.remove(op)?.name;
                // That of a tool is told with what it returned.
                let cause = failure.message.clone();
                return step.starts_with(MODEL).then_some(Happening::GaveUp { step, cause });
            }
            Event::OperationDropped { op } => {
                self.steps.remove(op);
                self.unpaid.remove(op);
            }
            Event::SpendBlocked { op, need } => {
                self.unpaid.insert(*op, need.clone());
                return Some(unpaid(need));
            }
            Event::SendUnblocked { op } => drop(self.unpaid.remove(op)),
            Event::Parked { failure } => self.parked = Some(failure.message.clone()),
            Event::Paused { .. } => self.paused = true,
            Event::Resumed { .. } => {
                (self.parked, self.paused) = (None, false);
                return Some(Happening::Resumed);
            }
            _ => return None,
        }
        match event {
            Event::Parked { .. } | Event::Paused { .. } => self.standing().pop(),
            _ => None,
        }
    }

    /// What holds it up now.
    pub fn standing(&self) -> Vec<Happening> {
        let mut standing: Vec<_> = self.steps.values().filter_map(Step::retrying).collect();
        standing.extend(self.unpaid.values().map(|need| unpaid(need)));
        standing.extend(self.paused.then_some(Happening::Paused));
        let parked = self.parked.clone();
        standing.extend(parked.map(|reason| Happening::Parked { reason }));
        standing
    }

    /// Whether nothing is under way.
    pub fn is_idle(&self) -> bool {
        self.steps.is_empty()
    }

    /// The step that has been standing in a queue longest.
    pub fn queued(&self) -> Option<(Op, &Step)> {
        let queued = self.steps.iter().filter(|(_, step)| step.queued_at.is_some());
        queued.min_by_key(|(_, step)| step.queued_at).map(|(op, step)| (*op, step))
    }

    /// Whether the reply that came last was cut. Said once.
    pub fn was_cut(&mut self) -> bool {
        std::mem::take(&mut self.cut)
    }
}
