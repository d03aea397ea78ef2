//! Running a process's journal against the code there is, without the process.

use super::handle::Node;
use crate::engine::{in_force, names, replay};
use crate::{Error, NewActivation, Result};
use greenroom_journal::Scope;
use greenroom_model::{Divergence, Event, Exit, ProcessId};
use std::collections::BTreeSet;

/// What a rehearsal found.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// How many events were replayed.
    pub events: usize,
    /// Where the code and the journal disagree, if they do.
    pub divergence: Option<Divergence>,
}

impl Node {
    /// Replays the current segment of a process with the code this node has,
    /// and changes nothing: does a deploy still fit what runs?
    pub async fn rehearse(&self, id: &ProcessId) -> Result<Rehearsal> {
        let row = self.process(id).await?;
        let node = self.clone();
        self.read(move |journal| {
            let Some(loaded) = journal.load(row.no, Scope::Segment)? else {
                return Err(Error::NoProcess { id: row.id });
            };
            let mut history = in_force(loaded.turns);
            // That it was killed is not the code's doing.
            history.pop_if(|(_, _, event)| {
                matches!(event, Event::WorkflowFailed { exit: Exit::Killed(_) })
            });
            let Some(segment) = history.first().and_then(|(_, _, event)| event.segment()) else {
                return Err(Error::BadRequest(format!(
                    "the journal of {} has no beginning",
                    row.id
                )));
            };
            let kind = segment.kind.clone();
            let new = NewActivation {
                id: row.id,
                no: row.no,
                used_up: BTreeSet::new(),
                earlier: names(&history),
                segment: segment.clone(),
                at: history[0].1,
                newest: node.engine.newest.clone(),
                has_room: node.engine.has_room.clone(),
                accounts: node.engine.accounts.clone(),
                ephemeral: node.engine.run_ephemeral.clone(),
            };
            let Some(mut activation) = node.engine.registry.activate(new) else {
                return Err(node.unknown_kind(&kind.to_string()));
            };
            let replayed = replay(
                |at, input, expected, more| activation.apply(at, input, expected, more),
                &history,
            );
            let divergence = replayed.err().map(|found| *found);
            Ok(Rehearsal { events: history.len(), divergence })
        })
        .await
    }
}
