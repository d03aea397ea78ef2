//! A step in a box: the box is found, or made from what the history has of it; what is asked
//! for is done; the files are kept.

use super::handle::{Boxes, run};
use super::place::{BOX_FAILED, Outcome, Place, name_of};
use crate::definition::Snapshots;
use crate::tool::Placed;
use greenroom_boxes::Error;
use greenroom_boxes::build::Image;
use greenroom_boxes::engine::{Engine, ExecRequest, Loss, Printed};
use greenroom_boxes::sandbox::{Signals, Stream};
use greenroom_model::Failure;
use greenroom_runtime::Step;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex, PoisonError};

/// The process whose step this is: in a fork another one than when the code asked for it.
pub(super) fn owner_of(step: &Step) -> &str {
    step.key().rsplit_once('#').map_or(step.key(), |(owner, _)| owner)
}

/// A box that a step works in.
pub(super) struct Inside {
    pub engine: Arc<Engine>,
    pub name: String,
    /// Where its commands begin.
    pub dir: String,
    stop: Stop,
}

impl Inside {
    /// Runs a command to its end, or until nobody wants it any more.
    pub fn exec(
        &self,
        request: ExecRequest,
        input: &[u8],
        sink: &mut dyn FnMut(Stream, &[u8]),
    ) -> Result<Printed, Error> {
        let request = match request.cwd {
            None => ExecRequest { cwd: Some(self.dir.clone().into()), ..request },
            Some(_) => request,
        };
        let mut started = |killer| self.stop.started(killer);
        self.engine.exec_stoppable(&self.name, &request, input, &mut started, sink)
    }

    pub fn image(&self) -> Result<Image, Error> {
        self.engine.image_of(&self.name)
    }
}

/// Kills what runs when nobody waits for it any more.
#[derive(Clone, Default)]
struct Stop(Arc<Mutex<(bool, Option<Signals>)>>);

impl Stop {
    fn started(&self, killer: Signals) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if state.0 {
            // After its end nobody hears it.
            let _ = killer.kill();
        }
        state.1 = Some(killer);
    }
}

/// Held by who waits.
struct Waiting(Stop);

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.0 = true;
        if let Some(killer) = &state.1 {
            // After its end nobody hears it.
            let _ = killer.kill();
        }
    }
}

/// Finds the box of a step, or makes it of what the history has of it. Whether it was lost.
pub(super) fn settle(engine: &Engine, step: &Step, had: &Place) -> Result<(Place, bool), Error> {
    let user = owner_of(step);
    let mut place = had.clone();
    if had.user != user {
        // A fork: the other one's box is not its own.
        place.name = name_of(user, &had.name);
        (place.user, place.owner, place.made) = (user.to_owned(), user.to_owned(), false);
    }
    let was_made = std::mem::replace(&mut place.made, true);
    match engine.find(&place.name) {
        Ok(_) => return Ok((place, false)),
        Err(Error::Missing(_)) => {}
        Err(error) => return Err(error),
    }
    // Who owned what is lost may have ended.
    let owner = if was_made { user } else { &place.owner };
    match engine.restore(&place.files, &place.name, Some(owner)) {
        // Another step has made it meanwhile.
        Err(Error::NotNow { .. }) if engine.find(&place.name).is_ok() => {}
        made => drop(made?),
    }
    // What it begins with is there for as long as its history is.
    engine.snapshot(&place.name, user)?;
    Ok((place, was_made))
}

/// Does something in the box of a step. What fails in words is the model's to read; the files
/// are kept either way.
pub(super) async fn enter<F>(
    boxes: &Boxes,
    step: Step,
    placed: Placed,
    work: F,
) -> Result<Value, Failure>
where
    F: FnOnce(&Inside, &Step) -> Result<String, String> + Send + 'static,
{
    let had: Place = serde_json::from_value(placed.place)
        .map_err(|error| Failure::fatal(BOX_FAILED, format!("there is no box: {error}")))?;
    let (boxes, stop) = (boxes.clone(), Stop::default());
    let _waiting = Waiting(stop.clone());
    let outcome = run(move || {
        let engine = boxes.engine()?;
        let (place, is_back) = settle(&engine, &step, &had)?;
        let inside = Inside { engine, name: place.name.clone(), dir: place.dir.clone(), stop };
        let done = work(&inside, &step);
        let mut notes = Vec::new();
        if is_back {
            notes.push(IS_BACK.to_owned());
        }
        let place = kept(&inside, place, placed.effects, &step, &mut notes)?;
        let (text, failed) = match done {
            Ok(text) => (text, false),
            Err(words) => (words, true),
        };
        let told = notes.into_iter().chain([text]).collect::<Vec<_>>();
        let place = Some(place).filter(|place| *place != had);
        Ok(Outcome { text: told.join("\n"), failed, place })
    });
    Ok(json!(outcome.await?))
}

/// Keeps the files after something that may have changed them.
fn kept(
    inside: &Inside,
    place: Place,
    effects: bool,
    step: &Step,
    notes: &mut Vec<String>,
) -> Result<Place, Error> {
    let loss = inside.engine.find(&inside.name)?.row.loss;
    notes.extend(loss.map(|loss| match loss {
        Loss::Processes => LOST_PROCESSES.to_owned(),
        Loss::Unsynced => UNSYNCED.to_owned(),
    }));
    let keeps = effects && place.snapshots == Snapshots::Each;
    if !keeps {
        if loss.is_some() {
            // It is told once.
            inside.engine.seal(&inside.name)?;
        }
        return Ok(place);
    }
    match inside.engine.snapshot(&inside.name, owner_of(step)) {
        Ok(files) => Ok(Place { files, ..place }),
        // What was done was done: the model is told that it cannot be had back.
        Err(error) => {
            notes.push(format!("[the files of the box cannot be kept as they are now: {error}]"));
            Ok(place)
        }
    }
}

const IS_BACK: &str = "[the box was gone; it is there again with the files as they were last kept, \
    and nothing runs in it]";

const LOST_PROCESSES: &str = "[the box had died and was started again: its files are as they \
    were, and what ran in it does not run any more]";

const UNSYNCED: &str = "[the machine went down: the box was started again, and what ran in it does \
    not run any more; files that were written since it was last kept are as the disk had them]";
