//! Starting processes from outside.

use super::handle::Node;
use crate::ctx::schedule_spec;
use crate::engine::External;
use crate::{Error, Result};
use greenroom_journal::{AccountWork, Receipt, Spawn};
use greenroom_model::budget::{Budget, Resource};
use greenroom_model::{Carried, Event, Kind, Op, Origin, Payload, ProcessId, Segment};
use std::collections::BTreeMap;

/// A process to start.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// Its kind: it begins on the newest version, and goes on on the newest each
    /// time it continues as new. Or `kind@version`: it is pinned to that one.
    pub kind: String,
    /// Its key; without one it gets a random key.
    pub key: Option<String>,
    /// The argument of its code.
    pub input: Payload,
    /// How much it may use up, with all that comes of it; what has no limit here
    /// has none.
    pub budget: Option<Budget>,
    /// Who asks.
    pub by: String,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// The process.
    pub id: ProcessId,
    /// `false`: there was one of this id before, and nothing was changed.
    pub created: bool,
}

impl Node {
    /// Starts a process. Durable when it returns; starting the same id twice
    /// is one start.
    pub async fn start_process(&self, request: StartRequest) -> Result<Started> {
        let StartRequest { kind, key, input, .. } = &request;
        let (key, input) = (key.as_deref().unwrap_or(""), input.text().unwrap_or_default());
        let limits = request.budget.map(|budget| budget.to_string()).unwrap_or_default();
        let wish = self.wish("start", &[kind, key, input, &limits]);
        if let Some(done) = self.done(&wish).await? {
            return Ok(started(&done.receipt, done.note.parse()?));
        }
        if request.budget.is_some_and(|budget| !can_be(&budget)) {
            let words = "a budget has a limit on messages, tokens or money, of at most 2^63";
            return Err(Error::BadRequest(words.to_owned()));
        }
        let kind = self.kind_to_start(&request.kind)?;
        if self.engine.registry.is_schedule(&kind.name) {
            let spec = schedule_spec(&request.input).map_err(Error::BadRequest)?;
            self.check_schedule(request.key.as_deref().unwrap_or("a"), spec)?;
        }
        let key = request.key.unwrap_or_else(|| format!("{:016x}", self.env.seed()));
        let id = ProcessId::new(&kind.name, &key)?;
        if id.is_reserved() {
            let words =
                "a key that begins with `!` is an ephemeral process's, which no start makes";
            return Err(Error::BadRequest(words.to_owned()));
        }
        let event = Event::WorkflowStarted(Box::new(Segment {
            kind: kind.clone(),
            input: request.input,
            seed: self.env.seed(),
            first_op: Op(1),
            state: BTreeMap::new(),
            origin: Origin::External(request.by),
            root: id.to_string(),
            supervised: None,
            supervises: false,
            pinned: request.kind.contains('@'),
            standing: greenroom_model::Standing::default(),
            hops: 0,
            carried: request.budget.map(|_| {
                let account = Some(id.clone());
                Box::new(Carried { account, ..Carried::default() })
            }),
        }));
        let open = |limits| AccountWork::Open { id: id.clone(), parent: None, limits, spawn: 0 };
        let accounts = request.budget.map(open).into_iter().collect();
        let spawn = Spawn::begin(id.clone(), kind, self.env.now());
        let request = self.keyed(wish, id.as_str());
        let (spawns, fresh) = (vec![spawn], vec![Some(event)]);
        let external = External { spawns, fresh, accounts, request, ..External::default() };
        let carried = self.request(external).await?;
        Ok(started(&carried.receipt, carried.note(id)?))
    }

    /// The kind that `name` or `name@version` names here.
    pub(super) fn kind_to_start(&self, named: &str) -> Result<Kind> {
        let registry = &self.engine.registry;
        let Some((name, version)) = named.split_once('@') else {
            return registry.newest(named).ok_or_else(|| self.unknown_kind(named));
        };
        let version = version.parse().map_err(|_| {
            let words = format!("`{named}` names no version: write KIND@NUMBER, like refund@2");
            Error::BadRequest(words.chars().take(200).collect())
        })?;
        let kind = Kind::new(name, version)?;
        match registry.has(&kind) {
            true => Ok(kind),
            false => Err(self.unknown_kind(&kind.to_string())),
        }
    }

    pub(super) fn unknown_kind(&self, kind: &str) -> Error {
        let mut known: Vec<String> =
            self.engine.registry.kinds().iter().map(|one| named(one, kind)).collect();
        known.dedup();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let kind: String = kind.chars().take(64).collect();
        Error::UnknownKind { kind, known }
    }
}

/// A kind as it is told to who asked for `wanted`, which names a version or not.
fn named(kind: &Kind, wanted: &str) -> String {
    if wanted.contains('@') { kind.to_string() } else { kind.name.to_string() }
}

/// Whether it limits something, and can be counted.
fn can_be(budget: &Budget) -> bool {
    let counted = |one: Resource| i64::try_from(budget.of(one).unwrap_or(0)).is_ok();
    !budget.is_empty() && Resource::ALL.into_iter().all(counted)
}

fn started(receipt: &Receipt, id: ProcessId) -> Started {
    let created = receipt.spawned.first().is_some_and(|spawned| spawned.created);
    Started { id, created }
}
