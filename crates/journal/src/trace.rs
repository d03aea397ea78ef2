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
    /// offered because something in it does: all of it from the event `first` on,
    /// but for messages of other requests and what follows them there.
    pub fn offer(
        &mut self,
        no: ProcessNo,
        id: &ProcessId,
        own_root: &str,
        first: Seq,
        turns: Vec<TurnRow>,
    ) {
        let wanted = self.listing.root.as_str();
        for TurnRow { seq, at, events } in turns {
            let mut belongs = seq >= first;
            let mut run: Option<TraceTurn> = None;
            for (offset, event) in events.into_iter().enumerate() {
                belongs |= seq.plus(offset) == first;
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
    let before = Sources::of(&turns).causes(&turns);
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

/// A message, as both its ends tell it: from whom, to whom, and what it says.
type Said<'t> = (&'t ProcessId, &'t ProcessId, &'t str, Option<&'t str>);

/// Which turn of a moment did what.
#[derive(Default)]
struct Sources<'t> {
    /// By the first event of each.
    turns: BTreeMap<(&'t ProcessId, Seq), usize>,
    called: HashMap<(&'t ProcessId, Op), usize>,
    /// The same may be said many times.
    sent: HashMap<Said<'t>, Vec<usize>>,
    taken: HashMap<Said<'t>, usize>,
    spawned: HashMap<&'t ProcessId, usize>,
    replied: HashMap<(&'t ProcessId, Op), usize>,
    ended: HashMap<&'t ProcessId, usize>,
}

impl<'t> Sources<'t> {
    fn of(turns: &'t [TraceTurn]) -> Sources<'t> {
        let mut sources = Sources::default();
        for (place, turn) in turns.iter().enumerate() {
            sources.turns.insert((&turn.id, turn.place.seq), place);
            for event in &turn.events {
                match event {
                    Event::MessageSent { op, call: true, .. } => {
                        sources.called.insert((&turn.id, *op), place);
                    }
                    Event::MessageSent { to, topic, body, .. } => {
                        let said = (&turn.id, to, topic.as_str(), body.text());
                        sources.sent.entry(said).or_default().push(place);
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
                    event => {
                        if let Some(said) = taken(&turn.id, event) {
                            *sources.taken.entry(said).or_default() += 1;
                        }
                    }
                }
            }
        }
        sources
    }

    /// For each turn those of the moment that came before it.
    fn causes(&self, turns: &'t [TraceTurn]) -> Vec<Vec<usize>> {
        let mut heard: HashMap<Said<'t>, usize> = HashMap::new();
        let mut causes = Vec::with_capacity(turns.len());
        for (place, turn) in turns.iter().enumerate() {
            // Of one process they stand together.
            let own = place.checked_sub(1).filter(|last| turns[*last].id == turn.id);
            let found = turn.events.iter().filter_map(|event| self.cause(turn, event, &mut heard));
            causes.push(found.chain(own).filter(|cause| *cause != place).collect());
        }
        causes
    }

    fn cause(
        &self,
        turn: &'t TraceTurn,
        event: &'t Event,
        heard: &mut HashMap<Said<'t>, usize>,
    ) -> Option<usize> {
        match event {
            Event::MessageReceived { reply_to: Some(call), .. } => {
                self.called.get(&(&call.process, call.op)).copied()
            }
            Event::MessageReceived { from: Origin::Process(from), envelope, .. } => {
                let noted = envelope.as_ref().and_then(|envelope| envelope.carried.cause);
                let said = taken(&turn.id, event)?;
                let earlier = heard.entry(said).or_default();
                let number = std::mem::replace(earlier, *earlier + 1);
                match noted {
                    Some(seq) => self.turn_of(from, seq),
                    None => self.sent_as(&said, number),
                }
            }
            Event::WorkflowStarted(_) => self.spawned.get(&turn.id).copied(),
            Event::ReplyReceived { op, .. } => self.replied.get(&(&turn.id, *op)).copied(),
            Event::ProcessExited { id, .. } | Event::ExitReceived { id, .. } => {
                self.ended.get(id).copied()
            }
            _ => None,
        }
    }

    fn turn_of(&self, id: &'t ProcessId, seq: Seq) -> Option<usize> {
        let earlier = self.turns.range((id, Seq(0))..=(id, seq));
        earlier.last().map(|(_, place)| *place)
    }

    /// Where the message was sent that was the `number`th of those that say the same
    /// to be taken. They are taken in order; more than were sent in this moment had
    /// been sent before it.
    fn sent_as(&self, said: &Said<'t>, number: usize) -> Option<usize> {
        let sent = self.sent.get(said)?;
        let taken = self.taken.get(said).copied().unwrap_or_default();
        let sooner = taken.saturating_sub(sent.len());
        sent.get(number.checked_sub(sooner)?).copied()
    }
}

/// What was said, if the event takes a message that is no call.
fn taken<'t>(id: &'t ProcessId, event: &'t Event) -> Option<Said<'t>> {
    match event {
        Event::MessageReceived {
            from: Origin::Process(from), topic, body, reply_to: None, ..
        } => Some((from, id, topic.as_str(), body.text())),
        _ => None,
    }
}
