//! Questions to people.

use crate::stage::{Stage, With, text};
use greenroom_journal::AskChange;
use greenroom_model::{AskSpec, Exit, Millis, Op};

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
