//! Requests from outside with a key.

use crate::stage::{Stage, With, spawn, user};
use greenroom_journal::Refusal;

pub fn a_key_counts_once(stage: &mut Stage) {
    let cell = stage.start("a/1");
    let mut one = stage.blank().sending(&cell.id, user("x"));
    one.request = Some("key".into());
    let repeated = Refusal::Repeated { key: "key".into() };
    let outcomes = stage.commit_all(&[one.clone(), one.clone()]);
    assert!(outcomes[0].is_ok());
    assert_eq!(outcomes[1].as_ref().expect_err("a repetition"), &repeated);
    stage.reopen();
    one.epoch = stage.lease.epoch;
    assert_eq!(stage.commit(one).expect_err("a repetition"), repeated);
    assert_eq!(stage.mail(&cell).len(), 1);
    let mut other = stage.blank().spawning(spawn("a/2", 1));
    other.request = Some("Key".into());
    stage.commit(other).expect("another key");
}

pub fn a_refused_one_leaves_its_key(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    let mut stale = stage.turn(&cell);
    stale.turn.as_mut().expect("a turn").expect_seq.0 = 9;
    stale.request = Some("key".into());
    assert!(matches!(stage.commit(stale), Err(Refusal::Stale { .. })));
    let mut commit = stage.turn(&cell);
    commit.request = Some("key".into());
    stage.go(&mut cell, commit);
}
