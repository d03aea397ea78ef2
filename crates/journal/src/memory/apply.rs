//! What one commit does to the store in memory. First everything that could
//! refuse it, then everything it changes.

use super::world::{Asked, KeptTurn, Letter, Process, Watching, World};
use super::{end, hub};
use crate::notice::LINK;
use crate::{
    AskChange, Commit, Done, Outcome, Outgoing, Receipt, Refusal, Request, Spawn, Spawned, Turn,
};
use crate::{TracePlace, Undeliverable, Watch, notice};
use greenroom_model::{
    Content, Epoch, Millis, Op, Origin, ProcessId, ProcessNo, Seq, Shard, Status, Sum,
};

/// Takes or refuses a commit.
pub(super) fn commit(world: &mut World, commit: &Commit) -> Outcome {
    check(world, commit)?;
    world.seen = world.seen.max(commit.at);
    world.drops_unreachable = commit.letter_rules.drops_unreachable;
    world.dead.retain(|no, _| !commit.letters.contains(no));
    let last_letter = world.last_letter;
    let mut receipt = Receipt::default();
    if let Some(turn) = &commit.turn {
        move_on(world, turn, commit.at);
    }
    for spawn in &commit.spawns {
        let spawned = start(world, spawn, commit.at, &mut receipt);
        receipt.spawned.push(spawned);
    }
    watch_from_spawns(world, &commit.spawns, &mut receipt);
    for (place, outgoing) in commit.sends.iter().enumerate() {
        send(world, place, outgoing, commit.at, &mut receipt);
    }
    if let Some(turn) = &commit.turn {
        unwatch(world, turn);
        turn.watches.iter().for_each(|watch| watch_one(world, turn.process, watch, &mut receipt));
        turn.links.iter().for_each(|target| link(world, turn, target, &mut receipt));
        change_asks(world, turn.process, &turn.asks, commit.at);
        if let Some(process) = world.processes.get_mut(&turn.process) {
            process.state.retain(|key, _| !turn.unset.contains(key));
            process.state.extend(turn.state.iter().cloned());
        }
        end::give_up_taken(world, turn, commit.at);
        end::tell_children(world, turn.process, &turn.to_children, &mut receipt);
        if turn.leaves {
            hub::leave_all(world, turn.process);
        }
        if turn.status.is_ended() {
            end::process(world, turn.process, commit.at, &mut receipt);
        }
    }
    world.prune_letters(&commit.letter_rules, last_letter);
    hub::work(world, commit, &mut receipt);
    if !commit.accounts.is_empty() {
        commit.settle(&mut world.accounts, &mut receipt);
    }
    if let Some(request) = &commit.request {
        note_done(world, request, commit.at, &receipt);
    }
    Ok(receipt)
}

/// Writes a request down; those that are no longer kept go.
fn note_done(world: &mut World, request: &Request, at: Millis, receipt: &Receipt) {
    world.requests.retain(|_, (_, until)| *until > at);
    let (delivered, accounts) = (Vec::new(), Vec::new());
    let receipt = Receipt { delivered, accounts, ..receipt.clone() };
    let done = Done { asks: request.asks, note: request.note.clone(), receipt };
    world.requests.insert(request.key.clone(), (done, request.until));
}

fn check(world: &World, commit: &Commit) -> Result<(), Refusal> {
    let shard = commit.shard();
    if world.epochs.get(&shard).copied().unwrap_or(Epoch(0)) != commit.epoch {
        return Err(Refusal::Fenced { shard });
    }
    if let Some(request) = &commit.request
        && let Some((done, until)) = world.requests.get(&request.key)
        && *until > commit.at
    {
        let (key, done) = (request.key.clone(), Box::new(done.clone()));
        return Err(Refusal::Repeated { key, done });
    }
    if let Some(no) = commit.letters.iter().find(|no| !world.dead.contains_key(no)) {
        return Err(Refusal::NoLetter { no: *no });
    }
    let Some(turn) = &commit.turn else {
        return Ok(());
    };
    let found = world.processes.get(&turn.process).map(|process| process.seq);
    if found == Some(turn.expect_seq) {
        return Ok(());
    }
    Err(Refusal::Stale { expected: turn.expect_seq, found })
}

fn move_on(world: &mut World, turn: &Turn, at: Millis) {
    let Some(process) = world.processes.get_mut(&turn.process) else {
        return;
    };
    // A turn without events leaves no trace in the journal, nor in its sum.
    if turn.count > 0 {
        process.turns.push(KeptTurn {
            seq: turn.expect_seq.plus(1),
            count: turn.count,
            at,
            body: turn.body.clone(),
            sum: turn.sum,
        });
    }
    process.seq = turn.expect_seq.plus(turn.count);
    process.sum = turn.sum;
    process.segment = turn.segment;
    process.status = turn.status;
    process.wake_at = turn.wake_at.filter(|_| !turn.status.is_ended());
    process.changed_at = at;
    process.exit = turn.exit.clone();
    if let Some(kind) = &turn.kind {
        process.kind = kind.clone();
    }
    for no in &turn.consumed {
        process.mailbox.remove(no);
    }
    if turn.count > 0 {
        let place = |seq: &Seq| TracePlace { at, process: turn.process, seq: *seq };
        world.traces.extend(turn.roots.iter().map(|(root, seq)| (root.clone(), place(seq))));
    }
}

fn start(world: &mut World, spawn: &Spawn, at: Millis, receipt: &mut Receipt) -> Spawned {
    let parent = spawn.parent.as_ref().filter(|_| spawn.watched);
    if let Some((no, process)) = world.named(&spawn.id) {
        let own = process.parent == spawn.parent;
        let over = process.is_ended() || process.status == Status::Down;
        if let (true, true, Some(content)) = (own, over, &spawn.revive) {
            let from = spawn.parent.clone().map_or(Origin::Runtime, |(id, _)| Origin::Process(id));
            let (content, root, hops) = (content.clone(), spawn.root.clone(), spawn.hops);
            world.append(no, Letter { from, content, root, hops }, receipt);
        }
        let hears =
            spawn.parent.as_ref().filter(|_| spawn.watched || !own && spawn.revive.is_some());
        if let Some((watcher, op)) = hears {
            if own {
                watch_for(world, watcher, *op, spawn, receipt);
            } else {
                let letter = Letter {
                    from: Origin::Runtime,
                    content: notice::already_exists(*op, &spawn.id),
                    root: spawn.root.clone(),
                    hops: spawn.hops,
                };
                world.tell(watcher, letter, receipt);
            }
        }
        return Spawned { no, created: false };
    }
    let no = ProcessNo(world.processes.len() as i64 + 1);
    let process = newborn(spawn, at);
    let ended = process.is_ended();
    world.numbers.insert(spawn.id.clone(), no);
    world.processes.insert(no, process);
    if let Some((watcher, op)) = parent {
        watch_for(world, watcher, *op, spawn, receipt);
    }
    if !ended {
        let asked_at = spawn.turns.last().map_or(at, |turn| turn.at);
        change_asks(world, no, &spawn.asks, asked_at);
    }
    Spawned { no, created: true }
}

/// Processes that come with a history hear of each other's ends, in whatever
/// order they came.
fn watch_from_spawns(world: &mut World, spawns: &[Spawn], receipt: &mut Receipt) {
    for (place, spawn) in spawns.iter().enumerate() {
        let spawned = receipt.spawned.get(place);
        let Some(no) = spawned.filter(|spawned| spawned.created).map(|spawned| spawned.no) else {
            continue;
        };
        if !spawn.status.is_ended() {
            spawn.watches.iter().for_each(|watch| watch_one(world, no, watch, receipt));
        }
    }
}

fn newborn(spawn: &Spawn, at: Millis) -> Process {
    let (mut seq, mut sum, mut turns) = (Seq(0), Sum::default(), Vec::new());
    for turn in &spawn.turns {
        sum = sum.then(seq.plus(1), turn.at, &turn.body);
        let (at, count, body) = (turn.at, turn.count, turn.body.clone());
        turns.push(KeptTurn { seq: seq.plus(1), count, at, body, sum });
        seq = seq.plus(turn.count);
    }
    Process {
        id: spawn.id.clone(),
        kind: spawn.kind.clone(),
        shard: Shard::of(&spawn.id),
        parent: spawn.parent.clone(),
        detached: spawn.detached,
        root: spawn.root.clone(),
        hops: spawn.hops,
        seq,
        sum,
        segment: spawn.segment,
        status: spawn.status,
        wake_at: spawn.wake_at.filter(|_| !spawn.status.is_ended()),
        started_at: spawn.turns.first().map_or(at, |turn| turn.at),
        changed_at: spawn.turns.last().map_or(at, |turn| turn.at),
        exit: spawn.exit.clone(),
        turns,
        mailbox: Default::default(),
        state: spawn.state.iter().cloned().collect(),
    }
}

/// A parent hears of its child's end.
fn watch_for(world: &mut World, watcher: &ProcessId, op: Op, spawn: &Spawn, receipt: &mut Receipt) {
    if let Some((no, _)) = world.named(watcher) {
        watch_one(world, no, &Watch { op, target: spawn.id.clone() }, receipt);
    }
}

fn watch_one(world: &mut World, watcher: ProcessNo, watch: &Watch, receipt: &mut Receipt) {
    let Some(process) = world.processes.get(&watcher) else {
        return;
    };
    let (name, mut root, mut hops) = (process.id.clone(), process.root.clone(), process.hops);
    let mut from = Origin::Runtime;
    let mut exit = None;
    if let Some((target, process)) = world.named(&watch.target) {
        if !process.is_ended() {
            world.watches.insert(Watching { target, watcher, op: watch.op });
            return;
        }
        (root, hops) = (process.root.clone(), process.hops);
        from = Origin::Process(process.id.clone());
        exit = process.exit.clone();
    }
    let content = notice::exited(watch.op, &watch.target, exit);
    world.tell(&name, Letter { from, content, root, hops }, receipt);
}

/// The turn's process no longer wants to hear of some.
fn unwatch(world: &mut World, turn: &Turn) {
    let no = turn.process;
    world.watches.retain(|one| one.watcher != no || !turn.unwatched.contains(&one.op));
    for target in &turn.unlinks {
        if let Some((target, _)) = world.named(target) {
            world.watches.remove(&Watching { target, watcher: no, op: LINK });
            world.watches.remove(&Watching { target: no, watcher: target, op: LINK });
        }
    }
}

/// The turn's process and another share their ends.
fn link(world: &mut World, turn: &Turn, target: &ProcessId, receipt: &mut Receipt) {
    let watch = Watch { op: LINK, target: target.clone() };
    watch_one(world, turn.process, &watch, receipt);
    let Some((watcher, other)) = world.named(target) else { return };
    let Some(process) = world.processes.get(&turn.process).filter(|_| !other.is_ended()) else {
        return;
    };
    let (root, hops) = (process.root.clone(), process.hops);
    world.watches.insert(Watching { target: turn.process, watcher, op: LINK });
    let from = Origin::Process(turn.id.clone());
    world.append(watcher, Letter { from, content: Content::Link, root, hops }, receipt);
}

fn change_asks(world: &mut World, no: ProcessNo, changes: &[AskChange], at: Millis) {
    for change in changes {
        match change {
            AskChange::Open { op, spec } => {
                let asked = Asked { spec: spec.clone(), at };
                world.asks.insert((no, *op), asked);
            }
            AskChange::Close { op } => {
                world.asks.remove(&(no, *op));
            }
        }
    }
}

fn send(world: &mut World, place: usize, send: &Outgoing, at: Millis, receipt: &mut Receipt) {
    let target = world.named(&send.to).map(|(no, process)| (no, process.status));
    let letter = Letter {
        from: send.from.clone(),
        content: send.content.clone(),
        root: send.root.clone(),
        hops: send.hops,
    };
    let ended = match target {
        Some((no, status)) if !status.is_ended() || send.content.reaches_ended() => {
            return world.append(no, letter, receipt);
        }
        Some((_, status)) => Some(status),
        None => None,
    };
    if notice::is_notice(&send.content) {
        return;
    }
    receipt.undeliverable.push(Undeliverable { send: place, ended });
    bounce(world, &send.to, ended.is_some(), letter, at, receipt);
}

/// A message that reaches nobody: kept as a dead letter if it is a user's,
/// answered if it is a call.
fn bounce(
    world: &mut World,
    to: &ProcessId,
    ended: bool,
    letter: Letter,
    at: Millis,
    receipt: &mut Receipt,
) {
    let Content::User { reply_to, .. } = &letter.content else {
        return;
    };
    let reply_to = reply_to.clone();
    let (root, hops) = (letter.root.clone(), letter.hops);
    if !world.drops_unreachable {
        world.bury(to.clone(), letter, at, notice::unreachable(to, ended));
    }
    if let Some(reply_to) = reply_to {
        let content = notice::no_process(reply_to.op, to, ended);
        let reply = Letter { from: Origin::Runtime, content, root, hops };
        world.tell(&reply_to.process, reply, receipt);
    }
}
