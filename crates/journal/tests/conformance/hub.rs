//! Names, groups, topics, and what is said to a whole tree.

use crate::stage::{Cell, Stage, With, child, newborn, text, user};
use greenroom_journal::{
    Commit, HubWork, PUBLISH_MAX, Places, Publish, Published, Receipt, ToChildren, Whom,
};
use greenroom_model::{
    Audience, Content, Exit, Lookup, Op, Origin, Payload, Place, ProcessNo, Stop, failure,
};

fn hub(stage: &mut Stage, cell: &mut Cell, work: Vec<HubWork>) -> Receipt {
    let commit = Commit { hub: work, ..stage.turn(cell) };
    stage.go(cell, commit)
}

fn join(place: Place, op: Option<u64>) -> HubWork {
    HubWork::Join { place, op: op.map(Op) }
}

fn name() -> Place {
    Place::Name("pricing".into())
}

fn group() -> Place {
    Place::Group("workers".into())
}

fn topic(pattern: &str) -> Place {
    Place::Topic(pattern.into())
}

fn publish(to: Audience, after: i64) -> Publish {
    Publish {
        op: None,
        to,
        topic: "orders.1.created".into(),
        from: Origin::External("tester".into()),
        content: user("orders.1.created"),
        root: "root".into(),
        hops: 1,
        after: ProcessNo(after),
        at_most: None,
    }
}

/// The answers to operations of a process, in order.
fn answers(stage: &Stage, cell: &Cell) -> Vec<Result<String, String>> {
    let answer = |content: Content| match content {
        Content::Reply { result, .. } => {
            Some(result.map(|value| value.to_string()).map_err(|failure| failure.kind.into()))
        }
        _ => None,
    };
    stage.contents(cell).into_iter().filter_map(answer).collect()
}

pub fn a_name_is_one_process_s(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    hub(stage, &mut a, vec![join(name(), Some(1)), join(name(), Some(2))]);
    hub(stage, &mut b, vec![join(name(), Some(1))]);
    assert_eq!(answers(stage, &a), [Ok("true".into()), Ok("true".into())]);
    assert_eq!(answers(stage, &b), [Err(failure::ALREADY_REGISTERED.into())]);
    hub(stage, &mut a, vec![HubWork::Leave { place: name() }]);
    hub(stage, &mut b, vec![join(name(), Some(2))]);
    assert_eq!(answers(stage, &b)[1], Ok("true".into()));
}

pub fn what_is_asked_is_answered(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    hub(stage, &mut a, vec![join(group(), None), join(name(), None)]);
    let lookups = [Lookup::Name("pricing".into()), Lookup::Name("none".into())];
    let lookups = lookups.into_iter().chain([Lookup::Group("workers".into()), Lookup::Children]);
    let mut work = vec![join(group(), None)];
    work.extend(lookups.map(|lookup| HubWork::Lookup { op: Op(1), lookup }));
    // A child of the same commit is one already.
    let spawn = child("c/1", &b, 3, stage.now);
    let commit = Commit { hub: work, ..stage.turn(&b) }.spawning(spawn);
    stage.go(&mut b, commit);
    let wanted = ["\"a/1\"", "null", "[\"a/1\",\"b/1\"]", "[\"c/1\"]"];
    assert_eq!(answers(stage, &b), wanted.map(|text| Ok(text.to_owned())));
}

pub fn a_publish_reaches_each_once(stage: &mut Stage) {
    let (mut a, mut b, mut c) = (stage.start("a/1"), stage.start("b/1"), stage.start("c/1"));
    let mine = vec![join(topic("orders.>"), None), join(topic("orders.1.created"), None)];
    hub(stage, &mut a, mine);
    hub(stage, &mut b, vec![join(topic("orders.*.paid"), None), join(group(), None)]);
    let one = Publish { op: Some(Op(9)), ..publish(Audience::Subscribers, 0) };
    let receipt = hub(stage, &mut c, vec![HubWork::Publish(one)]);
    assert_eq!(receipt.published, [Published { told: 1, after: None }]);
    assert_eq!(stage.contents(&a), [user("orders.1.created")]);
    assert_eq!(answers(stage, &c), [Ok("{\"told\":1}".into())]);
    let commit = Commit {
        hub: vec![HubWork::Publish(publish(Audience::Group("workers".into()), 0))],
        ..stage.blank()
    };
    stage.commit(commit).expect("passes");
    assert_eq!(stage.contents(&b), [user("orders.1.created")], "outside can publish");
}

pub fn a_large_publish_comes_in_parts(stage: &mut Stage) {
    let more = 3;
    let mut group = stage.blank();
    for number in 0..PUBLISH_MAX + more {
        group.spawns.push(crate::stage::spawn(&format!("s/{number}"), stage.now));
    }
    let spawns = group.spawns.clone();
    let receipt = stage.commit(group).expect("passes");
    for (spawn, spawned) in spawns.iter().zip(&receipt.spawned) {
        let mut cell = Cell { no: spawned.no, ..newborn(spawn) };
        hub(stage, &mut cell, vec![join(topic("orders.*.created"), None)]);
    }
    let mut said = |after| {
        let one = HubWork::Publish(publish(Audience::Subscribers, after));
        let commit = Commit { hub: vec![one], ..stage.blank() };
        stage.commit(commit).expect("passes").published[0]
    };
    let first = said(0);
    assert_eq!(first.told, PUBLISH_MAX as u64);
    let rest = said(first.after.expect("more").0);
    assert_eq!(rest, Published { told: more as u64, after: None });
}

pub fn an_end_leaves_all_places(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    hub(stage, &mut a, vec![join(name(), None), join(group(), None), join(topic("t"), None)]);
    let commit = stage.ending(&a, Exit::Normal(text("x"))).with_turn(|turn| turn.leaves = true);
    // What an end says about places comes too late.
    let commit = Commit { hub: vec![join(group(), None)], ..commit };
    stage.go(&mut a, commit);
    hub(stage, &mut b, vec![join(name(), Some(1))]);
    assert_eq!(answers(stage, &b), [Ok("true".into())]);
    let places = Places { like: Place::Group(String::new()), limit: 10 };
    assert_eq!(stage.journal().places(&places).expect("reads"), []);
}

pub fn who_is_where_is_listed(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    hub(stage, &mut b, vec![join(group(), None), join(name(), None)]);
    hub(stage, &mut a, vec![join(group(), None)]);
    stage.reopen();
    let shown = |like: Place| {
        let rows = stage.journal().places(&Places { like, limit: 10 }).expect("reads");
        rows.iter().map(|row| format!("{} {}", row.place, row.process)).collect::<Vec<_>>()
    };
    let both = ["group workers a/1", "group workers b/1"];
    assert_eq!(shown(Place::Group(String::new())), both);
    assert_eq!(shown(group()), both);
    assert_eq!(shown(Place::Group("work".into())), Vec::<String>::new());
    assert_eq!(shown(Place::Name(String::new())), ["name pricing b/1"]);
}

pub fn a_tree_is_told_to_its_leaves(stage: &mut Stage) {
    let mut top = stage.start("top/1");
    let spawned = |stage: &mut Stage, parent: &mut Cell, name: &str, detached: bool, op: u64| {
        let mut spawn = child(name, parent, op, stage.now);
        spawn.detached = detached;
        let cell = newborn(&spawn);
        let commit = stage.turn(parent).spawning(spawn);
        let receipt = stage.go(parent, commit);
        Cell { no: receipt.spawned[0].no, ..cell }
    };
    let plain = spawned(stage, &mut top, "c/plain", false, 1);
    let away = spawned(stage, &mut top, "c/away", true, 2);
    let kept = spawned(stage, &mut top, "c/kept", false, 0);
    let mut over = spawned(stage, &mut top, "c/over", false, 3);
    let below = spawned(stage, &mut over, "c/below", false, 1);
    stage.end(&mut over, Exit::Normal(Payload::null()));
    let said = |whom, spawns| ToChildren { content: Content::Pause, whom, spawns };
    let commit = stage.turn(&top).with_turn(|turn| turn.to_children.push(said(Whom::Others, 1)));
    // One was spawned before it was said, and one after.
    let (early, late) = (child("c/early", &top, 8, stage.now), child("c/late", &top, 9, stage.now));
    let receipt = stage.go(&mut top, commit.spawning(early).spawning(late));
    let told: Vec<_> = receipt
        .delivered
        .iter()
        .filter(|one| one.message.content == Content::Pause)
        .map(|one| one.to)
        .collect();
    assert_eq!(told, [plain.no, below.no, receipt.spawned[0].no]);
    assert!(stage.contents(&away).is_empty() && stage.contents(&kept).is_empty());
    let commit =
        stage.turn(&top).with_turn(|turn| turn.to_children.push(said(Whom::Supervised, 0)));
    let receipt = stage.go(&mut top, commit);
    assert_eq!(receipt.delivered.iter().map(|one| one.to).collect::<Vec<_>>(), [kept.no]);
}

pub fn who_ends_unheard_passes_it_on(stage: &mut Stage) {
    let mut top = stage.start("top/1");
    let mut commit = stage.turn(&top);
    let names = [("c/plain", 1), ("c/kept", 0)];
    for (name, op) in names {
        commit = commit.spawning(child(name, &top, op, stage.now));
    }
    let receipt = stage.go(&mut top, commit);
    let tree = |stop| Content::Cancel { reason: "r".into(), stop, tree: true };
    // In one group, so that neither has heard of the other.
    let send = {
        let mut send = stage.blank();
        send.sends.push(crate::stage::outgoing(&top.id, tree(None)));
        send
    };
    let end = stage.ending(&top, Exit::Normal(text("x")));
    let outcomes = stage.commit_all(&[send, end]);
    assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
    let mail = receipt.spawned.iter().map(|spawned| {
        let loaded = stage.journal().load(spawned.no, greenroom_journal::Scope::Whole);
        let mail = loaded.expect("loads").expect("is there").mailbox;
        mail.into_iter().map(|message| message.content).collect::<Vec<_>>()
    });
    let mail: Vec<_> = mail.collect();
    assert_eq!(mail, [vec![tree(None)], vec![tree(Some(Stop::Final))]]);
}
