//! Questions to people.

use crate::stage::{Stage, With, text, user};
use greenroom_journal::AskChange;
use greenroom_model::{AskSpec, Content, Exit, Millis, Op};

fn ask(name: &str) -> AskSpec {
    AskSpec {
        name: name.into(),
        question: "May I?".into(),
        choices: vec!["yes".into(), "no".into()],
        deadline: Some(Millis(99)),
        default: Some(text("no")),
    }
}

pub fn open_and_close(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    for op in 1..=3 {
        let cell = if op == 2 { &mut a } else { &mut b };
        let commit = stage.turn(cell).with_turn(|turn| {
            turn.asks.push(AskChange::Open { op: Op(op), spec: ask("approval") });
        });
        stage.go(cell, commit);
    }
    let ops = |stage: &Stage| -> Vec<u64> {
        stage.journal().asks(None).expect("reads").iter().map(|row| row.op.0).collect()
    };
    assert_eq!(ops(stage), [1, 2, 3], "oldest first");
    let own = stage.journal().asks(Some(&a.id)).expect("reads");
    assert_eq!((own.len(), own[0].op, &own[0].process), (1, Op(2), &a.id));
    assert_eq!(own[0].spec, ask("approval"));
    assert_eq!(own[0].opened_at, Millis(stage.now - 1));
    let commit = stage.turn(&b).with_turn(|turn| {
        turn.asks.push(AskChange::Close { op: Op(1) });
        turn.asks.push(AskChange::Open { op: Op(4), spec: ask("x") });
        turn.asks.push(AskChange::Open { op: Op(5), spec: ask("y") });
        turn.asks.push(AskChange::Close { op: Op(4) });
        turn.asks.push(AskChange::Close { op: Op(77) });
    });
    stage.go(&mut b, commit);
    assert_eq!(ops(stage), [2, 3, 5]);
    stage.reopen();
    assert_eq!(ops(stage), [2, 3, 5]);
}

pub fn one_that_was_answered_is_not_open(stage: &mut Stage) {
    let mut cells = [stage.start("a/1"), stage.start("b/1")];
    for cell in &mut cells {
        let commit = stage.turn(cell).with_turn(|turn| {
            turn.asks.push(AskChange::Open { op: Op(1), spec: ask("x") });
            turn.asks.push(AskChange::Open { op: Op(2), spec: ask("y") });
        });
        stage.go(cell, commit);
    }
    let [a, b] = &cells;
    let open = |stage: &Stage, of| {
        let rows = stage.journal().asks(of).expect("reads");
        rows.iter().map(|row| format!("{}#{}", row.process, row.op)).collect::<Vec<_>>()
    };
    stage.send(&a.id, Content::Answer { op: Op(1), value: text("yes") });
    // What only looks like one.
    stage.send(&b.id, user("answer"));
    assert_eq!(open(stage, None), ["a/1#2", "b/1#1", "b/1#2"]);
    assert_eq!(open(stage, Some(&a.id)), ["a/1#2"]);
    assert_eq!(open(stage, Some(&b.id)), ["b/1#1", "b/1#2"]);
    stage.send(&a.id, Content::Answer { op: Op(2), value: text("yes") });
    assert!(open(stage, Some(&a.id)).is_empty());
    stage.reopen();
    assert_eq!(open(stage, None), ["b/1#1", "b/1#2"]);
}

pub fn an_end_closes_them(stage: &mut Stage) {
    let mut a = stage.start("a/1");
    let commit = stage.turn(&a).with_turn(|turn| {
        turn.asks.push(AskChange::Open { op: Op(1), spec: ask("x") });
    });
    stage.go(&mut a, commit);
    let commit = stage.ending(&a, Exit::Normal(text("x"))).with_turn(|turn| {
        turn.asks.push(AskChange::Open { op: Op(2), spec: ask("y") });
    });
    stage.go(&mut a, commit);
    assert!(stage.journal().asks(None).expect("reads").is_empty());
}
