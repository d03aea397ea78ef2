//! An import as one commit: everything is in memory anyway.

use crate::{
    Arrival, Arrivals, Commit, Error, Imported, Journal, Scope, Spawn, blob, decode_events,
};
use greenroom_model::{Epoch, Millis};
use std::collections::HashSet;

/// Takes all of it in, or nothing.
pub(super) fn at_once(
    journal: &dyn Journal,
    epoch: Epoch,
    at: Millis,
    next: &mut Arrivals<'_>,
) -> Result<Imported, Error> {
    let mut imported = Imported::default();
    let (mut spawns, mut sends, mut ids) = (Vec::new(), Vec::new(), HashSet::new());
    while let Some(Arrival { spawn, mailbox, .. }) = next()? {
        if !ids.insert(spawn.id.clone()) {
            return Err(Error::Differs { id: spawn.id });
        }
        if is_there(journal, &spawn)? {
            imported.present += 1;
            continue;
        }
        imported.created += 1;
        sends.extend(mailbox);
        spawns.push(spawn);
    }
    if spawns.is_empty() {
        return Ok(imported);
    }
    let commit = Commit { sends, spawns, ..Commit::new(at, epoch) };
    match journal.commit(&[commit])?.pop() {
        Some(Ok(_)) => Ok(imported),
        Some(Err(refusal)) => Err(Error::Unavailable { why: refusal.to_string() }),
        None => Err(Error::Unavailable { why: "the store gave no answer".to_owned() }),
    }
}

/// Whether the process is there, with this history or one that goes on from it.
fn is_there(journal: &dyn Journal, spawn: &Spawn) -> Result<bool, Error> {
    let Some(row) = journal.find(&spawn.id)? else {
        return Ok(false);
    };
    let turns = journal.load(row.no, Scope::Whole)?.map(|loaded| loaded.turns);
    let mut turns = turns.unwrap_or_default().into_iter();
    for first in &spawn.turns {
        let mut events = decode_events(&first.body, first.count)?;
        for event in &mut events {
            blob::fetch_event(journal, event)?;
        }
        let same = turns.next().is_some_and(|turn| turn.at == first.at && turn.events == events);
        if !same {
            return Err(Error::Differs { id: spawn.id.clone() });
        }
    }
    Ok(true)
}
