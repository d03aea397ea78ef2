//! Stops: who is asked when, and what follows.

use super::action::{Action, Outcome};
use super::child::ChildState;
use super::plan::{Place, Plan, Then};
use super::spec::{RestartType, Shutdown, Strategy};
use super::state::Supervisor;
use crate::Millis;
use std::time::Duration;

impl Supervisor {
    pub(super) fn end(
        &mut self,
        at: Millis,
        outcome: Outcome,
        hold: bool,
        actions: &mut Vec<Action>,
    ) {
        if self.ended || matches!(&self.plan, Some(Plan { then: Then::End(_), .. })) {
            return;
        }
        // A stop that is under way becomes part of this one.
        let stopping = self.plan.take().map(|plan| plan.stopping).unwrap_or_default();
        let to_stop = self.children.keys().filter(|one| !stopping.contains(one)).copied().collect();
        let at_once = self.spec.strategy == Strategy::Dynamic;
        self.plan = Some(Plan { to_stop, stopping, at_once, hold, then: Then::End(outcome) });
        self.later.clear();
        self.go_on(at, actions);
    }

    /// Takes the plan as far as it goes now.
    pub(super) fn go_on(&mut self, at: Millis, actions: &mut Vec<Action>) {
        while let Some(plan) = &mut self.plan {
            if !plan.stopping.is_empty() && !plan.at_once {
                return;
            }
            match plan.to_stop.pop_last() {
                Some(place) => self.stop_one(at, place, actions),
                None if !plan.stopping.is_empty() => return,
                None => {
                    if !self.finish(at, actions) {
                        return;
                    }
                }
            }
        }
    }

    fn stop_one(&mut self, at: Millis, place: Place, actions: &mut Vec<Action>) {
        let (Some(plan), Some(child)) = (&mut self.plan, self.children.get(&place)) else {
            return;
        };
        let temporary = child.spec.restart == RestartType::Temporary;
        let (id, hold) = (child.id.clone(), plan.hold && !temporary);
        match child.state {
            ChildState::Running => {
                plan.stopping.insert(place);
                let until = match child.spec.shutdown() {
                    Shutdown::BrutalKill => {
                        actions.push(Action::Kill { id, hold });
                        return self.set_state(place, ChildState::Stopping(None));
                    }
                    Shutdown::TimeoutMs(limit) => Some(at.after(Duration::from_millis(limit))),
                    Shutdown::Infinity => None,
                };
                actions.push(Action::Stop { id, hold });
                self.set_state(place, ChildState::Stopping(until));
            }
            // It was kept for a restart that does not come.
            ChildState::Waiting(_) | ChildState::Down | ChildState::Asked => {
                if !hold {
                    actions.push(Action::Stop { id, hold });
                }
                self.set_state(place, ChildState::Stopped);
            }
            ChildState::Stopping(_) | ChildState::Stopped => {}
        }
    }

    /// What follows a stop. `false`: not yet.
    fn finish(&mut self, at: Millis, actions: &mut Vec<Action>) -> bool {
        if let Some(Plan { then: Then::Restart { not_before, .. }, .. }) = &self.plan
            && *not_before > at
        {
            return false;
        }
        let Some(plan) = self.plan.take() else {
            return false;
        };
        match plan.then {
            Then::End(outcome) => {
                self.ended = true;
                actions.push(Action::End(outcome));
            }
            Then::Rest => self.forget_stopped_temporaries(),
            Then::Restart { children, .. } => {
                for place in children {
                    let temporary = self
                        .children
                        .get(&place)
                        .is_none_or(|child| child.spec.restart == RestartType::Temporary);
                    if temporary {
                        self.forget_temporary(place);
                    } else {
                        self.revive(at, place, actions);
                    }
                }
            }
        }
        while let (None, Some((place, exit))) = (&self.plan, self.later.pop_front()) {
            if self.children.get(&place).map(|child| child.state) == Some(ChildState::Down) {
                self.decide(at, place, &exit, actions);
            }
        }
        true
    }
}
