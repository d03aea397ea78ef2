//! Reading a part of a journal.

use crate::stage::{Cell, Stage, With, body};
use greenroom_journal::Scope;
use greenroom_model::{Event, Kind, Op, Seq};

/// A turn of several events.
fn several(stage: &mut Stage, cell: &mut Cell, ops: &[u64], segment: u64) {
    let events: Vec<Event> = ops.iter().map(|op| Event::TimerFired { op: Op(*op) }).collect();
    let text = greenroom_journal::encode_events(&events).expect("encodes");
    let sum = |at| cell.sum.then(cell.seq.plus(1), at, &text);
    let mut commit = stage.turn(cell);
    let sum = sum(commit.at);
    let turn = commit.turn.as_mut().expect("a turn");
    (turn.body, turn.count, turn.sum, turn.segment) = (text, ops.len(), sum, Seq(segment));
    stage.go(cell, commit);
}

fn read(stage: &Stage, cell: &Cell, scope: Scope) -> Vec<(u64, usize)> {
    let loaded = stage.journal().load(cell.no, scope).expect("loads").expect("is there");
    assert_eq!(loaded.row.seq, cell.seq);
    loaded.turns.iter().map(|turn| (turn.seq.0, turn.events.len())).collect()
}

pub fn loads_the_segment(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    several(stage, &mut cell, &[1, 2, 3], 1);
    assert_eq!(read(stage, &cell, Scope::Segment), [(1, 1), (2, 3)]);
    several(stage, &mut cell, &[4, 5], 5);
    several(stage, &mut cell, &[6], 5);
    assert_eq!(read(stage, &cell, Scope::Segment), [(5, 2), (7, 1)]);
    // A segment that begins within a turn: what is before it is cut off.
    several(stage, &mut cell, &[7, 8, 9], 9);
    assert_eq!(read(stage, &cell, Scope::Segment), [(9, 2)]);
    assert_eq!(read(stage, &cell, Scope::Whole).len(), 5);
    // A restart goes back to an older segment.
    several(stage, &mut cell, &[10], 1);
    assert_eq!(read(stage, &cell, Scope::Segment).len(), 6);
}

pub fn loads_what_came_after(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    several(stage, &mut cell, &[1, 2, 3], 1);
    several(stage, &mut cell, &[4], 1);
    for (after, turns) in [
        (0, vec![(1, 1), (2, 3), (5, 1)]),
        (1, vec![(2, 3), (5, 1)]),
        (2, vec![(3, 2), (5, 1)]),
        (4, vec![(5, 1)]),
        (5, vec![]),
        (50, vec![]),
        (u64::MAX, vec![]),
    ] {
        assert_eq!(read(stage, &cell, Scope::After(Seq(after))), turns, "after {after}");
    }
}

pub fn kind_changes(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    for (name, version) in [("a", 2), ("other", 7), ("other", 7)] {
        let kind = Kind::new(name, version).expect("valid");
        let commit = stage.turn(&cell).with_turn(|turn| turn.kind = Some(kind.clone()));
        stage.go(&mut cell, commit);
        assert_eq!(stage.load(&cell).row.kind, kind);
    }
    let commit = stage.turn(&cell);
    stage.go(&mut cell, commit);
    assert_eq!(stage.load(&cell).row.kind.to_string(), "other@7");
    assert!(!body(&Event::TimerFired { op: Op(1) }).is_empty());
}
