//! Starting other processes and hearing of their end.

use super::core::{Core, Outcome, Shared};
use super::operation::{Operation, bad_payload, unexpected};
use greenroom_model::{Error, Event, Exit, Failure, Op, Payload, ProcessId, failure};
use serde::de::DeserializeOwned;
use std::future::{IntoFuture, Ready, ready};

/// A spawn about to be made. Await it for the [`Child`]; it does not wait.
#[must_use = "a spawn does nothing until it is awaited"]
pub struct Spawn {
    core: Shared,
    kind: String,
    key: Option<String>,
    input: Result<Payload, Error>,
    detached: bool,
    linked: bool,
}

impl Spawn {
    pub(crate) fn new(core: &Shared, kind: &str, input: Result<Payload, Error>) -> Spawn {
        let (core, kind) = (core.clone(), kind.to_owned());
        Spawn { core, kind, key: None, input, detached: false, linked: false }
    }

    /// The key; by default the parent's key and the operation's number. If the
    /// id is taken by a process that is not this child, `join` fails as
    /// `already_exists`.
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Linked to this process from its first moment ([`Ctx::link`]), also if it
    /// was there before.
    ///
    /// [`Ctx::link`]: super::Ctx::link
    pub fn linked(mut self) -> Self {
        self.linked = true;
        self
    }

    /// The parent does not hear of its end, and a cancel of the parent's tree
    /// does not reach it.
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    fn begin(self, core: &mut Core) -> Result<(ProcessId, Op), Failure> {
        let input = self.input.map_err(|error| bad_payload(&error))?;
        let op = core.number();
        let id = match &self.key {
            Some(key) => ProcessId::new(&self.kind, key),
            None => core.identity.id.child(&self.kind, op),
        };
        let id = id.map_err(|error| Failure::fatal("bad_id", error.to_string()))?;
        // A kind of another node is not known here; it begins at version 1.
        let kind = match (core.identity.newest)(&self.kind) {
            Some(kind) => kind,
            None => {
                let words = format!("no kind `{}` is registered", self.kind);
                return Err(Failure::fatal("unknown_kind", words));
            }
        };
        let detached = self.detached;
        let supervised = None;
        let id_asked = id.clone();
        core.ask(Event::ProcessSpawned { op, id: id_asked, kind, input, detached, supervised });
        if self.linked {
            let link = core.number();
            core.ask(Event::Linked { op: link, target: id.clone() });
        }
        Ok((id, op))
    }
}

impl IntoFuture for Spawn {
    type Output = Result<Child, Failure>;
    type IntoFuture = Ready<Result<Child, Failure>>;

    fn into_future(self) -> Self::IntoFuture {
        let core = self.core.clone();
        let begun = self.begin(&mut super::core::lock(&core));
        ready(begun.map(|(id, op)| Child::new(&core, id, op)))
    }
}

/// A process this one started.
#[derive(Clone)]
pub struct Child {
    core: Shared,
    id: ProcessId,
    op: Op,
}

impl Child {
    pub(crate) fn new(core: &Shared, id: ProcessId, op: Op) -> Child {
        Child { core: core.clone(), id, op }
    }

    /// Its id.
    pub fn id(&self) -> &ProcessId {
        &self.id
    }

    /// Waits for its end.
    pub fn exit(&self) -> Operation<Exit> {
        let watch = self.op;
        Operation::new(&self.core, move |core| Ok(begin_join(core, watch)), read_exit)
    }

    /// Waits for its result; a child that ended otherwise is a failure.
    pub fn join<T: DeserializeOwned + 'static>(&self) -> Operation<T> {
        let watch = self.op;
        Operation::new(
            &self.core,
            move |core| Ok(begin_join(core, watch)),
            |outcome| {
                read_exit(outcome)?.into_result()?.read().map_err(|error| bad_payload(&error))
            },
        )
    }
}

fn begin_join(core: &mut Core, watch: Op) -> Op {
    let op = core.number();
    core.join(op, watch);
    op
}

pub(crate) fn read_exit(outcome: Outcome) -> Result<Exit, Failure> {
    match outcome {
        Outcome::Exited(Exit::Error(refused)) if refused.is(failure::ALREADY_EXISTS) => {
            Err(refused)
        }
        Outcome::Exited(exit) => Ok(exit),
        Outcome::Value(Err(failure)) => Err(failure),
        other => Err(unexpected(&other)),
    }
}
