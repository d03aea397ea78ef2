//! A supervisor's state: data, kept by the process that supervises, across
//! crashes and `continue_as_new`.

use super::action::Action;
use super::child::{Child, ChildState};
use super::intensity::Restarts;
use super::plan::{Place, Plan, Then};
use super::spec::{ChildSpec, RestartType, SupervisorSpec};
use crate::{Exit, Millis, ProcessId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// A supervisor's state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Saved", into = "Saved")]
pub struct Supervisor {
    pub(super) own: ProcessId,
    pub(super) spec: SupervisorSpec,
    pub(super) children: BTreeMap<Place, Child>,
    pub(super) places: HashMap<ProcessId, Place>,
    pub(super) next_place: Place,
    pub(super) restarts: Restarts,
    pub(super) plan: Option<Plan>,
    /// Children that ended during a plan which is not about them.
    pub(super) later: VecDeque<(Place, Exit)>,
    /// When something is due, and for whom.
    pub(super) due: BTreeSet<(Millis, Place)>,
    pub(super) kept: bool,
    pub(super) ended: bool,
}

impl Supervisor {
    /// One without children.
    pub(super) fn empty(own: &ProcessId, spec: SupervisorSpec) -> Supervisor {
        Supervisor::from(Saved {
            own: own.clone(),
            spec,
            children: Vec::new(),
            next_place: 0,
            restarts: Restarts::default(),
            plan: None,
            later: VecDeque::new(),
            kept: false,
            ended: false,
        })
    }

    /// What it was told.
    pub fn spec(&self) -> &SupervisorSpec {
        &self.spec
    }

    /// Its children in the order of their start.
    pub fn children(&self) -> impl Iterator<Item = &Child> {
        self.children.values()
    }

    /// A child by its process.
    pub fn child(&self, id: &ProcessId) -> Option<&Child> {
        self.children.get(self.places.get(id)?)
    }

    /// A child by its name. Linear in the number of children.
    pub fn named(&self, name: &str) -> Option<&Child> {
        self.children.values().find(|child| child.spec.name == name)
    }

    /// Whether a stop is under way: as in OTP, requests wait until it is done.
    pub fn is_busy(&self) -> bool {
        self.plan.is_some()
    }

    /// When [`Supervisor::due`] wants to be called.
    pub fn wake_at(&self) -> Option<Millis> {
        let planned =
            match &self.plan {
                Some(Plan {
                    to_stop, stopping, then: Then::Restart { not_before, .. }, ..
                }) if to_stop.is_empty() && stopping.is_empty() => Some(*not_before),
                _ => None,
            };
        self.due.first().map(|(at, _)| *at).into_iter().chain(planned).min()
    }

    pub(super) fn add(&mut self, id: ProcessId, spec: ChildSpec, at: Millis) -> Action {
        let place = self.next_place;
        self.next_place += 1;
        self.places.insert(id.clone(), place);
        self.children.insert(place, Child::new(id.clone(), spec, at));
        Action::Start(id)
    }

    pub(super) fn id(&self, place: Place) -> Option<ProcessId> {
        self.children.get(&place).map(|child| child.id.clone())
    }

    pub(super) fn set_state(&mut self, place: Place, state: ChildState) {
        let Some(child) = self.children.get_mut(&place) else {
            return;
        };
        self.due.extend(due_at(state).map(|at| (at, place)));
        if let Some(before) = due_at(std::mem::replace(&mut child.state, state))
            && due_at(state) != Some(before)
        {
            self.due.remove(&(before, place));
        }
    }

    pub(super) fn forget(&mut self, place: Place) {
        if let Some(child) = self.children.remove(&place) {
            self.places.remove(&child.id);
        }
    }

    pub(super) fn forget_temporary(&mut self, place: Place) {
        let child = self.children.get(&place);
        if child.is_some_and(|child| child.spec.restart == RestartType::Temporary) {
            self.forget(place);
        }
    }

    pub(super) fn forget_stopped_temporaries(&mut self) {
        let gone = |child: &Child| {
            child.state == ChildState::Stopped && child.spec.restart == RestartType::Temporary
        };
        let gone: Vec<Place> =
            self.children.iter().filter(|(_, child)| gone(child)).map(|(one, _)| *one).collect();
        gone.into_iter().for_each(|place| self.forget(place));
    }
}

/// When a state wants to be looked at again.
fn due_at(state: ChildState) -> Option<Millis> {
    match state {
        ChildState::Waiting(at) | ChildState::Stopping(Some(at)) => Some(at),
        _ => None,
    }
}

/// A supervisor's state as it is kept: what can be derived is left out.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Saved {
    own: ProcessId,
    spec: SupervisorSpec,
    children: Vec<(Place, Child)>,
    next_place: Place,
    restarts: Restarts,
    plan: Option<Plan>,
    later: VecDeque<(Place, Exit)>,
    kept: bool,
    ended: bool,
}

impl From<Saved> for Supervisor {
    fn from(saved: Saved) -> Supervisor {
        let Saved { own, spec, children, next_place, restarts, plan, later, kept, ended } = saved;
        let children: BTreeMap<Place, Child> = children.into_iter().collect();
        let places = children.iter().map(|(place, child)| (child.id.clone(), *place)).collect();
        let due = children
            .iter()
            .filter_map(|(place, child)| Some((due_at(child.state)?, *place)))
            .collect();
        Supervisor {
            own,
            spec,
            children,
            places,
            next_place,
            restarts,
            plan,
            later,
            due,
            kept,
            ended,
        }
    }
}

impl From<Supervisor> for Saved {
    fn from(supervisor: Supervisor) -> Saved {
        let Supervisor {
            own, spec, children, next_place, restarts, plan, later, kept, ended, ..
        } = supervisor;
        let children = children.into_iter().collect();
        Saved { own, spec, children, next_place, restarts, plan, later, kept, ended }
    }
}
