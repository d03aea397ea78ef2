//! Steps that stand in queues: they line up in the turn that asks for them, and
//! begin in a turn of their own once they are let in, unless that is at once.

use super::cell::Live;
use super::line::{Guests, Place, Waiting};
use super::state::Engine;
use greenroom_model::queue::Wish;
use greenroom_model::{Event, Failure, Op, ProcessNo, failure};
use std::sync::Arc;

/// How it stands with a step in its queues.
enum Standing {
    Waits,
    Admitted,
    /// It never will be.
    Fails(Failure),
}

impl Engine {
    /// Lines up what is to be, and takes the next that is let in or sent away.
    pub(super) fn next_in_line(&self, live: &mut Live) -> Option<Event> {
        if !live.line.changed || live.is_held() || self.is_draining() {
            return None;
        }
        self.line_up(live);
        let mut places = std::mem::take(&mut live.line.places);
        let mut found = None;
        for (index, waiting) in places.iter_mut().enumerate().filter(|(_, waiting)| !waiting.told) {
            match self.standing(live, waiting) {
                Standing::Waits => {}
                Standing::Admitted => {
                    waiting.told = true;
                    found = Some((index, None));
                    break;
                }
                Standing::Fails(failure) => {
                    found = Some((index, Some(failure)));
                    break;
                }
            }
        }
        let event = found.map(|(index, failed)| {
            let op = places[index].op;
            let attempt = live.ledger.steps.get(&op).map_or(0, |step| step.attempts) + 1;
            match failed {
                None => Event::StepAdmitted { op, attempt },
                Some(failure) => {
                    places.swap_remove(index);
                    Event::StepFailed { op, attempt, failure }
                }
            }
        });
        live.line.places = places;
        live.line.changed = event.is_some();
        event
    }

    fn line_up(&self, live: &mut Live) {
        let line = &mut live.line;
        for op in std::mem::take(&mut line.due) {
            if !line.places.iter().any(|waiting| waiting.op == op) {
                line.places.push(Waiting { op, places: Vec::new(), told: false });
            }
        }
        let steps = &live.ledger.steps;
        // What was let in and said so is held until the attempt takes it.
        line.places.retain(|waiting| {
            steps.get(&waiting.op).is_some_and(|step| step.is_queued() || waiting.told)
        });
    }

    fn standing(&self, live: &Live, waiting: &mut Waiting) -> Standing {
        match waiting.places.last() {
            Some(last) if last.is_waiting() => return Standing::Waits,
            Some(last) if last.is_refused() => {
                return Standing::Fails(circuit_open(last.queue()));
            }
            _ => {}
        }
        let op = waiting.op;
        let how = live.activation.as_ref().and_then(|activation| activation.step(op));
        let (Some(how), Some(step)) = (how, live.ledger.steps.get(&op)) else {
            return Standing::Waits;
        };
        let asked = how.queue.as_deref();
        let wish = Wish {
            priority: asked.map_or(0, |asked| asked.priority),
            tenant: asked.map_or_else(String::new, |asked| asked.tenant.clone()),
            since: step.queue.as_ref().map_or(live.at, |queued| queued.since),
        };
        // Its kind's own limit first: a step that waits there holds up nobody
        // of another kind.
        let of_kind = self.lines.of_kind(&live.kind.name);
        let named = asked.and_then(|asked| asked.name.as_deref()).map(Arc::from);
        let queues: Vec<Arc<str>> = of_kind.into_iter().chain(named).collect();
        while let Some(queue) = queues.get(waiting.places.len()) {
            let Some(place) = self.lines.enter(queue, live.no, &wish) else {
                return Standing::Fails(self.unknown_queue(queue));
            };
            let (waits, refused) = (place.is_waiting(), place.is_refused());
            waiting.places.push(place);
            if refused {
                return Standing::Fails(circuit_open(queue));
            }
            if waits {
                return Standing::Waits;
            }
        }
        Standing::Admitted
    }

    fn unknown_queue(&self, queue: &str) -> Failure {
        let names = self.lines.names();
        let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
        let words = format!(
            "this node has no queue `{queue}` (it has: {known}); declare it with \
             `Registry::queue`, then `restart` the process"
        );
        Failure::fatal(failure::UNKNOWN_QUEUE, words)
    }
}

fn circuit_open(queue: &str) -> Failure {
    let words =
        format!("what lies behind the queue `{queue}` is down: its circuit breaker is open");
    Failure::new(failure::CIRCUIT_OPEN, words)
}

impl Guests for Engine {
    fn may_begin(&self) -> bool {
        !self.is_draining() && !self.is_stopped()
    }

    fn tell(&self, no: ProcessNo) {
        self.put(no, |inbox| inbox.let_in = true);
    }
}

impl Live {
    /// Takes the places of a step whose attempt begins.
    pub(super) fn take_places(&mut self, op: Op) -> Vec<Place> {
        let at = self.line.places.iter().position(|waiting| waiting.op == op);
        at.map_or_else(Vec::new, |at| self.line.places.swap_remove(at).places)
    }

    /// Every step that waits in a queue is to line up: it did before it was
    /// paused, or went out of memory.
    pub(super) fn line_up_all(&mut self) {
        let queued = self.ledger.steps.iter().filter(|(_, step)| step.is_queued());
        let queued: Vec<Op> = queued.map(|(op, _)| *op).collect();
        self.line.changed |= !queued.is_empty() || !self.line.places.is_empty();
        self.line.due.extend(queued);
    }
}
