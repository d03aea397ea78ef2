//! The decisions. A fact goes in (a child has ended, time has passed, somebody
//! asks for something), actions come out; the state is data and survives with
//! the process that keeps it.
//!
//! ```text
//!            ends, and is to be restarted
//!  Running ────────────────────────────────► Waiting ── due ──► Running
//!     │   ▲                    too often ──► Asked ── person ──►
//!     │   └── restart ── Stopped ◄── has ended ── Stopping ◄── asked to stop
//!     └── ends, not to be restarted ──► Stopped, or gone if it is temporary
//! ```

use super::action::{Action, Outcome};
use super::child::ChildState;
use super::plan::{Place, Plan, Then};
use super::spec::{AutoShutdown, OnIntensity, RestartFrom, Strategy, SupervisorSpec};
use super::state::Supervisor;
use crate::{Exit, Millis, ProcessId, failure};
use std::collections::BTreeSet;
use std::time::Duration;

impl Supervisor {
    /// A supervisor that starts its children.
    ///
    /// # Errors
    /// What is wrong with the specification.
    pub fn start(
        own: &ProcessId,
        above: &[ProcessId],
        spec: SupervisorSpec,
        at: Millis,
    ) -> Result<(Supervisor, Vec<Action>), String> {
        spec.check(own, above)?;
        let template = spec.strategy == Strategy::Dynamic;
        let children = if template { Vec::new() } else { spec.children.clone() };
        let mut supervisor = Supervisor::empty(own, spec);
        let mut actions = Vec::with_capacity(children.len());
        for child in children {
            let id = child.id(own).map_err(|error| error.to_string())?;
            actions.push(supervisor.add(id, child, at));
        }
        Ok((supervisor, actions))
    }

    /// Says whether the supervisor itself is kept for a restart when it ends by
    /// itself: then its children are kept with it.
    pub fn set_kept(&mut self, kept: bool) {
        self.kept = kept;
    }

    /// A child has ended.
    pub fn exited(&mut self, at: Millis, id: &ProcessId, exit: &Exit) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(place) = self.places.get(id).copied() else {
            return actions;
        };
        match self.children.get(&place).map(|child| child.state) {
            Some(ChildState::Stopping(_)) => {
                self.set_state(place, ChildState::Stopped);
                let hold = self.plan.as_ref().is_some_and(|plan| plan.hold);
                if let Some(plan) = &mut self.plan {
                    plan.stopping.remove(&place);
                }
                // It ended by itself before it was asked, so it may be kept.
                if !hold && !matches!(exit, Exit::Shutdown(_) | Exit::Killed(_)) {
                    actions.push(Action::Stop { id: id.clone(), hold });
                }
                self.go_on(at, &mut actions);
            }
            Some(ChildState::Running) => match &self.plan {
                Some(plan) => {
                    if !plan.includes(place) {
                        self.later.push_back((place, exit.clone()));
                    }
                    self.set_state(place, ChildState::Down);
                }
                None => self.decide(at, place, exit, &mut actions),
            },
            _ => {}
        }
        actions
    }

    /// Time has passed.
    pub fn due(&mut self, at: Millis) -> Vec<Action> {
        let mut actions = Vec::new();
        while let Some((due, place)) = self.due.first().copied().filter(|(due, _)| *due <= at) {
            self.due.remove(&(due, place));
            match self.children.get(&place).map(|child| child.state) {
                Some(ChildState::Waiting(_)) => self.revive(at, place, &mut actions),
                Some(ChildState::Stopping(_)) => {
                    let hold = self.plan.as_ref().is_some_and(|plan| plan.hold);
                    self.set_state(place, ChildState::Stopping(None));
                    actions.extend(self.id(place).map(|id| Action::Kill { id, hold }));
                }
                _ => {}
            }
        }
        self.go_on(at, &mut actions);
        actions
    }

    /// The supervisor is asked to stop: children in reverse order, then itself.
    /// `hold`: it will be started again, so its children are kept.
    pub fn stop(&mut self, at: Millis, reason: &str, hold: bool) -> Vec<Action> {
        let mut actions = Vec::new();
        self.end(at, Outcome::Stopped(reason.to_owned()), hold, &mut actions);
        actions
    }

    /// A person was asked about a child and has decided.
    pub fn answered(&mut self, at: Millis, id: &ProcessId, again: bool) -> Vec<Action> {
        let mut actions = Vec::new();
        let Some(place) = self.places.get(id).copied() else {
            return actions;
        };
        if self.children.get(&place).map(|child| child.state) != Some(ChildState::Asked) {
            return actions;
        }
        if again {
            self.restarts.clear();
            self.set_state(place, ChildState::Down);
            self.restart(at, place, &mut actions);
        } else {
            self.end(at, Outcome::IntensityReached(id.clone()), self.kept, &mut actions);
        }
        actions
    }

    pub(super) fn decide(
        &mut self,
        at: Millis,
        place: Place,
        exit: &Exit,
        actions: &mut Vec<Action>,
    ) {
        let Some(child) = self.children.get(&place) else {
            return;
        };
        if let Some(why) = cannot_start(exit) {
            let outcome = Outcome::StartFailed(child.id.clone(), why);
            self.set_state(place, ChildState::Stopped);
            return self.end(at, outcome, self.kept, actions);
        }
        if !child.spec.restart.restarts(exit) {
            return self.gone(at, place, actions);
        }
        let period = Duration::from_millis(self.spec.period_ms);
        if self.restarts.count(at, self.spec.intensity, period) {
            self.set_state(place, ChildState::Down);
            return self.restart(at, place, actions);
        }
        let id = child.id.clone();
        match self.spec.on_intensity {
            OnIntensity::Escalate => {
                self.set_state(place, ChildState::Down);
                self.end(at, Outcome::IntensityReached(id), self.kept, actions);
            }
            OnIntensity::Ask => {
                self.set_state(place, ChildState::Asked);
                actions.push(Action::Ask(id));
            }
        }
    }

    /// A child has ended by itself and is not restarted.
    fn gone(&mut self, at: Millis, place: Place, actions: &mut Vec<Action>) {
        let significant = self.children.get(&place).is_some_and(|child| child.spec.significant);
        self.set_state(place, ChildState::Stopped);
        let others = self
            .children
            .values()
            .any(|child| child.spec.significant && child.state != ChildState::Stopped);
        self.forget_temporary(place);
        let ends = match self.spec.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => significant,
            AutoShutdown::AllSignificant => significant && !others,
        };
        if ends {
            self.end(at, Outcome::AutoShutdown, self.kept, actions);
        }
    }

    fn restart(&mut self, at: Millis, place: Place, actions: &mut Vec<Action>) {
        let Some(child) = self.children.get_mut(&place) else {
            return;
        };
        child.count_restart(at);
        let not_before = at.after(child.spec.backoff.wait(child.restarts));
        let with: BTreeSet<Place> = match self.spec.strategy {
            Strategy::OneForOne | Strategy::Dynamic => {
                if not_before > at {
                    self.set_state(place, ChildState::Waiting(not_before));
                } else {
                    self.revive(at, place, actions);
                }
                return;
            }
            Strategy::OneForAll => self.children.keys().copied().collect(),
            Strategy::RestForOne => self.children.range(place..).map(|(one, _)| *one).collect(),
        };
        self.plan = Some(Plan {
            to_stop: with.clone(),
            stopping: BTreeSet::new(),
            at_once: false,
            hold: true,
            then: Then::Restart { children: with, not_before },
        });
        self.go_on(at, actions);
    }

    pub(super) fn revive(&mut self, at: Millis, place: Place, actions: &mut Vec<Action>) {
        self.set_state(place, ChildState::Running);
        if let Some(child) = self.children.get_mut(&place) {
            child.started_at = at;
            let fallback = child.fall_back();
            let from =
                if fallback.is_some() { RestartFrom::Fresh } else { child.spec.restart_from };
            actions.push(Action::Restart { id: child.id.clone(), from, fallback });
        }
    }
}

/// A child that was never there: a restart would meet the same.
fn cannot_start(exit: &Exit) -> Option<String> {
    match exit {
        Exit::Error(failure)
            if failure.is(failure::ALREADY_EXISTS) || failure.is(failure::UNKNOWN_KIND) =>
        {
            Some(failure.to_string())
        }
        _ => None,
    }
}
