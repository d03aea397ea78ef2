//! Steps that stand in queues: they line up in the turn that asks for them, and
//! begin in a turn of their own once they are let in, unless that is at once.

use super::cell::Live;
use super::line::{Guests, InLine, Place, Waiting};
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
    /// Only steps of which there is something new are looked at: of thousands
    /// that wait one moves at a time.
    pub(super) fn next_in_line(&self, live: &mut Live) -> Option<Event> {
        if !live.line.changed || live.is_held() || self.is_draining() {
            return None;
        }
        while let Some((op, new)) = live.line.next() {
            let event = self.look_at_step(live, op, new);
            if event.is_some() {
                return event;
            }
        }
        live.line.changed = false;
        None
    }

    fn look_at_step(&self, live: &mut Live, op: Op, new: bool) -> Option<Event> {
        let mut waiting = live.line.take(op).unwrap_or_default();
        if waiting.told {
            // What was let in and said so is held until the attempt takes it.
            live.line.put(op, waiting);
            return None;
        }
        let step = live.ledger.steps.get(&op).filter(|step| step.is_queued())?;
        let attempt = step.attempts + 1;
        match self.standing(live, op, new, &mut waiting) {
            Standing::Waits => {
                live.line.put(op, waiting);
                None
            }
            Standing::Admitted => {
                waiting.told = true;
                live.line.put(op, waiting);
                Some(Event::StepAdmitted { op, attempt })
            }
            Standing::Fails(failure) => Some(Event::StepFailed { op, attempt, failure }),
        }
    }

    fn standing(&self, live: &mut Live, op: Op, new: bool, waiting: &mut Waiting) -> Standing {
        match waiting.places.last() {
            Some(last) if last.is_waiting() => return Standing::Waits,
            Some(last) if last.is_refused() => {
                return Standing::Fails(circuit_open(last.queue()));
            }
            _ => {}
        }
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
        match queues.iter().find(|queue| !self.lines.has(queue)) {
            Some(missing) if new => return Standing::Fails(self.unknown_queue(missing)),
            // It asked for it when there was one: the wrong binary must not cost
            // it the step.
            Some(missing) => {
                waiting.places.push(self.lines.wait_for(missing, live.no, wish.since));
                return Standing::Waits;
            }
            None => {}
        }
        while let Some(queue) = queues.get(waiting.places.len()) {
            let Some(place) = self.lines.enter(queue, live.no, Some(live.line.caller(op)), &wish)
            else {
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
        self.line.take(op).map_or_else(Vec::new, |waiting| waiting.places)
    }

    /// Every step that waits in a queue is to line up: it did before it was
    /// paused, or went out of memory.
    pub(super) fn line_up_all(&mut self) {
        let queued = self.ledger.steps.iter().filter(|(_, step)| step.is_queued());
        queued.for_each(|(op, _)| self.line.add(*op, false));
    }

    /// It stands where it stood before it went out of memory.
    pub(super) fn stands_as_before(&mut self, kept: InLine) {
        let steps = &self.ledger.steps;
        self.line.take_over(kept, |op, waiting| {
            steps.get(&op).is_some_and(|step| step.is_queued() || waiting.told)
        });
    }
}
