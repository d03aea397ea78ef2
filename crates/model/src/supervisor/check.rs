//! What is wrong with a specification, said before anything is started.

use super::spec::{AutoShutdown, ChildSpec, RestartType, Shutdown, Strategy, SupervisorSpec};
use crate::{Kind, ProcessId};

/// The ready kind that needs no code: its input is a specification.
const SUPERVISOR_KIND: &str = "supervisor";

use std::collections::BTreeSet;

impl SupervisorSpec {
    /// Checks it for the supervisor `own`, whose ancestors are `above`.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn check(&self, own: &ProcessId, above: &[ProcessId]) -> Result<(), String> {
        if self.intensity == 0 {
            return Err("intensity 0 would end the supervisor at the first crash: give its \
                        children `\"restart\": \"temporary\"` to never restart them, or an \
                        intensity of at least 1"
                .to_owned());
        }
        if self.period_ms == 0 {
            return Err("period_ms 0 counts no restart: give at least 1".to_owned());
        }
        if self.strategy == Strategy::Dynamic {
            if self.children.len() > 1 {
                return Err(format!(
                    "a dynamic supervisor has one child specification, the template of those it \
                     is asked to start; there are {}",
                    self.children.len()
                ));
            }
            if self.auto_shutdown != AutoShutdown::Never {
                return Err("a dynamic supervisor's children cannot be significant: leave \
                            auto_shutdown out"
                    .to_owned());
            }
        }
        let mut names = BTreeSet::new();
        let mut ids = BTreeSet::new();
        for child in &self.children {
            let id = self.check_child(child, own, above)?;
            if !names.insert(&child.name) {
                return Err(format!("two children are named `{}`", child.name));
            }
            if !ids.insert(id.clone()) {
                return Err(format!("two children have the id {id}"));
            }
        }
        Ok(())
    }

    /// Checks one child, and gives the id it will have.
    ///
    /// # Errors
    /// What is wrong, and what to write instead.
    pub fn check_child(
        &self,
        child: &ChildSpec,
        own: &ProcessId,
        above: &[ProcessId],
    ) -> Result<ProcessId, String> {
        let says = |what: String| Err(format!("child `{}`: {what}", child.name));
        if child.name.is_empty() {
            return Err("a child has an empty name".to_owned());
        }
        for kind in std::iter::once(&child.kind).chain(child.fallback.as_ref().map(|f| &f.kind)) {
            if let Err(error) = Kind::new(kind, 1) {
                return says(error.to_string());
            }
        }
        let id = match child.id(own) {
            Ok(id) => id,
            Err(error) => return says(error.to_string()),
        };
        if id == *own || above.contains(&id) {
            return says(format!("{id} would supervise itself: it is {own} or above it"));
        }
        if child.kind == SUPERVISOR_KIND {
            let above: Vec<ProcessId> = above.iter().chain([own]).cloned().collect();
            // One that cannot be read says so itself.
            let nested = child.input.read::<SupervisorSpec>().ok();
            if let Some(Err(what)) = nested.map(|nested| nested.check(&id, &above)) {
                return says(what);
            }
        }
        if child.significant && child.restart == RestartType::Permanent {
            return says(
                "a permanent child never ends by itself, so it cannot be significant: \
                         make it transient or temporary"
                    .to_owned(),
            );
        }
        if child.significant && self.auto_shutdown == AutoShutdown::Never {
            return says(
                "it is significant, but the supervisor's auto_shutdown is `never`: use \
                         `any_significant` or `all_significant`"
                    .to_owned(),
            );
        }
        if child.shutdown == Some(Shutdown::TimeoutMs(0)) {
            return says("shutdown after 0 ms is `brutal_kill`: write that".to_owned());
        }
        if child.backoff.max_ms < child.backoff.first_ms {
            return says("the longest back-off (max_ms) is shorter than the first".to_owned());
        }
        Ok(id)
    }
}

impl ChildSpec {
    /// The id of this child of `own`.
    ///
    /// # Errors
    /// A kind or key that cannot be one.
    pub fn id(&self, own: &ProcessId) -> Result<ProcessId, crate::Error> {
        match &self.key {
            Some(key) => ProcessId::new(&self.kind, key),
            None => ProcessId::new(&self.kind, &format!("{}.{}", own.key(), self.name)),
        }
    }
}
