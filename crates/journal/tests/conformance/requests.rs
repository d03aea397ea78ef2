//! Requests from outside with a key.

use crate::stage::{Stage, With, spawn, user};
use greenroom_journal::testing::request;
use greenroom_journal::{Commit, Outcome, Refusal, Request};
use greenroom_model::{Millis, Sum};

const LATER: Millis = Millis(1_000_000);

fn key(text: &str) -> Option<Request> {
    Some(request(text, "what is asked", LATER))
}

fn is_repeated(outcome: &Outcome) -> bool {
    matches!(outcome, Err(Refusal::Repeated { key, .. }) if key == "key")
}

pub fn a_key_counts_once(stage: &mut Stage) {
    let cell = stage.start("a/1");
    let mut one = stage.blank().sending(&cell.id, user("x"));
    one.request = key("key");
    let outcomes = stage.commit_all(&[one.clone(), one.clone()]);
    assert!(outcomes[0].is_ok());
    assert!(is_repeated(&outcomes[1]));
    stage.reopen();
    one.epoch = stage.lease.epoch;
    assert!(is_repeated(&stage.commit(one)));
    assert_eq!(stage.mail(&cell).len(), 1);
    let mut other = stage.blank().spawning(spawn("a/2", 1));
    other.request = key("Key");
    stage.commit(other).expect("another key");
}

pub fn a_refused_one_leaves_its_key(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    let mut stale = stage.turn(&cell);
    stale.turn.as_mut().expect("a turn").expect_seq.0 = 9;
    stale.request = key("key");
    assert!(matches!(stage.commit(stale), Err(Refusal::Stale { .. })));
    let mut commit = stage.turn(&cell);
    commit.request = key("key");
    stage.go(&mut cell, commit);
}

pub fn what_came_of_it_is_kept(stage: &mut Stage) {
    let cell = stage.start("a/1");
    let mut one = stage.blank().spawning(spawn("a/1", 1)).spawning(spawn("a/2", 1));
    one = one.sending(&spawn("a/none", 1).id, user("lost")).sending(&cell.id, user("x"));
    one.request = key("key");
    let receipt = stage.commit(one.clone()).expect("passes");
    assert_eq!((receipt.delivered.len(), receipt.undeliverable.len()), (1, 1));
    stage.reopen();
    let done = stage.journal().request("key", Millis(stage.now)).expect("reads").expect("kept");
    assert_eq!((done.note.as_str(), done.asks), ("what is asked", Sum::of_text("what is asked")));
    assert_eq!(done.receipt.spawned, receipt.spawned);
    assert_eq!(done.receipt.undeliverable, receipt.undeliverable);
    assert!(done.receipt.delivered.is_empty(), "what was delivered is nobody's any more");
    one.epoch = stage.lease.epoch;
    match stage.commit(one) {
        Err(Refusal::Repeated { done: repeated, .. }) => assert_eq!(*repeated, done),
        other => panic!("not a repetition: {other:?}"),
    }
    assert!(stage.journal().request("another", Millis(1)).expect("reads").is_none());
}

fn kept_until(stage: &mut Stage, name: &str, until: u64) -> Commit {
    let mut commit = stage.blank();
    commit.request = Some(request(name, name, Millis(until)));
    commit
}

pub fn a_key_is_forgotten_in_time(stage: &mut Stage) {
    let until = stage.now + 10;
    for number in 0..100 {
        let mut commit = kept_until(stage, &format!("key {number}"), until);
        commit.at = Millis(1);
        stage.commit(commit).expect("passes");
    }
    let mut early = kept_until(stage, "key 7", until);
    early.at = Millis(until - 1);
    assert!(stage.commit(early).is_err(), "it is kept up to its time");
    assert!(stage.journal().request("key 7", Millis(until - 1)).expect("reads").is_some());
    assert!(stage.journal().request("key 7", Millis(until)).expect("reads").is_none());
    stage.now = until;
    let again = kept_until(stage, "key 7", until + 1_000);
    stage.commit(again).expect("it is a new one from then on");
    // A few keys that come sweep out the many that have gone.
    for number in 0..10 {
        let commit = kept_until(stage, &format!("late {number}"), until + 1_000);
        stage.commit(commit).expect("passes");
    }
    let kept = |name: &str| stage.journal().request(name, Millis(1)).expect("reads").is_some();
    let old = (0..100).filter(|number| kept(&format!("key {number}"))).count();
    assert_eq!(old, 1, "only the one that came again");
    assert!((0..10).all(|number| kept(&format!("late {number}"))));
}
