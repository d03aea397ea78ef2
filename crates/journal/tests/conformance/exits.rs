//! The end of a process, and its return.

use crate::stage::{Stage, With, call, child, heard, is_no_process, newborn, text, user};
use greenroom_model::{Content, Exit, Failure, Status};

pub fn mail_left_over_is_dead(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    let taken = stage.send(&cell.id, user("taken")).delivered[0].message.no;
    stage.send(&cell.id, user("left"));
    stage.send(&cell.id, Content::Pause);
    let commit = stage.ending(&cell, Exit::Normal(text("x"))).consuming(&[taken]);
    stage.go(&mut cell, commit);
    let loaded = stage.load(&cell);
    assert!(loaded.mailbox.is_empty());
    assert_eq!(
        (loaded.row.status, loaded.row.exit),
        (Status::Completed, Some(Exit::Normal(text("x"))))
    );
    let dead = stage.journal().dead(9).expect("reads");
    assert_eq!(dead.len(), 1);
    assert_eq!((&dead[0].content, &dead[0].to), (&user("left"), &cell.id));
    assert!(dead[0].reason.contains("the process ended"), "{}", dead[0].reason);
    assert!(stage.journal().runnable(greenroom_model::ProcessNo(0), 9).expect("reads").is_empty());
}

pub fn calls_left_over_are_answered(stage: &mut Stage) {
    let (mut caller, mut cell) = (stage.start("a/1"), stage.start("b/1"));
    let commit = stage.turn(&caller).sending(&cell.id, call("q", &caller.id, 5));
    assert_eq!(stage.go(&mut caller, commit).delivered.len(), 1);
    let receipt = stage.end(&mut cell, Exit::Error(Failure::msg("oops")));
    assert_eq!(receipt.delivered[0].to, caller.no);
    assert!(is_no_process(&stage.contents(&caller)[0], 5));
}

pub fn a_restart_clears_the_exit(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    stage.end(&mut cell, Exit::Error(Failure::msg("oops")));
    let row = stage.journal().find(&cell.id).expect("reads").expect("is there");
    assert_eq!(row.exit, Some(Exit::Error(Failure::msg("oops"))));
    let commit = stage.turn(&cell);
    stage.go(&mut cell, commit);
    let row = stage.journal().find(&cell.id).expect("reads").expect("is there");
    assert_eq!((row.exit, row.status), (None, Status::Receiving));
    assert_eq!(stage.send(&cell.id, user("x")).delivered.len(), 1);
    // And it can end again, otherwise.
    stage.end(&mut cell, Exit::Normal(text("well")));
    assert_eq!(stage.load(&cell).row.exit, Some(Exit::Normal(text("well"))));
}

pub fn in_group_order(stage: &mut Stage) {
    let (mut a, mut b) = (stage.start("a/1"), stage.start("b/1"));
    stage.watch(&mut a, 2, &b.id);
    let before = stage.blank().sending(&b.id, user("before"));
    let end = stage.ending(&b, Exit::Normal(text("x")));
    let after = stage.turn(&a).sending(&b.id, call("after", &a.id, 6));
    let back = {
        b.follow(&end);
        stage.turn(&b)
    };
    let again = stage.blank().sending(&b.id, user("again"));
    let group = [before, end, after, back, again];
    let receipts: Vec<_> =
        stage.commit_all(&group).into_iter().map(|outcome| outcome.expect("passes")).collect();
    assert_eq!(receipts[0].delivered.len(), 1);
    assert_eq!(heard(&receipts[1].delivered[0].message.content).0, 2);
    assert_eq!(receipts[2].undeliverable.len(), 1);
    assert!(is_no_process(&receipts[2].delivered[0].message.content, 6));
    assert_eq!(receipts[4].delivered.len(), 1);
    assert_eq!(stage.journal().dead(9).expect("reads").len(), 2);
    assert_eq!((stage.mail(&a).len(), stage.mail(&b).len()), (2, 1));
}

pub fn a_whole_tree_ends_in_one_group(stage: &mut Stage) {
    let mut top = stage.start("a/1");
    let commit = stage.turn(&top).spawning(child("b/1", &top, 1, 1));
    let mut middle = newborn(&commit.spawns[0]);
    middle.no = stage.go(&mut top, commit).spawned[0].no;
    let birth = stage.turn(&middle).spawning(child("c/1", &middle, 1, 1));
    let mut low = newborn(&birth.spawns[0]);
    middle.follow(&birth);
    low.no = stage.commit(birth).expect("passes").spawned[0].no;
    let group = [
        stage.ending(&low, Exit::Normal(text("low"))),
        stage.ending(&middle, Exit::Normal(text("middle"))),
        stage.ending(&top, Exit::Normal(text("top"))),
    ];
    let receipts: Vec<_> =
        stage.commit_all(&group).into_iter().map(|outcome| outcome.expect("passes")).collect();
    let told: Vec<_> = receipts.iter().map(|receipt| receipt.delivered.len()).collect();
    assert_eq!(told, [1, 1, 0], "each tells its parent, which then drops it at its own end");
    for cell in [&top, &middle, &low] {
        assert!(stage.mail(cell).is_empty());
    }
    assert!(stage.journal().dead(1).expect("reads").is_empty());
    assert!(stage.journal().verify(&mut |_| ()).expect("reads").is_empty());
}

pub fn its_own_mail(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    let to = cell.id.clone();
    let commit = stage.ending(&cell, Exit::Normal(text("x"))).sending(&to, user("to myself"));
    let receipt = stage.go(&mut cell, commit);
    assert_eq!((receipt.delivered.len(), receipt.undeliverable.len()), (0, 1));
    assert!(stage.mail(&cell).is_empty());
}
