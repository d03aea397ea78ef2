//! The kinds a node has code for.

use crate::code::{Activation, NewActivation};
use crate::ctx::Ctx;
use crate::ephemeral::Code;
use crate::local::{Local, Program};
use crate::migration::Migrations;
use futures_util::FutureExt;
use futures_util::future;
use greenroom_model::queue::QueueSpec;
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
    /// How much its mailbox holds.
    pub mailbox: Mailbox,
    /// At most so many steps of the kind's processes run at once on a node; the
    /// others wait, as in a queue. `None`: as many as like.
    pub steps_max: Option<u32>,
    /// At most so many processes of the kind are under way at once; the others
    /// have not begun, and do in the order of their start. A process under way
    /// that waits for one of its own kind may wait for ever.
    pub processes_max: Option<u32>,
}

/// How much a mailbox holds, and what becomes of more. Control messages (ends,
/// replies, answers, cancels) are not counted and always taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// How many messages. 10,000 by default.
    pub messages_max: usize,
    /// How many bytes, about. 64 MiB by default.
    pub bytes_max: usize,
    /// What becomes of more.
    pub overflow: Overflow,
}

impl Mailbox {
    fn check(&self) -> Result<(), String> {
        if self.messages_max == 0 || self.bytes_max == 0 {
            return Err("a mailbox limit of 0 would take no message at all: 1 is the least".into());
        }
        match &self.overflow {
            Overflow::DropOldest { topics } if topics.is_empty() => {
                Err("DropOldest without a topic drops nothing: name one, or `>` for all".into())
            }
            Overflow::DropOldest { topics } => {
                topics.iter().try_for_each(|topic| greenroom_model::pattern::check_pattern(topic))
            }
            Overflow::Suspend | Overflow::Refuse => Ok(()),
        }
    }
}

impl Default for Mailbox {
    fn default() -> Mailbox {
        Mailbox { messages_max: 10_000, bytes_max: 64 << 20, overflow: Overflow::Suspend }
    }
}

/// What becomes of a message to a full mailbox.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// Its sender waits for room, durably; a request from outside is refused.
    #[default]
    Suspend,
    /// It is refused as `mailbox_full`.
    Refuse,
    /// Those that came first under these topics (or patterns of topics, such as
    /// `price.*`) are dropped; to others `Suspend` applies.
    DropOldest {
        /// The topics.
        topics: Vec<String>,
    },
}

impl Default for KindOptions {
    fn default() -> KindOptions {
        let mailbox = Mailbox::default();
        let (steps_max, processes_max) = (None, None);
        KindOptions { crashes_max: 3, ordered: false, mailbox, steps_max, processes_max }
    }
}

/// Kinds of processes, by name and version.
#[derive(Clone, Default)]
pub struct Registry {
    programs: BTreeMap<Kind, Program>,
    options: BTreeMap<String, KindOptions>,
    mailboxes: BTreeMap<String, Arc<Mailbox>>,
    /// That of kinds without options.
    mailbox: Arc<Mailbox>,
    queues: BTreeMap<String, QueueSpec>,
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

    /// Says how processes of a kind are treated, in all its versions. The kind may
    /// be registered before or after; one that never is, or that has options
    /// already, is reported when the node starts.
    pub fn with_options(mut self, name: &str, options: KindOptions) -> Registry {
        if options.crashes_max == 0 {
            let words = "crashes_max 0 would give up every message unread: 1 is the least";
            self.problems.push(format!("the kind {name}: {words}"));
        }
        if let Err(words) = options.mailbox.check() {
            self.problems.push(format!("the kind {name}: {words}"));
        }
        self.mailboxes.insert(name.to_owned(), Arc::new(options.mailbox.clone()));
        if options.steps_max == Some(0) {
            let words = "steps_max 0 would let no step begin: 1 is the least";
            self.problems.push(format!("the kind {name}: {words}"));
        }
        if options.processes_max == Some(0) {
            let words = "processes_max 0 would let no process begin: 1 is the least";
            self.problems.push(format!("the kind {name}: {words}"));
        }
        if self.options.insert(name.to_owned(), options).is_some() {
            self.problems.push(options_twice(name));
        }
        self
    }

    /// Declares a queue for steps, which stand in it by
    /// [`StepCall::queue`](crate::StepCall::queue). It is this node's: its limits
    /// count what this node does.
    ///
    /// One that cannot be, or is there already, is reported when the node starts.
    pub fn queue(mut self, spec: QueueSpec) -> Registry {
        match spec.check() {
            Err(words) => self.problems.push(words),
            Ok(()) if self.queues.contains_key(&spec.name) => {
                self.problems.push(format!("the queue {} is declared twice", spec.name));
            }
            Ok(()) => drop(self.queues.insert(spec.name.clone(), spec)),
        }
        self
    }

    /// Whether a queue of this name was declared.
    pub fn has_queue(&self, name: &str) -> bool {
        self.queues.contains_key(name)
    }

    /// The queues that were declared.
    pub(crate) fn queues(&self) -> impl Iterator<Item = &QueueSpec> {
        self.queues.values()
    }

    /// Kinds with a limit of processes under way.
    pub(crate) fn process_limits(&self) -> impl Iterator<Item = (&str, u32)> {
        let limits = self.options.iter();
        limits.filter_map(|(kind, options)| Some((kind.as_str(), options.processes_max?)))
    }

    /// Kinds with a limit of steps at once.
    pub(crate) fn step_limits(&self) -> impl Iterator<Item = (&str, u32)> {
        let limits = self.options.iter();
        limits.filter_map(|(kind, options)| Some((kind.as_str(), options.steps_max?)))
    }

    /// How processes of a kind are treated.
    pub(crate) fn options(&self, kind: &Kind) -> KindOptions {
        self.options.get(&*kind.name).cloned().unwrap_or_default()
    }

    /// How much the mailbox of a kind holds.
    pub(crate) fn mailbox(&self, kind: &Kind) -> Arc<Mailbox> {
        self.mailboxes.get(&*kind.name).unwrap_or(&self.mailbox).clone()
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
        for (name, options) in other.options {
            if self.options.contains_key(&name) {
                self.problems.push(options_twice(&name));
            }
            self.options.insert(name, options);
        }
        self.mailboxes.extend(other.mailboxes);
        for (name, spec) in other.queues {
            if self.queues.insert(name.clone(), spec).is_some() {
                self.problems.push(format!("the queue {name} is declared twice"));
            }
        }
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

    /// What is wrong with what was registered.
    pub(crate) fn problems(&self) -> Vec<String> {
        let unknown = self.options.keys().filter(|name| self.newest(name).is_none());
        let mut known: Vec<String> =
            self.kinds().iter().map(|kind| kind.name.to_string()).collect();
        known.dedup();
        let unknown = unknown.map(|name| {
            let words = format!("options are given for `{name}`, and no kind of that name");
            format!("{words} is registered; known: {}", known.join(", "))
        });
        self.problems.iter().cloned().chain(unknown).collect()
    }

    /// An activation of a kind, if there is code for it.
    pub(crate) fn activate(&self, new: NewActivation) -> Option<Box<dyn Activation>> {
        let program = self.programs.get(&new.segment.kind)?;
        Some(Box::new(Local::new(program, new, self.migrations.clone())))
    }
}

fn options_twice(name: &str) -> String {
    format!("options are given twice for the kind {name}: say all of them in one `with_options`")
}

fn bad(what: &str, error: &greenroom_model::Error) -> Failure {
    Failure::fatal(failure::BAD_PAYLOAD, format!("the {what} does not fit the code: {error}"))
}
