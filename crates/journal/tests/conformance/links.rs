//! Links: two watches and a word to the other.

use crate::stage::{Cell, Stage, With, id, text};
use greenroom_journal::Receipt;
use greenroom_model::{Content, Exit, Failure, ProcessId};

fn link(stage: &mut Stage, one: &mut Cell, other: &ProcessId) -> Receipt {
    let commit = stage.turn(one).with_turn(|turn| turn.links.push(other.clone()));
    stage.go(one, commit)
}

fn signal(from: &str, exit: Exit) -> Content {
    Content::ExitSignal { id: id(from), exit }
}

pub fn each_hears_of_the_other(stage: &mut Stage) {
    let (mut a, mut b, mut c) = (stage.start("a/1"), stage.start("b/1"), stage.start("c/1"));
    let b_id = b.id.clone();
    link(stage, &mut a, &b_id);
    link(stage, &mut c, &b_id);
    let links: Vec<_> = stage.mail(&b).into_iter().map(|one| (one.from, one.content)).collect();
    assert!(links.iter().all(|(_, content)| *content == Content::Link), "{links:?}");
    let exit = Exit::Error(Failure::msg("broken"));
    stage.end(&mut a, exit.clone());
    assert_eq!(stage.contents(&b)[2..], [signal("a/1", exit.clone())]);
    stage.end(&mut b, exit.clone());
    assert_eq!(stage.contents(&c), [signal("b/1", exit)]);
}

pub fn both_halves_go(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    let (a_id, b_id) = (a.id.clone(), b.id.clone());
    link(stage, &mut a, &b_id);
    let commit = stage.turn(&b).with_turn(|turn| turn.unlinks.push(a_id));
    stage.go(&mut b, commit);
    assert!(stage.end(&mut a, Exit::Normal(text("x"))).delivered.is_empty());
    assert!(stage.end(&mut b, Exit::Normal(text("x"))).delivered.is_empty());
}

pub fn a_link_to_nobody(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    stage.end(&mut b, Exit::Normal(text("x")));
    link(stage, &mut a, &id("b/none"));
    assert_eq!(stage.contents(&a), [signal("b/none", Exit::NoProcess)]);
    let b_id = b.id.clone();
    link(stage, &mut a, &b_id);
    assert_eq!(stage.contents(&a)[1..], [signal("b/1", Exit::Normal(text("x")))]);
}
