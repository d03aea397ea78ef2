//! A queue at work: who stands in it, who was let in, and who is next.

use super::bucket::Bucket;
use super::circuit::{Circuit, CircuitState, Gate};
use super::limit::Limit;
use super::line::Line;
use super::outcome::Outcome;
use super::spec::QueueSpec;
use super::ticket::Ticket;
use super::view::QueueView;
use crate::Millis;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a step wants of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wish {
    /// 0 to [`PRIORITY_MAX`](super::PRIORITY_MAX); higher is sooner.
    pub priority: u8,
    /// On whose behalf.
    pub tenant: String,
    /// Since when it waits: those who came before are let in before.
    pub since: Millis,
}

/// What a queue decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Those let in.
    pub admitted: Vec<Ticket>,
    /// Those sent away, since the circuit is open and nobody is to wait.
    pub refused: Vec<Ticket>,
    /// When time alone lets in another.
    pub again_at: Option<Duration>,
}

/// A queue and who stands in it.
#[derive(Clone, Debug)]
pub struct Queue {
    spec: QueueSpec,
    line: Line,
    /// Those let in, with the circuit's round.
    running: BTreeMap<Ticket, u64>,
    bucket: Option<Bucket>,
    limit: Limit,
    circuit: Option<Circuit>,
    /// The downstream wants to be left alone until then.
    held_until: Duration,
    last: u64,
}

impl Queue {
    /// An empty queue. `now`: the time since an epoch of the caller's, which
    /// does not go back.
    pub fn new(spec: QueueSpec, now: Duration) -> Queue {
        Queue {
            line: Line::default(),
            running: BTreeMap::new(),
            bucket: spec.rate.as_ref().map(|rate| Bucket::new(rate, now)),
            limit: Limit::new(spec.concurrency, spec.adaptive),
            circuit: spec.breaker.clone().map(Circuit::new),
            held_until: Duration::ZERO,
            last: 0,
            spec,
        }
    }

    /// Its declaration.
    pub fn spec(&self) -> &QueueSpec {
        &self.spec
    }

    /// Somebody lines up.
    pub fn enter(&mut self, wish: &Wish) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        self.line.add(ticket, wish.priority, &wish.tenant, wish.since);
        ticket
    }

    /// Somebody is in already, whatever the limit: it was let in before.
    pub fn occupy(&mut self) -> Ticket {
        self.last += 1;
        let ticket = Ticket(self.last);
        let round = self.circuit.as_mut().map_or(0, Circuit::enter);
        self.running.insert(ticket, round);
        ticket
    }

    /// Somebody goes away: no longer waits, or was let in and leaves without a
    /// word on how it went.
    pub fn leave(&mut self, ticket: Ticket, now: Duration) {
        if !self.line.remove(ticket) {
            self.end(ticket, now, None);
        }
    }

    /// The attempt of somebody who was let in has ended, after so long.
    pub fn ended(&mut self, ticket: Ticket, now: Duration, took: Duration, outcome: Outcome) {
        if !self.end(ticket, now, Some(outcome != Outcome::Answered)) {
            return;
        }
        match outcome {
            Outcome::Answered => self.limit.answered(now, took),
            Outcome::Failed => {}
            Outcome::Overloaded { retry_after } => {
                self.limit.overloaded(now, took);
                let until = now.saturating_add(retry_after.unwrap_or_default());
                self.held_until = self.held_until.max(until);
            }
        }
    }

    /// A person says that what lies behind it can be used: a hold ends, and the
    /// circuit is closed.
    pub fn reopen(&mut self) {
        self.held_until = Duration::ZERO;
        if let Some(circuit) = &mut self.circuit {
            circuit.close();
        }
    }

    fn end(&mut self, ticket: Ticket, now: Duration, failed: Option<bool>) -> bool {
        let Some(round) = self.running.remove(&ticket) else { return false };
        if let Some(circuit) = &mut self.circuit {
            circuit.ended(now, round, failed);
        }
        true
    }

    /// Lets in whom it can.
    pub fn decide(&mut self, now: Duration) -> Decision {
        let mut decision = Decision::default();
        while !self.line.is_empty() {
            if let Some(circuit) = &mut self.circuit {
                let fails_fast = circuit.breaker.fails_fast;
                match circuit.gate(now) {
                    Gate::Free => {}
                    Gate::Shut(_) | Gate::Probing if fails_fast => {
                        decision.refused = self.line.take_all();
                        break;
                    }
                    Gate::Shut(until) => {
                        decision.again_at = Some(until.max(self.held_until));
                        break;
                    }
                    Gate::Probing => break,
                }
            }
            if now < self.held_until {
                decision.again_at = Some(self.held_until);
                break;
            }
            if self.limit.now().is_some_and(|limit| self.running.len() >= limit as usize) {
                break;
            }
            if let Some(Err(at)) = self.bucket.as_mut().map(|bucket| bucket.take(now)) {
                decision.again_at = Some(at);
                break;
            }
            let Some(ticket) = self.line.next() else { break };
            let round = self.circuit.as_mut().map_or(0, Circuit::enter);
            self.running.insert(ticket, round);
            self.limit.used(now, self.running.len());
            decision.admitted.push(ticket);
        }
        decision
    }

    /// What it is doing. `now` as elsewhere, `wall` in the time of
    /// [`Wish::since`].
    pub fn view(&self, now: Duration, wall: Millis) -> QueueView {
        let ms = |span: Duration| u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
        let rate = self.spec.rate.as_ref().map(|rate| {
            let burst =
                if rate.burst > 1 { format!(", burst {}", rate.burst) } else { String::new() };
            format!("{} in {:?}{burst}", rate.count, rate.period)
        });
        QueueView {
            name: self.spec.name.clone(),
            missing: false,
            waiting: self.line.len(),
            running: self.running.len(),
            limit: self.limit.now(),
            adaptive: self.spec.adaptive,
            rate,
            circuit: self.circuit_state(now),
            oldest_wait_ms: self.line.oldest().map(|since| ms(wall.since(since))),
            held_for_ms: (self.held_until > now).then(|| ms(self.held_until - now)),
            tenants: self.line.tenants(),
        }
    }

    fn circuit_state(&self, now: Duration) -> Option<CircuitState> {
        // Time may have moved it on, which nobody has asked for yet.
        let mut circuit = self.circuit.clone()?;
        circuit.gate(now);
        Some(circuit.state())
    }
}
