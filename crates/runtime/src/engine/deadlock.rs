//! Finds processes that wait for each other's replies for ever, and fails the
//! call that closed each circle.
//!
//! Nobody is ever left out: who waits for a reply is looked at a second after it
//! was last visited, whenever that was. Who has left memory meanwhile is brought
//! back for a look, a hundred at a time, with pauses that grow to a minute: that
//! bounds what calls cost that wait for weeks. A node that starts looks through
//! all that wait (see `damage.rs`) and brings back those that wait for a reply.

use super::cell::{Body, Cell, Live};
use super::circles::{BrokenCircle, Standing};
use super::load::in_force;
use super::state::Engine;
use greenroom_journal::Loaded;
use greenroom_model::{
    Event, Failure, Ledger, Millis, Op, ProcessId, ReplyTo, Seq, Waits, circles, failure, stuck,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a call waits before anybody looks.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// How many processes that are not in memory are looked for at one look.
const FOLLOWED_MAX: usize = 200;

/// A process that waits for replies, and for nothing else.
struct Stuck {
    cell: Arc<Cell>,
    seq: Seq,
    at: Millis,
    calls: BTreeMap<Op, ProcessId>,
    /// Calls that it has not answered, taken or not.
    owes: BTreeSet<(ProcessId, Op)>,
}

/// The processes in memory; `None`: they are not stuck.
#[derive(Default)]
struct Seen {
    processes: BTreeMap<ProcessId, Option<Stuck>>,
    /// Somebody was just being visited.
    missed: bool,
}

impl Seen {
    fn stuck(&self, id: &ProcessId) -> Option<&Stuck> {
        self.processes.get(id)?.as_ref()
    }

    fn standing(&self, id: &ProcessId) -> Option<Standing> {
        self.stuck(id).map(|stuck| (stuck.cell.no, stuck.seq))
    }

    fn all_stuck(&self) -> impl Iterator<Item = (&ProcessId, &Stuck)> {
        self.processes.iter().filter_map(|(id, stuck)| Some((id, stuck.as_ref()?)))
    }

    /// Whom each waits for, if for nothing but replies that have not been given.
    fn waits(&self) -> Waits {
        let open = |who: &ProcessId, op: Op, target: &ProcessId| {
            self.stuck(target).is_some_and(|other| other.owes.contains(&(who.clone(), op)))
        };
        let waits = self.all_stuck().filter_map(|(who, stuck)| {
            let all_open = stuck.calls.iter().all(|(op, target)| open(who, *op, target));
            all_open.then(|| (who.clone(), stuck.calls.values().cloned().collect()))
        });
        waits.collect()
    }
}

impl Engine {
    /// A process waits for a reply.
    pub(super) fn look_for_deadlocks(self: &Arc<Self>) {
        let armed = &self.deadlocks.armed;
        // Most often it is: then nobody's cache is touched.
        if armed.load(Ordering::Acquire) || armed.swap(true, Ordering::AcqRel) {
            return;
        }
        self.after(LOOK_AFTER, Engine::find_deadlocks);
    }

    /// A process that waits for a reply leaves memory.
    pub(super) fn waits_elsewhere(self: &Arc<Self>, live: &Live) {
        if !live.ledger.calls.is_empty() && self.deadlocks.leaves(live.no) {
            self.after(self.deadlocks.back_after(), Engine::bring_back);
        }
    }

    /// Brings back some of those that wait for replies, to be looked at.
    fn bring_back(self: &Arc<Self>) {
        if self.is_draining() || self.is_stopped() {
            return;
        }
        let Some(next) = self.deadlocks.next_back() else { return };
        next.into_iter().for_each(|no| self.wake(no));
        self.after(self.deadlocks.back_after(), Engine::bring_back);
    }

    fn after(self: &Arc<Self>, wait: Duration, what: fn(&Arc<Engine>)) {
        let (engine, wait) = (Arc::downgrade(self), self.env.sleep(wait));
        self.env.spawn(Box::pin(async move {
            wait.await;
            if let Some(engine) = engine.upgrade() {
                let env = engine.env.clone();
                env.block(Box::new(move || what(&engine)));
            }
        }));
    }

    fn find_deadlocks(self: &Arc<Self>) {
        self.deadlocks.armed.store(false, Ordering::Release);
        if self.is_draining() || self.is_stopped() {
            return;
        }
        let (now, seen) = (self.env.now(), self.see_all());
        let mut waits = seen.waits();
        waits.retain({
            let stuck = stuck(&waits);
            move |id, _| stuck.contains(id)
        });
        let found: BTreeSet<Standing> = waits.keys().filter_map(|id| seen.standing(id)).collect();
        let mut again = !found.is_empty() || seen.missed && seen.all_stuck().next().is_some();
        let before = std::mem::replace(&mut self.deadlocks.last_look().stuck, found);
        // They were looked at one after the other. Who stands where it stood
        // a while ago has not moved in between, so all are stuck at once.
        waits.retain(|id, _| seen.standing(id).is_some_and(|standing| before.contains(&standing)));
        waits.retain({
            let stuck = stuck(&waits);
            move |id, _| stuck.contains(id)
        });
        for circle in circles(&waits) {
            again |= !self.break_circle(&seen, &circle, now);
        }
        again |= self.follow_calls(&seen);
        if again {
            self.look_for_deadlocks();
        }
    }

    fn see_all(&self) -> Seen {
        let mut seen = Seen::default();
        for cell in self.cells.all() {
            let Some(body) = cell.try_body() else {
                seen.missed = true;
                continue;
            };
            let Body::Live(live) = &*body else { continue };
            let stuck = is_stuck(&cell, live).then(|| Stuck {
                cell: cell.clone(),
                seq: live.seq,
                at: live.at,
                calls: live.ledger.calls.clone(),
                owes: owes(live),
            });
            seen.processes.insert(live.facts.id.clone(), stuck);
        }
        seen
    }

    /// Brings back whom somebody waits for and who waits for a reply as well:
    /// what it waits for is known once it is in memory. Once for each that waits,
    /// until that moves. `true`: there are more.
    fn follow_calls(&self, seen: &Seen) -> bool {
        let before = std::mem::take(&mut self.deadlocks.last_look().followed);
        let mut followed = BTreeSet::new();
        let (mut count, mut more) = (0, false);
        for (_, stuck) in seen.all_stuck() {
            let standing = (stuck.cell.no, stuck.seq);
            if !before.contains(&standing) {
                let gone = |target: &&ProcessId| !seen.processes.contains_key(*target);
                for target in stuck.calls.values().filter(gone) {
                    count += 1;
                    if count <= FOLLOWED_MAX {
                        self.bring_back_if_away(target);
                    }
                }
                if count > FOLLOWED_MAX {
                    more = true;
                    continue;
                }
            }
            followed.insert(standing);
        }
        self.deadlocks.last_look().followed = followed;
        more
    }

    fn bring_back_if_away(&self, target: &ProcessId) {
        let row = self.journal.find(target).ok().flatten();
        if let Some(row) = row.filter(|row| self.deadlocks.is_away(row.no)) {
            self.wake(row.no);
        }
    }

    /// Has a process that waits for a reply brought back into memory.
    pub(super) fn wake_if_it_calls(&self, Loaded { row, turns, .. }: Loaded) {
        let history = in_force(turns);
        let ledger = Ledger::of(history.iter().map(|(seq, _, event)| (*seq, event)));
        if !ledger.calls.is_empty() {
            self.wake(row.no);
        }
    }

    /// Fails the call of the circle that was made last. `false`: it has moved.
    fn break_circle(&self, seen: &Seen, circle: &[ProcessId], now: Millis) -> bool {
        let latest =
            |place: &usize| seen.stuck(&circle[*place]).map(|stuck| (stuck.at, stuck.cell.no));
        let Some(first) = (0..circle.len()).max_by_key(latest) else { return false };
        let members: Vec<String> =
            (circle[first..].iter().chain(&circle[..first])).map(ToString::to_string).collect();
        let next = &circle[(first + 1) % circle.len()];
        let Some(victim) = seen.stuck(&circle[first]) else { return false };
        let mut calls = victim.calls.iter();
        let Some(op) = calls.find(|(_, to)| *to == next).map(|(op, _)| *op) else { return false };
        let mut body = victim.cell.body();
        let Body::Live(live) = &mut *body else { return false };
        if live.seq != victim.seq || !is_stuck(&victim.cell, live) {
            return false;
        }
        let words = format!(
            "a circle of calls: {} waits for {}, and none of them can go on",
            members.join(" waits for "),
            members[0]
        );
        let result = Err(Failure::fatal(failure::DEADLOCK, words));
        live.found.push_back(Event::ReplyReceived { op, result });
        drop(body);
        self.enqueue(&victim.cell);
        self.deadlocks.note(BrokenCircle { members, at_ms: now.0 });
        self.health_changed.send_modify(|count| *count += 1);
        true
    }
}

/// Whether it waits for replies, and nothing else can move it: no message, no
/// time but that of its calls, no end of another, nothing that has come already.
fn is_stuck(cell: &Cell, live: &Live) -> bool {
    let calls = &live.ledger.calls;
    let Some(activation) = &live.activation else { return false };
    !calls.is_empty()
        && live.is_idle()
        && !live.is_held()
        && !live.unread
        && cell.inbox().is_empty()
        && live.mail.find_control(|_| true).is_none()
        && live.ledger.timers.keys().all(|op| calls.contains_key(op))
        && activation.waiting().iter().all(|op| calls.contains_key(op))
}

fn owes(live: &Live) -> BTreeSet<(ProcessId, Op)> {
    let owed = live.ledger.owed.iter().chain(live.mail.calls());
    owed.map(|ReplyTo { process, op }| (process.clone(), *op)).collect()
}
