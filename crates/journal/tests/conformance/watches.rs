//! Hearing of the end of others.

use crate::stage::{Stage, heard, id, text};
use greenroom_model::{Exit, Failure, Origin};

pub fn the_end_is_heard(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    assert!(stage.watch(&mut a, 3, &b.id).delivered.is_empty());
    let exit = Exit::Error(Failure::new("oops", "it broke"));
    let receipt = stage.end(&mut b, exit.clone());
    assert_eq!(receipt.delivered[0].to, a.no);
    let mail = stage.mail(&a);
    assert_eq!(mail, [receipt.delivered[0].message.clone()]);
    assert_eq!(heard(&mail[0].content), (3, "b/1", &exit));
    assert_eq!(mail[0].from, Origin::Process(b.id.clone()));
    assert_eq!(mail[0].root, "b/1", "it goes back to what the ended one went back to");
}

pub fn ended_already(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    stage.end(&mut b, Exit::Normal(text("x")));
    let receipt = stage.watch(&mut a, 3, &b.id);
    assert_eq!(heard(&receipt.delivered[0].message.content), (3, "b/1", &Exit::Normal(text("x"))));
}

pub fn never_was(stage: &mut Stage) {
    let mut a = stage.start("a/1");
    let receipt = stage.watch(&mut a, 3, &id("b/1"));
    assert_eq!(heard(&receipt.delivered[0].message.content), (3, "b/1", &Exit::NoProcess));
    assert_eq!(receipt.delivered[0].message.root, "a/1");
}

pub fn two_watch(stage: &mut Stage) {
    let (mut a, mut b, mut c) = (stage.start("a/1"), stage.start("a/2"), stage.start("c/1"));
    stage.watch(&mut b, 9, &c.id);
    stage.watch(&mut a, 8, &c.id);
    stage.watch(&mut a, 4, &c.id);
    let receipt = stage.end(&mut c, Exit::Killed("enough".into()));
    let told: Vec<_> =
        receipt.delivered.iter().map(|one| (one.to, heard(&one.message.content).0)).collect();
    assert_eq!(told, [(a.no, 4), (a.no, 8), (b.no, 9)]);
}

pub fn a_watch_dies_with_its_watcher(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    stage.watch(&mut a, 3, &b.id);
    stage.end(&mut a, Exit::Normal(text("x")));
    // Brought back: what it waited for then is forgotten.
    let commit = stage.turn(&a);
    stage.go(&mut a, commit);
    assert!(stage.end(&mut b, Exit::Normal(text("x"))).delivered.is_empty());
}

pub fn a_watch_is_made_once(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    stage.watch(&mut a, 3, &b.id);
    stage.watch(&mut a, 3, &b.id);
    assert_eq!(stage.end(&mut b, Exit::Normal(text("x"))).delivered.len(), 1);
    // It ends only once in its watcher's eyes.
    let commit = stage.turn(&b);
    stage.go(&mut b, commit);
    assert!(stage.end(&mut b, Exit::Normal(text("x"))).delivered.is_empty());
}
