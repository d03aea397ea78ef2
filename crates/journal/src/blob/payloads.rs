//! Moves large payloads out of what is to be written and back into what was
//! read. Knows no format and no place: it calls the store for both.

use crate::{Arrival, Commit, Error, Journal, Loaded};
use greenroom_model::{BlobRef, Content, Event, Exit, Payload};

/// Moves an event's large payloads to the blob store. For the runtime, before
/// it encodes the event.
///
/// # Errors
/// Those of [`Journal::put_blob`]; the event may then be half moved, which is
/// harmless.
pub fn externalise(journal: &dyn Journal, event: &mut Event) -> Result<(), Error> {
    let mut result = Ok(());
    event.payloads_mut(&mut |payload| store_into(journal, payload, &mut result));
    result
}

/// The same for what a commit holds beside its turn's text: messages, exits,
/// questions and state.
///
/// # Errors
/// Those of [`Journal::put_blob`].
pub fn externalise_commit(journal: &dyn Journal, commit: &mut Commit) -> Result<(), Error> {
    let mut result = Ok(());
    commit.payloads_mut(&mut |payload| store_into(journal, payload, &mut result));
    result
}

/// The same for a process that is taken in, the texts of its turns aside.
///
/// # Errors
/// Those of [`Journal::put_blob`].
pub fn externalise_arrival(journal: &dyn Journal, arrival: &mut Arrival) -> Result<(), Error> {
    let mut result = Ok(());
    arrival.payloads_mut(&mut |payload| store_into(journal, payload, &mut result));
    result
}

/// Fetches the payloads of a message that a receipt delivered.
///
/// # Errors
/// Those of [`Journal::get_blob`].
pub fn fetch_content(journal: &dyn Journal, content: &mut Content) -> Result<(), Error> {
    let mut result = Ok(());
    content.payloads_mut(&mut |payload| fetch_into(journal, payload, &mut result));
    result
}

/// Fetches one payload.
pub(crate) fn fetch(journal: &dyn Journal, payload: &mut Payload) -> Result<(), Error> {
    let Payload::Blob(blob) = payload else {
        return Ok(());
    };
    *payload = fetched(journal, blob)?;
    Ok(())
}

/// Fetches the result in an exit.
pub(crate) fn fetch_exit(journal: &dyn Journal, exit: &mut Option<Exit>) -> Result<(), Error> {
    let mut result = Ok(());
    if let Some(exit) = exit {
        exit.payloads_mut(&mut |payload| fetch_into(journal, payload, &mut result));
    }
    result
}

/// Fetches all payloads of a loaded process.
pub(crate) fn fetch_event(journal: &dyn Journal, event: &mut Event) -> Result<(), Error> {
    let mut result = Ok(());
    event.payloads_mut(&mut |payload| fetch_into(journal, payload, &mut result));
    result
}

/// Fetches every payload of a process.
pub(crate) fn fetch_loaded(journal: &dyn Journal, loaded: &mut Loaded) -> Result<(), Error> {
    let mut result = Ok(());
    let mut visit = |payload: &mut Payload| fetch_into(journal, payload, &mut result);
    for event in loaded.turns.iter_mut().flat_map(|turn| &mut turn.events) {
        event.payloads_mut(&mut visit);
    }
    for message in &mut loaded.mailbox {
        message.content.payloads_mut(&mut visit);
    }
    if let Some(exit) = &mut loaded.row.exit {
        exit.payloads_mut(&mut visit);
    }
    result
}

fn store_into(journal: &dyn Journal, payload: &mut Payload, result: &mut Result<(), Error>) {
    if result.is_err() || !payload.wants_blob() {
        return;
    }
    let Some(text) = payload.text() else { return };
    match journal.put_blob(text) {
        Ok(blob) => *payload = Payload::Blob(blob),
        Err(error) => *result = Err(error),
    }
}

fn fetch_into(journal: &dyn Journal, payload: &mut Payload, result: &mut Result<(), Error>) {
    let Payload::Blob(blob) = payload else { return };
    if result.is_err() {
        return;
    }
    match fetched(journal, blob) {
        Ok(text) => *payload = text,
        Err(error) => *result = Err(error),
    }
}

fn fetched(journal: &dyn Journal, blob: &BlobRef) -> Result<Payload, Error> {
    Ok(Payload::from_text(journal.get_blob(blob)?)?)
}
