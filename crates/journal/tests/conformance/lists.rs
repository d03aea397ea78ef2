//! Lists of processes.

use crate::stage::{Stage, With, child, id, spawn, text, user};
use greenroom_journal::Listing;
use greenroom_model::{Exit, Millis, ProcessNo, Status};

fn names(stage: &Stage, listing: Listing) -> Vec<String> {
    let rows = stage.journal().list(&listing).expect("reads");
    rows.iter().map(|row| row.id.to_string()).collect()
}

fn any() -> Listing {
    Listing { limit: 100, ..Listing::default() }
}

pub fn pages(stage: &mut Stage) {
    let cells: Vec<_> = (1..=5).map(|n| stage.start(&format!("a/{n}"))).collect();
    let page = |after: Option<ProcessNo>, newest_first| Listing {
        after,
        newest_first,
        limit: 2,
        ..Listing::default()
    };
    assert_eq!(names(stage, page(None, false)), ["a/1", "a/2"]);
    assert_eq!(names(stage, page(Some(cells[1].no), false)), ["a/3", "a/4"]);
    assert_eq!(names(stage, page(None, true)), ["a/5", "a/4"]);
    assert_eq!(names(stage, page(Some(cells[1].no), true)), ["a/1"]);
    assert!(names(stage, Listing { limit: 0, ..any() }).is_empty());
}

pub fn filters(stage: &mut Stage) {
    let mut a = stage.start("a/1");
    let mut b = stage.start("b/1");
    let commit = stage.turn(&a).spawning(child("b/2", &a, 1, 1)).spawning(spawn("a/2", 1));
    stage.go(&mut a, commit);
    stage.end(&mut b, Exit::Normal(text("x")));
    assert_eq!(names(stage, any()), ["a/1", "b/1", "b/2", "a/2"]);
    assert_eq!(names(stage, Listing { kind: Some("b".into()), ..any() }), ["b/1", "b/2"]);
    assert_eq!(names(stage, Listing { parent: Some(id("a/1")), ..any() }), ["b/2"]);
    assert_eq!(names(stage, Listing { root: Some("b/2".into()), ..any() }), ["b/2"]);
    let statuses = vec![Status::Completed, Status::Receiving];
    let listing = Listing { statuses, newest_first: true, ..any() };
    assert_eq!(names(stage, listing.clone()), ["b/1", "a/1"]);
    let listing = Listing { kind: Some("a".into()), root: Some("a/1".into()), ..listing };
    assert_eq!(names(stage, listing), ["a/1"]);
}

pub fn what_runs(stage: &mut Stage) {
    let mut cells: Vec<_> = (1..=5).map(|n| stage.start(&format!("a/{n}"))).collect();
    for cell in &mut cells[1..] {
        let commit = stage.turn(cell);
        stage.go(cell, commit);
    }
    stage.send(&id("a/3"), user("x"));
    stage.send(&id("a/3"), user("y"));
    stage.send(&id("a/1"), user("z"));
    stage.send(&id("a/5"), user("z"));
    let runnable = |after, limit| stage.journal().runnable(after, limit).expect("reads");
    let (one, three, five) = (cells[0].no, cells[2].no, cells[4].no);
    assert_eq!(runnable(ProcessNo(0), 10), [one, three, five]);
    assert_eq!(runnable(ProcessNo(0), 2), [one, three]);
    assert_eq!(runnable(three, 2), [five]);
}

pub fn what_is_due(stage: &mut Stage) {
    let mut cells: Vec<_> = (1..=4).map(|n| stage.start(&format!("a/{n}"))).collect();
    let times = [Some(300), Some(100), None, Some(100)];
    for (cell, at) in cells.iter_mut().zip(times) {
        let commit = stage.turn(cell).with_turn(|turn| turn.wake_at = at.map(Millis));
        stage.go(cell, commit);
    }
    let due = |after, limit| stage.journal().due(after, limit).expect("reads");
    let (a, b, d) = (cells[0].no, cells[1].no, cells[3].no);
    let all = [(Millis(100), b), (Millis(100), d), (Millis(300), a)];
    assert_eq!(due((Millis(0), ProcessNo(0)), 9), all);
    assert_eq!(due((Millis(0), ProcessNo(0)), 1), all[..1]);
    assert_eq!(due(all[0], 9), all[1..]);
    assert_eq!(due(all[1], 9), all[2..]);
    let commit = stage.ending(&cells[1], Exit::Normal(text("x"))).with_turn(|turn| {
        turn.wake_at = Some(Millis(5));
    });
    stage.go(&mut cells[1], commit);
    let left = stage.journal().due((Millis(0), ProcessNo(0)), 9).expect("reads");
    assert_eq!(left, all[1..], "an ended process does not wake");
    assert!(stage.load(&cells[1]).row.wake_at.is_none());
}
