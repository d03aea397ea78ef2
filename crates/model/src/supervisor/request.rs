//! What a supervisor can be asked for, as in OTP's `supervisor` module.

use super::action::Action;
use super::child::ChildState;
use super::plan::{Place, Plan, Then};
use super::spec::{ChildSpec, Strategy};
use super::state::Supervisor;
use crate::{Failure, Millis, ProcessId};
use std::collections::BTreeSet;

impl Supervisor {
    /// Starts one more child; OTP's `start_child`. A dynamic supervisor's
    /// template gives what the specification leaves open.
    ///
    /// # Errors
    /// `already_started`, `already_present` (it has ended and its specification
    /// is there: restart or delete it), or what is wrong with it.
    pub fn start_child(
        &mut self,
        at: Millis,
        child: ChildSpec,
    ) -> Result<(ProcessId, Vec<Action>), Failure> {
        let refused = |why: String| Failure::fatal("bad_child", why);
        let id = self.spec.check_child(&child, &self.own, &[]).map_err(refused)?;
        let there = match self.spec.strategy {
            Strategy::Dynamic => self.child(&id),
            _ => self.named(&child.name).or_else(|| self.child(&id)),
        };
        match there.map(|child| (child.state, child.id.clone())) {
            None => {}
            Some((ChildState::Stopped, id)) => {
                let words = format!("{id} is a child that has ended: restart or delete it");
                return Err(Failure::fatal("already_present", words));
            }
            Some((_, id)) => {
                return Err(Failure::fatal("already_started", format!("{id} is a child already")));
            }
        }
        let action = self.add(id.clone(), child, at);
        Ok((id, vec![action]))
    }

    /// Stops a child; OTP's `terminate_child`. A temporary one is forgotten.
    ///
    /// # Errors
    /// `not_found`.
    pub fn terminate_child(&mut self, at: Millis, name: &str) -> Result<Vec<Action>, Failure> {
        let place = self.place_named(name)?;
        let mut actions = Vec::new();
        self.plan = Some(Plan {
            to_stop: BTreeSet::from([place]),
            stopping: BTreeSet::new(),
            at_once: false,
            hold: false,
            then: Then::Rest,
        });
        self.go_on(at, &mut actions);
        Ok(actions)
    }

    /// Starts a child that has ended; OTP's `restart_child`.
    ///
    /// # Errors
    /// `not_found`, or `running` (also while it is being restarted).
    pub fn restart_child(&mut self, at: Millis, name: &str) -> Result<Vec<Action>, Failure> {
        let place = self.place_named(name)?;
        self.is_stopped(place, name)?;
        let mut actions = Vec::new();
        self.revive(at, place, &mut actions);
        Ok(actions)
    }

    /// Forgets a child that has ended; OTP's `delete_child`.
    ///
    /// # Errors
    /// `not_found`, or `running`.
    pub fn delete_child(&mut self, name: &str) -> Result<(), Failure> {
        let place = self.place_named(name)?;
        self.is_stopped(place, name)?;
        self.forget(place);
        Ok(())
    }

    fn place_named(&self, name: &str) -> Result<Place, Failure> {
        let child = self.named(name);
        let place = child.and_then(|child| self.places.get(&child.id)).copied();
        place.ok_or_else(|| Failure::fatal("not_found", format!("no child is named `{name}`")))
    }

    fn is_stopped(&self, place: Place, name: &str) -> Result<(), Failure> {
        match self.children.get(&place).map(|child| child.state) {
            Some(ChildState::Stopped) => Ok(()),
            _ => Err(Failure::fatal("running", format!("`{name}` has not ended: stop it first"))),
        }
    }
}
