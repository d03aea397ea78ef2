//! Running code against its journal.

use crate::code::Applied;
use greenroom_model::{Divergence, Event, Millis, Seq};

/// How many events a divergence shows before the break.
const SHOWN_BEFORE: usize = 4;

/// One event of the history in force.
pub(crate) type Past = (Seq, Millis, Event);

/// Feeds the inputs of `history` (which begins with its segment's first event)
/// and compares what the code asks for with what the journal holds.
///
/// Gives back the commands the code issued after the journal's end: a restart
/// or a fork can cut a history anywhere, and a turn that ended its segment
/// leaves the next one to be begun.
pub(crate) fn replay(
    mut apply: impl FnMut(Millis, &Event, &[&Event], bool) -> Applied,
    history: &[Past],
) -> Result<Vec<Event>, Box<Divergence>> {
    let mut issued: Vec<Event> = Vec::new();
    // Commands are compared with what follows their input up to the next input
    // that wakes the code. Inputs in between are the runtime's own affair.
    let mut group_start = 0;
    let mut compared = 0;
    let mut recorded: Vec<&Event> = Vec::new();
    while group_start < history.len() {
        let group_end = group_end(history, group_start);
        let (_, at, input) = &history[group_start];
        let group = history[group_start + 1..group_end].iter();
        recorded.clear();
        recorded.extend(group.map(|(_, _, event)| event).filter(|event| !event.is_input()));
        let last = group_end == history.len();
        let applied = apply(*at, input, &recorded, !last);
        if applied.unexpected && needs_receiver(input) {
            let asked = Some("nothing here waits for it".to_owned());
            return Err(diverge(history, group_start, Some(input), asked));
        }
        issued = applied.commands;
        compared = compare(history, group_start, group_end, &recorded, &issued, last)?;
        for (_, at, event) in &history[group_start + 1..group_end] {
            if matches!(event, Event::Forked { .. } | Event::Restarted { .. }) {
                apply(*at, event, &[], true);
            }
        }
        group_start = group_end;
    }
    Ok(issued.split_off(compared.min(issued.len())))
}

/// The next input that wakes the code.
fn group_end(history: &[Past], start: usize) -> usize {
    history[start + 1..]
        .iter()
        .position(|(_, _, event)| event.wakes_code())
        .map_or(history.len(), |offset| start + 1 + offset)
}

fn compare(
    history: &[Past],
    group_start: usize,
    group_end: usize,
    recorded: &[&Event],
    issued: &[Event],
    last: bool,
) -> Result<usize, Box<Divergence>> {
    for (place, past) in recorded.iter().enumerate() {
        let asked = issued.get(place);
        if !asked.is_some_and(|asked| Divergence::agrees(past, asked)) {
            let here = |(_, _, event): &Past| std::ptr::eq(event, *past);
            let index = history.iter().position(here).unwrap_or(group_end);
            let asked = asked.map(Divergence::describe);
            return Err(diverge(history, index, Some(past), asked));
        }
    }
    if issued.len() > recorded.len() && !last {
        let recorded_next = history.get(group_end).map(|(_, _, event)| event);
        let asked = Some(Divergence::describe(&issued[recorded.len()]));
        return Err(diverge(history, group_end.max(group_start), recorded_next, asked));
    }
    Ok(recorded.len())
}

fn needs_receiver(input: &Event) -> bool {
    matches!(
        input,
        Event::MessageReceived { .. }
            | Event::StepCompleted { .. }
            | Event::StepFailed { .. }
            | Event::TimerFired { .. }
            | Event::SendUnblocked { .. }
            | Event::ReplyReceived { .. }
    )
}

fn diverge(
    history: &[Past],
    index: usize,
    recorded: Option<&Event>,
    asked: Option<String>,
) -> Box<Divergence> {
    let from = index.saturating_sub(SHOWN_BEFORE);
    let before = history[from..index.min(history.len())]
        .iter()
        .map(|(seq, _, event)| (seq.0, Divergence::describe(event)))
        .collect();
    let seq = history.get(index).map_or(0, |(seq, _, _)| seq.0);
    let recorded = recorded.map(Divergence::describe);
    Box::new(Divergence { before, seq, recorded, asked })
}
