//! What one request caused, across processes: which part of a turn belongs to
//! it, and one page of it in order. Knows no storage.

use crate::TurnRow;
use greenroom_model::{Event, Millis, Op, Origin, ProcessId, ProcessNo, Seq};
use std::collections::{BTreeMap, HashMap};

/// A place in the order of a trace: by time, then by process. No process's own
/// events are ever out of order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct TracePlace {
    /// When the turn was committed.
    pub at: Millis,
    /// Whose.
    pub process: ProcessNo,
    /// Its first event that belongs to it.
    pub seq: Seq,
}

/// Which part of a trace to read.
#[derive(Clone, Debug)]
pub struct TraceListing {
    /// The root of it all.
    pub root: String,
    /// Only what comes after this place (for paging).
    pub after: Option<TracePlace>,
    /// At most so many parts of turns.
    pub limit: usize,
}

/// Events of one turn, one after the other, that go back to a root.
#[derive(Clone, Debug)]
pub struct TraceTurn {
    /// Where it stands.
    pub place: TracePlace,
    /// Whose turn.
    pub id: ProcessId,
    /// The events.
    pub events: Vec<Event>,
}

/// A page being put together: the first `limit` of all that is offered.
pub(crate) struct Page<'l> {
    listing: &'l TraceListing,
    found: BTreeMap<TracePlace, TraceTurn>,
}

impl<'l> Page<'l> {
    pub fn new(listing: &'l TraceListing) -> Page<'l> {
        Page { listing, found: BTreeMap::new() }
    }

    /// Whether anything that was committed in this span can be on the page.
    pub fn wants(&self, from: Millis, to: Millis) -> bool {
        let full = self.found.len() >= self.listing.limit;
        let last = self.found.keys().next_back().filter(|_| full);
        let before = self.listing.after.is_some_and(|after| to < after.at);
        !before && last.is_none_or(|last| from <= last.at)
    }

    /// Takes in the part of a process's turns that belongs to the root. A turn is
    /// offered because something in it does: all of it, but for messages of other
    /// requests and what follows them there.
    pub fn offer(&mut self, no: ProcessNo, id: &ProcessId, own_root: &str, turns: Vec<TurnRow>) {
        let wanted = self.listing.root.as_str();
        for TurnRow { seq, at, events } in turns {
            let mut belongs = true;
            let mut run: Option<TraceTurn> = None;
            for (offset, event) in events.into_iter().enumerate() {
                if let Event::MessageReceived { envelope, .. } = &event {
                    let root = envelope.as_ref().and_then(|envelope| envelope.root.as_deref());
                    belongs = root.unwrap_or(own_root) == wanted;
                }
                if belongs {
                    let place = TracePlace { at, process: no, seq: seq.plus(offset) };
                    let new = || TraceTurn { place, id: id.clone(), events: Vec::new() };
                    run.get_or_insert_with(new).events.push(event);
                } else if let Some(run) = run.take() {
                    self.add(run);
                }
            }
            run.into_iter().for_each(|run| self.add(run));
        }
    }

    fn add(&mut self, turn: TraceTurn) {
        if self.listing.after.is_none_or(|after| turn.place > after) {
            self.found.insert(turn.place, turn);
            if self.found.len() > self.listing.limit {
                self.found.pop_last();
            }
        }
    }

    /// In order: by time, and within a millisecond as one thing led to another.
    pub fn done(self) -> Vec<TraceTurn> {
        let mut ordered = Vec::with_capacity(self.found.len());
        let mut moment: Vec<TraceTurn> = Vec::new();
        for turn in self.found.into_values() {
            if moment.first().is_some_and(|first| first.place.at != turn.place.at) {
                ordered.extend(causal(std::mem::take(&mut moment)));
            }
            moment.push(turn);
        }
        ordered.extend(causal(moment));
        ordered
    }
}

/// Turns of one moment, in the order in which one led to another.
fn causal(turns: Vec<TraceTurn>) -> Vec<TraceTurn> {
    if turns.len() < 2 {
        return turns;
    }
    let before = {
        let sources = Sources::of(&turns);
        (0..turns.len()).map(|place| sources.before(&turns, place)).collect::<Vec<_>>()
    };
    let (mut order, mut seen) = (Vec::with_capacity(turns.len()), vec![false; turns.len()]);
    for first in 0..turns.len() {
        // A turn waits on the stack until those before it are out.
        let mut stack = vec![(first, false)];
        while let Some((place, ready)) = stack.pop() {
            if ready {
                order.push(place);
            } else if !std::mem::replace(&mut seen[place], true) {
                stack.push((place, true));
                stack.extend(before[place].iter().map(|earlier| (*earlier, false)));
            }
        }
    }
    let mut turns: Vec<Option<TraceTurn>> = turns.into_iter().map(Some).collect();
    order.into_iter().filter_map(|place| turns[place].take()).collect()
}

/// Which turn of a moment did what.
#[derive(Default)]
struct Sources<'t> {
    sent: HashMap<(&'t ProcessId, &'t ProcessId), usize>,
    spawned: HashMap<&'t ProcessId, usize>,
    replied: HashMap<(&'t ProcessId, Op), usize>,
    ended: HashMap<&'t ProcessId, usize>,
}

impl<'t> Sources<'t> {
    fn of(turns: &'t [TraceTurn]) -> Sources<'t> {
        let mut sources = Sources::default();
        for (place, turn) in turns.iter().enumerate() {
            for event in &turn.events {
                match event {
                    Event::MessageSent { to, .. } => {
                        sources.sent.entry((&turn.id, to)).or_insert(place);
                    }
                    Event::ProcessSpawned { id, .. } => {
                        sources.spawned.insert(id, place);
                    }
                    Event::ReplySent { to, .. } => {
                        sources.replied.insert((&to.process, to.op), place);
                    }
                    Event::WorkflowCompleted { .. } | Event::WorkflowFailed { .. } => {
                        sources.ended.insert(&turn.id, place);
                    }
                    _ => {}
                }
            }
        }
        sources
    }

    /// The turns of the moment that came before this one.
    fn before(&self, turns: &'t [TraceTurn], place: usize) -> Vec<usize> {
        let turn = &turns[place];
        // Of one process they stand together.
        let own = place.checked_sub(1).filter(|last| turns[*last].id == turn.id);
        let causes = turn.events.iter().filter_map(|event| match event {
            Event::MessageReceived { from: Origin::Process(from), .. } => {
                self.sent.get(&(from, &turn.id))
            }
            Event::WorkflowStarted(_) => self.spawned.get(&turn.id),
            Event::ReplyReceived { op, .. } => self.replied.get(&(&turn.id, *op)),
            Event::ProcessExited { id, .. } | Event::ExitReceived { id, .. } => self.ended.get(id),
            _ => None,
        });
        causes.copied().chain(own).filter(|cause| *cause != place).collect()
    }
}
