//! What the end of a process does to the store in memory: watchers are told,
//! questions closed, mail left over is given up.

use super::world::{Letter, Watching, World};
use crate::{DeadLetter, Receipt, ToChildren, Turn, Whom, notice};
use greenroom_model::{Content, Millis, Op, Origin, ProcessId, ProcessNo};
use std::collections::BTreeSet;

/// Takes the end of a process in; its row says already that it ended.
pub(super) fn process(world: &mut World, no: ProcessNo, at: Millis, receipt: &mut Receipt) {
    world.watches.retain(|watching| watching.watcher != no);
    world.asks.retain(|(asking, _), _| *asking != no);
    tell_watchers(world, no, receipt);
    give_up_mail(world, no, at, receipt);
}

fn tell_watchers(world: &mut World, no: ProcessNo, receipt: &mut Receipt) {
    let Some(process) = world.processes.get(&no) else {
        return;
    };
    let (id, exit) = (process.id.clone(), process.exit.clone());
    let (root, hops) = (process.root.clone(), process.hops);
    let first = Watching { target: no, watcher: ProcessNo(i64::MIN), op: Op(0) };
    let last = Watching { target: no, watcher: ProcessNo(i64::MAX), op: Op(u64::MAX) };
    let watching: Vec<Watching> = world.watches.range(first..=last).copied().collect();
    for one in watching {
        world.watches.remove(&one);
        let Some(watcher) = world.processes.get(&one.watcher).map(|watcher| watcher.id.clone())
        else {
            continue;
        };
        let content = notice::exited(one.op, &id, exit.clone());
        let from = Origin::Process(id.clone());
        world.tell(&watcher, Letter { from, content, root: root.clone(), hops }, receipt);
    }
}

fn give_up_mail(world: &mut World, no: ProcessNo, at: Millis, receipt: &mut Receipt) {
    let Some(process) = world.processes.get_mut(&no) else {
        return;
    };
    let id = process.id.clone();
    for message in std::mem::take(&mut process.mailbox).into_values() {
        tell_children(world, no, &ToChildren::passed_on(&message.content), receipt);
        let Content::User { reply_to, .. } = &message.content else {
            continue;
        };
        let reply_to = reply_to.clone();
        let (root, hops) = (message.root.clone(), message.hops);
        let letter = Letter {
            from: message.from,
            content: message.content,
            root: message.root,
            hops: message.hops,
        };
        if !world.drops_unreachable {
            world.bury(id.clone(), letter, at, notice::LEFT_OVER.to_owned());
        }
        if let Some(reply_to) = reply_to {
            let content = notice::no_process(reply_to.op, &id, true);
            let reply = Letter { from: Origin::Runtime, content, root, hops };
            world.tell(&reply_to.process, reply, receipt);
        }
    }
}

/// Messages a process took that have ended it too often.
pub(super) fn give_up_taken(world: &mut World, turn: &Turn, at: Millis) {
    for given_up in &turn.given_up {
        world.keep_letter(DeadLetter {
            no: 0,
            to: turn.id.clone(),
            from: given_up.from.clone(),
            content: given_up.content.clone(),
            root: given_up.root.clone(),
            hops: given_up.hops,
            crashes: given_up.crashes.clone(),
            at,
            reason: given_up.reason.clone(),
        });
    }
}

/// What a process says to all its children that have not ended.
pub(super) fn tell_children(
    world: &mut World,
    who: ProcessNo,
    said: &[ToChildren],
    receipt: &mut Receipt,
) {
    let Some(process) = world.processes.get(&who) else { return };
    let id = process.id.clone();
    let (root, hops) = (process.root.clone(), process.hops);
    let spawned: Vec<ProcessNo> = (receipt.spawned.iter())
        .map(|spawned| if spawned.created { spawned.no } else { ProcessNo(0) })
        .collect();
    for said in said {
        let later = spawned.get(said.spawns..).unwrap_or_default();
        for no in meant(world, &id, said.whom) {
            if later.contains(&no) || no == who {
                continue;
            }
            let (from, content) = (Origin::Process(id.clone()), said.content.clone());
            world.append(no, Letter { from, content, root: root.clone(), hops }, receipt);
        }
    }
}

/// The children of `parent` that something is said to; for those that have
/// ended, theirs.
fn meant(world: &World, parent: &ProcessId, whom: Whom) -> Vec<ProcessNo> {
    let mut above = vec![parent.clone()];
    let mut seen = BTreeSet::from([parent.clone()]);
    let mut found = Vec::new();
    while let Some(id) = above.pop() {
        for (no, child) in &world.processes {
            let Some((_, op)) = child.parent.as_ref().filter(|(by, _)| *by == id) else {
                continue;
            };
            let supervised = *op == Op(0) && id == *parent;
            let passes_on = child.is_ended() && !child.detached && whom != Whom::Supervised;
            if passes_on && seen.insert(child.id.clone()) {
                above.push(child.id.clone());
            }
            let is_meant = match whom {
                Whom::Supervised => supervised,
                Whom::Others => !supervised && !child.detached,
            };
            if is_meant && !child.is_ended() {
                found.push(*no);
            }
        }
    }
    found.sort_unstable();
    found
}
