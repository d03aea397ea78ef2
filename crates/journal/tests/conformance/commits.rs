//! Turns: compare-and-set, order in a group, fencing, durability.

use crate::stage::{Stage, With, id, user};
use greenroom_journal::{Refusal, Scope};
use greenroom_model::{Event, Millis, Op, ProcessNo, Seq, Shard, Status, Sum};

pub fn moves_a_journal_on(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    for _ in 0..5 {
        let commit = stage.turn(&cell);
        let receipt = stage.go(&mut cell, commit);
        assert!(receipt.delivered.is_empty() && receipt.spawned.is_empty());
    }
    let loaded = stage.load(&cell);
    assert_eq!((loaded.row.seq, loaded.row.sum), (Seq(6), cell.sum));
    assert_eq!(loaded.turns.len(), 6);
    assert_eq!(loaded.turns[5].events, [Event::TimerFired { op: Op(stage.now) }]);
    assert_eq!((loaded.turns[5].seq, loaded.turns[5].at), (Seq(6), Millis(stage.now)));
    assert_eq!(loaded.row.changed_at, Millis(stage.now));
    assert_eq!(loaded.row.started_at, loaded.turns[0].at);
}

pub fn refuses_a_stale_turn(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    let first = stage.turn(&cell).sending(&id("a/1"), user("x"));
    let again = first.clone();
    stage.go(&mut cell, first);
    let refusal = Refusal::Stale { expected: Seq(1), found: Some(Seq(2)) };
    assert_eq!(stage.commit(again.clone()).unwrap_err(), refusal);
    let ahead = stage.turn(&cell).with_turn(|turn| turn.expect_seq = Seq(7));
    let refusal = Refusal::Stale { expected: Seq(7), found: Some(Seq(2)) };
    assert_eq!(stage.commit(ahead).unwrap_err(), refusal);
    assert_eq!(stage.mail(&cell).len(), 1, "nothing of a refused commit happens");
    assert_eq!(stage.load(&cell).turns.len(), 2);
}

pub fn refuses_an_unknown_process(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    cell.no = ProcessNo(99);
    let commit = stage.turn(&cell);
    assert_eq!(stage.commit(commit).unwrap_err(), Refusal::Stale { expected: Seq(1), found: None });
    assert!(stage.journal().load(ProcessNo(99), Scope::Whole).expect("reads").is_none());
    assert!(stage.journal().find(&id("a/2")).expect("reads").is_none());
}

pub fn keeps_order_in_a_group(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    let mut group = Vec::new();
    for _ in 0..3 {
        for cell in [&mut a, &mut b] {
            let commit = stage.turn(cell);
            cell.follow(&commit);
            group.push(commit);
        }
    }
    let doubled = group[2].clone();
    group.insert(3, doubled);
    let outcomes = stage.commit_all(&group);
    let passed: Vec<bool> = outcomes.iter().map(Result::is_ok).collect();
    assert_eq!(passed, [true, true, true, false, true, true, true]);
    assert_eq!((stage.load(&a).row.seq, stage.load(&b).row.seq), (Seq(4), Seq(4)));
    assert_eq!(stage.load(&a).row.sum, a.sum);
}

pub fn fences_off_an_older_node(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    let old = stage.lease;
    stage.lease = stage.journal().acquire("another", Millis(5)).expect("acquires");
    assert!(stage.lease.epoch > old.epoch);
    let mut late = stage.turn(&cell);
    late.epoch = old.epoch;
    let shard = Shard::of(&cell.id);
    assert_eq!(stage.commit(late).unwrap_err(), Refusal::Fenced { shard });
    let mut outside = stage.blank().sending(&cell.id, user("x"));
    outside.epoch = old.epoch;
    assert_eq!(stage.commit(outside).unwrap_err(), Refusal::Fenced { shard });
    assert!(stage.mail(&cell).is_empty());
    let commit = stage.turn(&cell);
    stage.go(&mut cell, commit);
}

pub fn survives_reopening(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    stage.send(&cell.id, user("x"));
    let before = stage.lease.epoch;
    stage.reopen();
    assert!(stage.lease.epoch > before);
    let commit = stage.turn(&cell);
    stage.go(&mut cell, commit);
    let other = stage.start("a/2");
    assert!(other.no > cell.no);
    stage.reopen();
    let loaded = stage.load(&cell);
    assert_eq!((loaded.turns.len(), loaded.mailbox.len()), (2, 1));
    let row = stage.journal().find(&cell.id).expect("reads").expect("is there");
    assert_eq!((row.no, row.seq, row.mark()), (cell.no, Seq(2), loaded.row.mark()));
    assert_eq!(stage.journal().verify(&mut |_| ()).expect("reads"), Vec::<String>::new());
}

pub fn an_empty_group_is_nothing(stage: &mut Stage) {
    assert!(stage.commit_all(&[]).is_empty());
    let commit = stage.blank();
    stage.commit(commit).expect("passes");
}

pub fn the_clock_is_remembered(stage: &mut Stage) {
    let cell = stage.start("a/1");
    let mut commit = stage.turn(&cell);
    commit.at = Millis(5_000);
    let turn = commit.turn.as_mut().expect("a turn");
    turn.sum = cell.sum.then(Seq(2), Millis(5_000), &turn.body);
    stage.commit(commit).expect("passes");
    let lease = stage.journal().acquire("again", Millis(7)).expect("acquires");
    assert_eq!(lease.seen, Millis(5_000));
    let lease = stage.journal().acquire("again", Millis(6_000)).expect("acquires");
    assert_eq!(lease.seen, Millis(5_000));
    let lease = stage.journal().acquire("again", Millis(6_000)).expect("acquires");
    assert_eq!(lease.seen, Millis(6_000));
}

pub fn status_and_wake_up_are_kept(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    let steps = [
        (Status::Running, None),
        (Status::Running, Some(Millis(50))),
        (Status::Sleeping, Some(Millis(50))),
        (Status::Sleeping, Some(Millis(60))),
        (Status::Asking, Some(Millis(60))),
        (Status::Running, None),
    ];
    for (status, wake_at) in steps {
        let commit = stage.turn(&cell).with_turn(|turn| {
            (turn.status, turn.wake_at) = (status, wake_at);
        });
        stage.go(&mut cell, commit);
        let row = stage.load(&cell).row;
        assert_eq!((row.status, row.wake_at), (status, wake_at));
        let due = stage.journal().due((Millis(0), ProcessNo(0)), 9).expect("reads");
        assert_eq!(due, wake_at.map(|at| (at, cell.no)).into_iter().collect::<Vec<_>>());
        let running = stage.journal().runnable(ProcessNo(0), 9).expect("reads");
        assert_eq!(running.len(), usize::from(status == Status::Running));
    }
}

pub fn names_damage(stage: &mut Stage) {
    let cell = stage.start("a/1");
    let wrong = stage.turn(&cell).with_turn(|turn| turn.sum = Sum(7));
    stage.commit(wrong).expect("the store does not count sums itself");
    let error = stage.journal().load(cell.no, Scope::Whole).expect_err("a wrong sum").to_string();
    assert!(error.contains("a/1"), "{error}");
    assert_eq!(stage.journal().verify(&mut |_| ()).expect("reads").len(), 1);
}

pub fn takes_a_turn_without_events(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    let commit = stage.turn(&cell);
    stage.go(&mut cell, commit);
    // It has only come to wait: the row says so, the journal stays as it is.
    let waits = stage.turn(&cell).with_turn(|turn| {
        (turn.body, turn.count) = (String::new(), 0);
        turn.sum = cell.sum;
        (turn.status, turn.wake_at) = (Status::Sleeping, Some(Millis(9_000)));
    });
    stage.commit(waits).expect("taken");
    let loaded = stage.load(&cell);
    assert_eq!((loaded.row.seq, loaded.row.sum), (Seq(2), cell.sum));
    assert_eq!((loaded.row.status, loaded.turns.len()), (Status::Sleeping, 2));
    assert_eq!(loaded.row.wake_at, Some(Millis(9_000)));
    let commit = stage.turn(&cell);
    stage.go(&mut cell, commit);
    assert_eq!(stage.load(&cell).turns.len(), 3);
}
