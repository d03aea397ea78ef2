//! Starting processes.

use crate::stage::{Stage, With, body, child, heard, id, newborn, outgoing, spawn, text, user};
use greenroom_journal::{AskChange, FirstTurn, Spawn, Spawned};
use greenroom_model::{AskSpec, Event, Exit, Failure, Millis, Op, ProcessNo, Seq, Status};

pub fn starting_twice_is_one_start(stage: &mut Stage) {
    let first = stage.start("a/1");
    let again = stage.blank().spawning(spawn("a/1", 1)).spawning(spawn("a/2", 2));
    let receipt = stage.commit(again).expect("passes");
    assert_eq!(receipt.spawned[0], Spawned { no: first.no, created: false });
    assert!(receipt.spawned[1].created && receipt.spawned[1].no > first.no);
    assert!(receipt.delivered.is_empty());
    assert_eq!(stage.load(&first).turns.len(), 1);
}

pub fn a_parent_hears_of_a_foreign_child(stage: &mut Stage) {
    let foreign = stage.start("b/1");
    let mut parent = stage.start("a/1");
    let commit = stage.turn(&parent).spawning(child("b/1", &parent, 4, 1));
    let receipt = stage.go(&mut parent, commit);
    assert_eq!(receipt.spawned, [Spawned { no: foreign.no, created: false }]);
    assert_eq!(receipt.delivered[0].to, parent.no);
    let contents = stage.contents(&parent);
    let (op, name, exit) = heard(&contents[0]);
    assert_eq!((op, name), (4, "b/1"));
    assert!(matches!(exit, Exit::Error(failure) if failure.is("already_exists")), "{exit}");
    // One that does not watch hears nothing.
    let quiet = Spawn { watched: false, ..child("b/1", &parent, 5, 1) };
    let commit = stage.turn(&parent).spawning(quiet);
    assert!(stage.go(&mut parent, commit).delivered.is_empty());
}

pub fn a_parent_finds_its_own_child_again(stage: &mut Stage) {
    let mut parent = stage.start("a/1");
    let commit = stage.turn(&parent).spawning(child("b/1", &parent, 4, 1));
    let mut kid = newborn(&commit.spawns[0]);
    kid.no = stage.go(&mut parent, commit).spawned[0].no;
    let row = stage.load(&kid).row;
    assert_eq!(row.parent, Some(id("a/1")));
    // The parent ends, forgets its watches, is brought back, and spawns again.
    stage.end(&mut parent, Exit::Error(Failure::msg("oops")));
    let commit = stage.turn(&parent).spawning(child("b/1", &parent, 4, 1));
    let receipt = stage.go(&mut parent, commit);
    assert_eq!(receipt.spawned, [Spawned { no: kid.no, created: false }]);
    assert!(receipt.delivered.is_empty());
    let receipt = stage.end(&mut kid, Exit::Normal(text("done")));
    assert_eq!(receipt.delivered.len(), 1);
    // Once more, now that it has ended.
    let commit = stage.turn(&parent).spawning(child("b/1", &parent, 4, 1));
    let receipt = stage.go(&mut parent, commit);
    assert_eq!(heard(&receipt.delivered[0].message.content).2, &Exit::Normal(text("done")));
}

pub fn a_history_can_be_imported(stage: &mut Stage) {
    let other = stage.start("b/1");
    let turn = |op, at| FirstTurn {
        at: Millis(at),
        body: body(&Event::TimerFired { op: Op(op) }),
        count: 1,
    };
    let ask = AskSpec {
        name: "ok".into(),
        question: "well?".into(),
        choices: Vec::new(),
        deadline: None,
        default: None,
    };
    let mut fork = Spawn {
        turns: vec![turn(1, 100), turn(2, 200), turn(3, 300)],
        segment: Seq(2),
        status: Status::Asking,
        wake_at: Some(Millis(900)),
        state: vec![("k".into(), text("v"))],
        asks: vec![AskChange::Open { op: Op(2), spec: ask }],
        ..spawn("a/1", 1)
    };
    fork.watches.push(greenroom_journal::Watch { op: Op(3), target: other.id.clone() });
    let mut cell = newborn(&fork);
    let commit = stage.blank().spawning(fork);
    cell.no = stage.commit(commit).expect("passes").spawned[0].no;
    let loaded = stage.load(&cell);
    assert_eq!((loaded.row.seq, loaded.row.sum, loaded.turns.len()), (Seq(3), cell.sum, 3));
    assert_eq!((loaded.row.started_at, loaded.row.changed_at), (Millis(100), Millis(300)));
    assert_eq!(stage.journal().asks(None).expect("reads").len(), 1);
    assert_eq!(stage.journal().state(cell.no).expect("reads")[0].key, "k");
    let due = stage.journal().due((Millis(0), ProcessNo(0)), 5).expect("reads");
    assert_eq!(due, [(Millis(900), cell.no)]);
    let mut other = other;
    assert_eq!(stage.end(&mut other, Exit::Normal(text("x"))).delivered[0].to, cell.no);
    let commit = stage.turn(&cell);
    stage.go(&mut cell, commit);
    assert_eq!(stage.load(&cell).turns.len(), 4);
}

pub fn an_ended_one_can_be_imported(stage: &mut Stage) {
    let mut parent = stage.start("a/1");
    let ended = Spawn {
        status: Status::Completed,
        exit: Some(Exit::Normal(text("old"))),
        wake_at: Some(Millis(50)),
        ..child("b/1", &parent, 7, 1)
    };
    let commit = stage.turn(&parent).spawning(ended);
    let receipt = stage.go(&mut parent, commit);
    assert_eq!(heard(&receipt.delivered[0].message.content).2, &Exit::Normal(text("old")));
    let row = stage.journal().find(&id("b/1")).expect("reads").expect("is there");
    assert_eq!((row.exit, row.wake_at), (Some(Exit::Normal(text("old"))), None));
}

pub fn a_spawn_may_be_sent_to_at_once(stage: &mut Stage) {
    let mut parent = stage.start("a/1");
    let commit = stage.turn(&parent).spawning(child("b/1", &parent, 1, 1));
    let commit = commit.sending(&id("b/1"), user("hi"));
    let receipt = stage.go(&mut parent, commit);
    assert_eq!(receipt.delivered[0].to, receipt.spawned[0].no);
    assert!(receipt.undeliverable.is_empty());
}

pub fn twice_in_one_commit(stage: &mut Stage) {
    let mut parent = stage.start("a/1");
    let mut commit = stage.turn(&parent).spawning(child("b/1", &parent, 1, 1));
    commit.spawns.push(child("b/1", &parent, 2, 1));
    commit.sends.push(outgoing(&id("b/1"), user("hi")));
    let receipt = stage.go(&mut parent, commit);
    let created: Vec<bool> = receipt.spawned.iter().map(|spawned| spawned.created).collect();
    assert_eq!(created, [true, false]);
    assert_eq!(receipt.spawned[0].no, receipt.spawned[1].no);
    // The second operation is not the child's parent: it hears so.
    assert_eq!(heard(&receipt.delivered[0].message.content).0, 2);
    assert_eq!(receipt.delivered.len(), 2);
}
