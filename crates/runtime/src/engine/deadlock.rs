//! Finds processes that wait for each other's replies for ever, and fails the
//! call that closed the circle. Looked for only once a call has waited for a
//! while, and only among those that wait.

use super::cell::{Body, Cell, Live};
use super::circles::{BrokenCircle, Standing};
use super::load::in_force;
use super::state::Engine;
use greenroom_journal::Loaded;
use greenroom_model::{
    Event, Failure, Ledger, Millis, Op, ProcessId, ProcessNo, ReplyTo, Seq, deadlock, failure,
};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a call waits before anybody looks.
const LOOK_AFTER: Duration = Duration::from_secs(1);
/// A circle is closed by a call that was made not long ago, or the node was down
/// since.
const RECENT: Duration = Duration::from_secs(6);
/// A process that waits for replies, and for nothing else.
struct Stuck {
    cell: Arc<Cell>,
    seq: Seq,
    at: Millis,
    /// It has stood there, before our eyes, since then.
    since: Millis,
    calls: BTreeMap<Op, ProcessId>,
    /// Calls that it has not answered, taken or not.
    owes: BTreeSet<(ProcessId, Op)>,
}

/// The processes in memory; `None`: they are not stuck.
type Seen = BTreeMap<ProcessId, Option<Stuck>>;

impl Engine {
    /// A process waits for a reply.
    pub(super) fn look_for_deadlocks(self: &Arc<Self>) {
        let armed = &self.deadlocks.armed;
        // Most often it is: then nobody's cache is touched.
        if armed.load(Ordering::Acquire) || armed.swap(true, Ordering::AcqRel) {
            return;
        }
        let (engine, wait) = (Arc::downgrade(self), self.env.sleep(LOOK_AFTER));
        self.env.spawn(Box::pin(async move {
            wait.await;
            if let Some(engine) = engine.upgrade() {
                let env = engine.env.clone();
                env.block(Box::new(move || engine.find_deadlocks()));
            }
        }));
    }

    /// Has a process that waits for a reply brought back into memory.
    pub(super) fn wake_if_it_calls(&self, Loaded { row, turns, .. }: Loaded) {
        let history = in_force(turns);
        let ledger = Ledger::of(history.iter().map(|(seq, _, event)| (*seq, event)));
        if !ledger.calls.is_empty() {
            self.wake(row.no);
        }
    }

    fn find_deadlocks(self: &Arc<Self>) {
        self.deadlocks.armed.store(false, Ordering::Release);
        if self.is_draining() || self.is_stopped() {
            return;
        }
        let (now, seen) = (self.env.now(), self.see_all());
        let before = std::mem::take(&mut *self.deadlocks.suspected());
        let mut again = self.bring_back(now);
        let mut suspected = BTreeSet::new();
        let was = |no: ProcessNo| before.iter().flatten().any(|(other, _)| *other == no);
        for (id, stuck) in &seen {
            let Some(stuck) = stuck else { continue };
            let age = now.since(stuck.since);
            again |= age < LOOK_AFTER;
            if age < LOOK_AFTER || age > RECENT && !was(stuck.cell.no) {
                continue;
            }
            let mut waits = |who: &ProcessId| self.waits_for(&seen, who, &mut again);
            let Some(found) = deadlock(id, &mut waits) else { continue };
            let standing = |id: &ProcessId| {
                let stuck = seen.get(id)?.as_ref()?;
                Some((stuck.cell.no, stuck.seq))
            };
            let standings: Vec<Standing> = found.stuck.iter().filter_map(standing).collect();
            // They were looked at one after the other. Who stands where it stood
            // a while ago has not moved in between, so all are stuck at once.
            if !before.contains(&standings) || !self.break_circle(&seen, &found.circle, now) {
                suspected.insert(standings);
            }
            // There may be another circle, of those that have not moved.
            again = true;
        }
        *self.deadlocks.suspected() = suspected;
        if again {
            self.look_for_deadlocks();
        }
    }

    /// Who went from memory before it was looked at is seen at the next look.
    fn bring_back(&self, now: Millis) -> bool {
        let mut put_away = self.deadlocks.lately_put_away(now);
        put_away.retain(|no| !self.cells.holds(*no));
        put_away.iter().for_each(|no| self.wake(*no));
        !put_away.is_empty()
    }

    fn see_all(&self) -> Seen {
        let look = |cell: Arc<Cell>| {
            let body = cell.try_body()?;
            let Body::Live(live) = &*body else { return None };
            let id = live.facts.id.clone();
            let stuck = is_stuck(&cell, live).then(|| Stuck {
                cell: cell.clone(),
                seq: live.seq,
                at: live.at,
                since: live.at.max(live.loaded_at),
                calls: live.ledger.calls.clone(),
                owes: owes(live),
            });
            Some((id, stuck))
        };
        self.cells.all().into_iter().filter_map(look).collect()
    }

    /// Whom it waits for, if for nothing but replies that have not been given.
    fn waits_for(&self, seen: &Seen, who: &ProcessId, again: &mut bool) -> Option<Vec<ProcessId>> {
        let calls = &seen.get(who)?.as_ref()?.calls;
        for (op, target) in calls {
            match seen.get(target) {
                Some(Some(other)) if other.owes.contains(&(who.clone(), *op)) => {}
                Some(_) => return None,
                // What it waits for is known once it is in memory.
                None => {
                    let row = self.journal.find(target).ok().flatten();
                    let row = row.filter(|row| !row.status.is_ended());
                    if let Some(row) = row.filter(|row| !self.cells.holds(row.no)) {
                        self.put(row.no, |inbox| inbox.wake = true);
                        *again = true;
                    }
                    return None;
                }
            }
        }
        Some(calls.values().cloned().collect())
    }

    /// Fails the call of the circle that was made last. `false`: it has moved.
    fn break_circle(&self, seen: &Seen, circle: &[ProcessId], now: Millis) -> bool {
        let latest = |place: &usize| {
            let stuck = seen.get(&circle[*place]).and_then(Option::as_ref);
            stuck.map(|stuck| (stuck.at, stuck.cell.no))
        };
        let Some(first) = (0..circle.len()).max_by_key(latest) else { return false };
        let members: Vec<String> =
            (circle[first..].iter().chain(&circle[..first])).map(ToString::to_string).collect();
        let next = &circle[(first + 1) % circle.len()];
        let Some(Some(victim)) = seen.get(&circle[first]) else { return false };
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
