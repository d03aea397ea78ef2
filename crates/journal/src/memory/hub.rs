//! What a commit does with names, groups and topics in memory.

use super::world::{Letter, World};
use crate::hub::{self, HubWork, LOOKUP_MAX, PUBLISH_MAX, Publish};
use crate::{Commit, PlaceRow, Places, Receipt};
use greenroom_model::{Content, Lookup, Op, Origin, Place, ProcessId, ProcessNo};
use std::collections::BTreeSet;

const FIRST: ProcessNo = ProcessNo(i64::MIN);

/// Does it all, in order.
pub(super) fn work(world: &mut World, commit: &Commit, receipt: &mut Receipt) {
    // Who has ended is nowhere and hears nothing.
    let live = commit.turn.as_ref().filter(|turn| !turn.status.is_ended());
    let turn = live.map(|turn| (turn.process, &turn.id));
    for work in &commit.hub {
        match (work, turn) {
            (HubWork::Publish(one), turn) => publish(world, one, turn.map(|(no, _)| no), receipt),
            (HubWork::Join { place, op }, Some((no, id))) => {
                let holder = match place {
                    Place::Name(_) => at(world, &place.key(), 1).into_iter().next(),
                    _ => None,
                };
                let answer = match holder.filter(|holder| holder != id) {
                    Some(by) => op.map(|op| hub::taken(op, place, &by)),
                    None => {
                        world.places.insert((place.key(), no));
                        op.map(|op| hub::answer(op, &true))
                    }
                };
                answer.into_iter().for_each(|answer| tell(world, no, answer, receipt));
            }
            (HubWork::Leave { place }, Some((no, _))) => {
                world.places.remove(&(place.key(), no));
            }
            (HubWork::LeaveAll, Some((no, _))) => leave_all(world, no),
            (HubWork::Lookup { op, lookup }, Some((no, id))) => {
                let answer = look_up(world, id, *op, lookup);
                tell(world, no, answer, receipt);
            }
            (_, None) => {}
        }
    }
}

/// A process is no longer found anywhere.
pub(super) fn leave_all(world: &mut World, no: ProcessNo) {
    world.places.retain(|(_, process)| *process != no);
}

fn look_up(world: &World, id: &ProcessId, op: Op, lookup: &Lookup) -> Content {
    match lookup {
        Lookup::Name(name) => {
            hub::answer(op, &at(world, &Place::Name(name.clone()).key(), 1).first())
        }
        Lookup::Group(group) => {
            hub::answer(op, &at(world, &Place::Group(group.clone()).key(), LOOKUP_MAX))
        }
        Lookup::Children => {
            let own = |parent: &(ProcessId, Op)| parent.0 == *id;
            let children = world
                .processes
                .values()
                .filter(|process| !process.is_ended() && process.parent.as_ref().is_some_and(own));
            let children: Vec<&ProcessId> =
                children.map(|process| &process.id).take(LOOKUP_MAX).collect();
            hub::answer(op, &children)
        }
    }
}

fn publish(world: &mut World, one: &Publish, who: Option<ProcessNo>, receipt: &mut Receipt) {
    let mut reached = BTreeSet::new();
    for key in one.keys() {
        let there = world.places.range((key.clone(), FIRST)..);
        let there = there.take_while(|(found, _)| *found == key).map(|(_, no)| *no);
        reached.extend(there.filter(|no| *no > one.after).take(PUBLISH_MAX + 1));
    }
    let mut reached: Vec<ProcessNo> = reached.into_iter().collect();
    let published = one.cut(&mut reached);
    for no in reached {
        let (from, content) = (one.from.clone(), one.content.clone());
        world.append(no, Letter { from, content, root: one.root.clone(), hops: one.hops }, receipt);
    }
    receipt.published.push(published);
    if let (Some(op), Some(no)) = (one.op, who) {
        tell(world, no, hub::answer(op, &published), receipt);
    }
}

fn tell(world: &mut World, no: ProcessNo, content: Content, receipt: &mut Receipt) {
    let Some(process) = world.processes.get(&no) else { return };
    let (root, hops) = (process.root.clone(), process.hops);
    world.append(no, Letter { from: Origin::Runtime, content, root, hops }, receipt);
}

/// The first of those who are there.
fn at(world: &World, key: &str, most: usize) -> Vec<ProcessId> {
    let there = world.places.range((key.to_owned(), FIRST)..);
    let there = there.take_while(|(found, _)| found == key);
    let named = there.filter_map(|(_, no)| Some(world.processes.get(no)?.id.clone()));
    named.take(most).collect()
}

/// The places of one sort.
pub(super) fn list(world: &World, places: &Places) -> Vec<PlaceRow> {
    let (first, last) = places.keys();
    let rows = world.places.range((first, FIRST)..(last, FIRST)).filter_map(|(key, no)| {
        let process = world.processes.get(no)?.id.clone();
        Some(PlaceRow { place: Place::of_key(key)?, process })
    });
    rows.take(places.limit).collect()
}
