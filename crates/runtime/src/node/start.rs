//! Starting processes from outside.

use super::handle::Node;
use crate::engine::External;
use crate::{Error, Result};
use greenroom_journal::{Receipt, Spawn};
use greenroom_model::{Event, Op, Origin, Payload, ProcessId, Segment};
use std::collections::BTreeMap;

/// A process to start.
#[derive(Clone, Debug)]
pub struct StartRequest {
    /// Its kind; the newest version is taken.
    pub kind: String,
    /// Its key; without one it gets a random key.
    pub key: Option<String>,
    /// The argument of its code.
    pub input: Payload,
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
        let wish = self.wish("start", &[kind, key, input]);
        if let Some(done) = self.done(&wish).await? {
            return Ok(started(&done.receipt, done.note.parse()?));
        }
        let Some(kind) = self.engine.registry.newest(&request.kind) else {
            return Err(self.unknown_kind(&request.kind));
        };
        let key = request.key.unwrap_or_else(|| format!("{:016x}", self.env.seed()));
        let id = ProcessId::new(&request.kind, &key)?;
        let event = Event::WorkflowStarted(Segment {
            kind: kind.clone(),
            input: request.input,
            seed: self.env.seed(),
            first_op: Op(1),
            state: BTreeMap::new(),
            origin: Origin::External(request.by),
            root: id.to_string(),
            supervised: None,
            supervises: false,
            standing: greenroom_model::Standing::default(),
        });
        let spawn = Spawn::begin(id.clone(), kind, self.env.now());
        let request = self.keyed(wish, id.as_str());
        let (spawns, fresh) = (vec![spawn], vec![Some(event)]);
        let carried =
            self.request(External { spawns, fresh, request, ..External::default() }).await?;
        Ok(started(&carried.receipt, carried.note(id)?))
    }

    pub(super) fn unknown_kind(&self, kind: &str) -> Error {
        let mut known: Vec<String> =
            self.engine.registry.kinds().into_iter().map(|kind| kind.name.to_string()).collect();
        known.dedup();
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let kind: String = kind.chars().take(64).collect();
        Error::UnknownKind { kind, known }
    }
}

fn started(receipt: &Receipt, id: ProcessId) -> Started {
    let created = receipt.spawned.first().is_some_and(|spawned| spawned.created);
    Started { id, created }
}
