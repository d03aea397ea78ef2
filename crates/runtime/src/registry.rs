//! The kinds a node has code for.

use crate::code::{Activation, NewActivation};
use crate::ctx::Ctx;
use crate::ephemeral::Code;
use crate::local::{Local, Program};
use crate::migration::Migrations;
use futures_util::FutureExt;
use futures_util::future;
use greenroom_model::{Failure, Kind, Payload, failure};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::Arc;

/// How processes of a kind are treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindOptions {
    /// A message that a supervised process was handling at this many ends in a
    /// row goes to the dead letters, and the process goes on. 3 by default.
    pub crashes_max: u32,
    /// Messages must be handled in their order, none left out: instead of giving
    /// one up the process is parked, and a person decides.
    pub ordered: bool,
}

impl Default for KindOptions {
    fn default() -> KindOptions {
        KindOptions { crashes_max: 3, ordered: false }
    }
}

/// Kinds of processes, by name and version.
#[derive(Clone, Default)]
pub struct Registry {
    programs: BTreeMap<Kind, Program>,
    options: BTreeMap<String, KindOptions>,
    migrations: Arc<Migrations>,
    problems: Vec<String>,
    /// The kind `schedule` is the ready one.
    schedules: bool,
}

impl Registry {
    /// None.
    pub fn new() -> Registry {
        Registry::default()
    }

    /// Adds version 1 of a kind.
    ///
    /// A name that cannot be one, or is there already, is reported when the
    /// node starts.
    pub fn kind<I, O, E, F, Fut>(self, name: &str, code: F) -> Registry
    where
        I: DeserializeOwned + Send,
        O: Serialize,
        E: Into<Failure>,
        F: Fn(Ctx, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
    {
        self.kind_version(name, 1, code)
    }

    /// Adds a version of a kind. New processes run the newest; those that run
    /// keep theirs until they continue as new, so keep old versions here as
    /// long as a process has them.
    pub fn kind_version<I, O, E, F, Fut>(mut self, name: &str, version: u32, code: F) -> Registry
    where
        I: DeserializeOwned + Send,
        O: Serialize,
        E: Into<Failure>,
        F: Fn(Ctx, I) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<O, E>> + Send + 'static,
    {
        let code = Arc::new(code);
        let program: Program = Arc::new(move |ctx, input| {
            let input: I = match input.read() {
                Ok(input) => input,
                Err(error) => return Box::pin(future::ready(Err(bad("input", &error)))),
            };
            // A combinator, not an async block: that would hold the code's
            // future twice, and there may be a million of these.
            Box::pin(code(ctx, input).map(|output| {
                Payload::of(&output.map_err(Into::into)?).map_err(|error| bad("result", &error))
            }))
        });
        match Kind::new(name, version) {
            Err(error) => self.problems.push(error.to_string()),
            Ok(kind) if self.programs.contains_key(&kind) => {
                self.problems.push(format!("the kind {kind} is registered twice"));
            }
            Ok(kind) => {
                self.programs.insert(kind, program);
            }
        }
        self
    }

    /// Says how what version `from` passes to `continue_as_new` is turned into
    /// what version `to` takes. It is called when a process goes on on a newer
    /// version; with several, each goes on where the one before has ended.
    ///
    /// If it fails, the process stays on the version it has, and it is tried
    /// again the next time: nothing is lost, and `greenroom kinds` shows it.
    pub fn migrate<F>(mut self, name: &str, from: u32, to: u32, migration: F) -> Registry
    where
        F: Fn(serde_json::Value) -> Result<serde_json::Value, Failure> + Send + Sync + 'static,
    {
        match Kind::new(name, from) {
            Err(error) => self.problems.push(error.to_string()),
            Ok(kind) if to <= from => {
                self.problems.push(format!("a migration of {kind} leads back to {to}"));
            }
            Ok(kind) => {
                let migrations = Arc::make_mut(&mut self.migrations);
                let onward = migrations.from(kind.clone());
                if onward.insert(to, Arc::new(migration)).is_some() {
                    self.problems.push(format!("two migrations lead from {kind} to {to}"));
                }
            }
        }
        self
    }

    /// Says how processes of a kind are treated, in all its versions.
    pub fn with_options(mut self, name: &str, options: KindOptions) -> Registry {
        if options.crashes_max == 0 {
            let words = "crashes_max 0 would give up every message unread: 1 is the least";
            self.problems.push(format!("the kind {name}: {words}"));
        }
        self.options.insert(name.to_owned(), options);
        self
    }

    /// How processes of a kind are treated.
    pub(crate) fn options(&self, kind: &Kind) -> KindOptions {
        self.options.get(&*kind.name).cloned().unwrap_or_default()
    }

    /// With the kinds that need no code, unless there is other code of that
    /// name.
    pub fn with_ready_kinds(self) -> Registry {
        let with_supervisor = match self.newest(crate::ctx::SUPERVISOR_KIND) {
            Some(_) => self,
            None => self.kind(crate::ctx::SUPERVISOR_KIND, crate::ctx::supervisor),
        };
        match with_supervisor.newest(crate::ctx::SCHEDULE_KIND) {
            Some(_) => with_supervisor,
            None => {
                let with_schedule =
                    with_supervisor.kind(crate::ctx::SCHEDULE_KIND, crate::ctx::schedule);
                Registry { schedules: true, ..with_schedule }
            }
        }
    }

    /// Whether the inputs of this kind are schedules.
    pub(crate) fn is_schedule(&self, kind: &str) -> bool {
        kind == crate::ctx::SCHEDULE_KIND && self.schedules
    }

    /// Adds all of another registry's kinds.
    pub fn merge(mut self, other: Registry) -> Registry {
        for (kind, program) in other.programs {
            if self.programs.insert(kind.clone(), program).is_some() {
                self.problems.push(format!("the kind {kind} is registered twice"));
            }
        }
        let migrations = Arc::make_mut(&mut self.migrations);
        for (kind, onward) in other.migrations.all() {
            migrations.from(kind.clone()).extend(onward.clone());
        }
        self.options.extend(other.options);
        self.problems.extend(other.problems);
        self
    }

    /// Every kind, by name and version.
    pub fn kinds(&self) -> Vec<Kind> {
        self.programs.keys().cloned().collect()
    }

    /// The newest version of a kind.
    pub fn newest(&self, name: &str) -> Option<Kind> {
        self.programs.keys().rfind(|kind| &*kind.name == name).cloned()
    }

    /// The newest version of every kind, for ephemeral processes.
    pub(crate) fn codes(&self) -> HashMap<String, Arc<Code>> {
        let code = |(kind, program): (&Kind, &Program)| {
            let program = program.clone();
            let make = move |address, input| program(Ctx::ephemeral(address), input);
            let code = Code { kind: kind.clone(), make: Box::new(make) };
            (kind.name.to_string(), Arc::new(code))
        };
        // In order of versions: the newest comes last and stays.
        self.programs.iter().map(code).collect()
    }

    /// Whether there is code for this version of a kind.
    pub fn has(&self, kind: &Kind) -> bool {
        self.programs.contains_key(kind)
    }

    /// What was wrong with what was registered.
    pub(crate) fn problems(&self) -> &[String] {
        &self.problems
    }

    /// An activation of a kind, if there is code for it.
    pub(crate) fn activate(&self, new: NewActivation) -> Option<Box<dyn Activation>> {
        let program = self.programs.get(&new.segment.kind)?;
        Some(Box::new(Local::new(program, new, self.migrations.clone())))
    }
}

fn bad(what: &str, error: &greenroom_model::Error) -> Failure {
    Failure::fatal(failure::BAD_PAYLOAD, format!("the {what} does not fit the code: {error}"))
}
