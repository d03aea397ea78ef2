//! State that queries may read.

use crate::stage::{Stage, With, text};
use greenroom_model::{Exit, ProcessNo};

pub fn keys_are_taken_away(stage: &mut Stage) {
    let (mut a, b) = (stage.start("a/1"), stage.start("a/2"));
    let commit = stage.turn(&a).with_turn(|turn| {
        turn.state = ["x", "y", "z"].map(|key| (key.to_owned(), text("1"))).to_vec();
    });
    stage.go(&mut a, commit);
    let commit = stage.turn(&b).with_turn(|turn| turn.state = vec![("x".into(), text("b"))]);
    stage.commit(commit).expect("passes");
    let commit = stage.turn(&a).with_turn(|turn| {
        turn.unset = vec!["x".into(), "y".into(), "never".into()];
        turn.state = vec![("y".into(), text("2"))];
    });
    stage.go(&mut a, commit);
    let show = |cell: &crate::stage::Cell| {
        let rows = stage.journal().state(cell.no).expect("reads");
        rows.iter().map(|row| format!("{}={}", row.key, row.value)).collect::<Vec<_>>()
    };
    assert_eq!(show(&a), ["y=\"2\"", "z=\"1\""], "set after it is taken away");
    assert_eq!(show(&b), ["x=\"b\""], "another's is left alone");
}

pub fn the_last_value_counts(stage: &mut Stage) {
    let mut a = stage.start("a/1");
    let sets: [&[(&str, &str)]; 3] =
        [&[("b", "1"), ("a", "1"), ("b", "2")], &[("a", "3"), ("Z", "9")], &[("ä", "x")]];
    for set in sets {
        let commit = stage.turn(&a).with_turn(|turn| {
            turn.state.extend(set.iter().map(|(key, value)| ((*key).to_owned(), text(value))));
        });
        stage.go(&mut a, commit);
    }
    let rows = stage.journal().state(a.no).expect("reads");
    let rows: Vec<_> = rows.iter().map(|row| (row.key.as_str(), row.value.to_string())).collect();
    let wanted = [("Z", "\"9\""), ("a", "\"3\""), ("b", "\"2\""), ("ä", "\"x\"")];
    assert_eq!(rows, wanted.map(|(key, value)| (key, value.to_owned())), "by key, in bytes");
    assert!(stage.journal().state(ProcessNo(99)).expect("reads").is_empty());
    stage.end(&mut a, Exit::Normal(text("x")));
    assert_eq!(stage.journal().state(a.no).expect("reads").len(), 4, "an end keeps it");
}
