//! What the end of a process does to the store in memory: watchers are told,
//! questions closed, mail left over is given up.

use super::world::{Letter, Watching, World};
use crate::{DeadLetter, Receipt, Turn, notice};
use greenroom_model::{Content, Millis, Op, Origin, ProcessNo};

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
    let Some(process) = world.processes.get(&turn.process) else {
        return;
    };
    let (root, hops) = (process.root.clone(), process.hops);
    for given_up in &turn.given_up {
        world.keep_letter(DeadLetter {
            no: 0,
            to: turn.id.clone(),
            from: given_up.from.clone(),
            content: given_up.content.clone(),
            root: root.clone(),
            hops,
            crashes: given_up.crashes.clone(),
            at,
            reason: given_up.reason.clone(),
        });
    }
}

/// What a process says to all its children that have not ended.
pub(super) fn tell_children(world: &mut World, turn: &Turn, receipt: &mut Receipt) {
    let (Some(said), Some(process)) = (&turn.to_children, world.processes.get(&turn.process))
    else {
        return;
    };
    let (root, hops) = (process.root.clone(), process.hops);
    let concerned =
        |parent: &(_, Op)| parent.0 == turn.id && (parent.1 == Op(0) || !said.supervised);
    let children: Vec<ProcessNo> = world
        .processes
        .iter()
        .filter(|(_, child)| !child.is_ended() && child.parent.as_ref().is_some_and(concerned))
        .map(|(no, _)| *no)
        .collect();
    for no in children {
        let from = Origin::Process(turn.id.clone());
        let content = said.content.clone();
        world.append(no, Letter { from, content, root: root.clone(), hops }, receipt);
    }
}
