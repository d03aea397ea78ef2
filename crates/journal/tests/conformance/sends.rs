//! Messages: delivered in order, consumed once, given up in the open.

use crate::stage::{Stage, With, call, id, is_no_process, outgoing, spawn, text, user};
use greenroom_journal::Undeliverable;
use greenroom_model::{Content, Exit, Failure, MessageNo, Millis, Op, Origin, Seq, Status};

pub fn a_message_stays_until_consumed(stage: &mut Stage) {
    let mut cell = stage.start("a/1");
    let sent = stage.send(&cell.id, user("x"));
    stage.send(&cell.id, user("y"));
    assert_eq!(sent.delivered[0].to, cell.no);
    let mail = stage.mail(&cell);
    assert_eq!(mail[0], sent.delivered[0].message);
    assert_eq!((mail[0].root.as_str(), mail[0].hops), ("root-of-it", 3));
    assert_eq!(mail[0].from, Origin::External("tester".into()));
    let commit = stage.turn(&cell).consuming(&[mail[0].no]);
    stage.go(&mut cell, commit);
    assert_eq!(stage.mail(&cell), mail[1..]);
    stage.reopen();
    assert_eq!(stage.mail(&cell), mail[1..]);
    let again = stage.send(&cell.id, user("z")).delivered[0].message.no;
    assert!(again > mail[1].no, "numbers are not given out twice");
    let commit = stage.turn(&cell).consuming(&[mail[1].no, again, MessageNo(999)]);
    stage.go(&mut cell, commit);
    assert!(stage.mail(&cell).is_empty());
}

pub fn order_is_kept(stage: &mut Stage) {
    let (mut a, b) = (stage.start("a/1"), stage.start("b/1"));
    let mut commit = stage.turn(&a);
    for topic in ["1", "2", "3"] {
        commit.sends.push(outgoing(&b.id, user(topic)));
    }
    stage.go(&mut a, commit);
    let mut group = Vec::new();
    for topic in ["4", "5"] {
        let commit = stage.turn(&a).sending(&b.id, user(topic));
        a.follow(&commit);
        group.push(commit);
        group.push(stage.blank().sending(&b.id, user(&format!("{topic}x"))));
    }
    stage.commit_all(&group).into_iter().for_each(|outcome| drop(outcome.expect("passes")));
    let topics: Vec<String> = stage
        .contents(&b)
        .into_iter()
        .map(|content| match content {
            Content::User { topic, .. } => topic,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(topics, ["1", "2", "3", "4", "4x", "5", "5x"]);
}

pub fn nobody_there(stage: &mut Stage) {
    let receipt = stage.send(&id("a/1"), user("x"));
    assert_eq!(receipt.undeliverable, [Undeliverable { send: 0, ended: None }]);
    assert!(receipt.delivered.is_empty());
    stage.send(&id("a/2"), user("y"));
    let dead = stage.journal().dead(10).expect("reads");
    assert_eq!(dead.len(), 2);
    assert_eq!((dead[0].to.as_str(), dead[1].to.as_str()), ("a/2", "a/1"), "newest first");
    assert_eq!((&dead[1].content, dead[1].root.as_str()), (&user("x"), "root-of-it"));
    assert_eq!(dead[0].at, Millis(stage.now));
    assert!(dead[0].reason.contains("there is no process a/2"), "{}", dead[0].reason);
    assert_eq!(stage.journal().dead(1).expect("reads").len(), 1);
}

pub fn a_call_to_nobody(stage: &mut Stage) {
    let mut caller = stage.start("a/1");
    let commit = stage.turn(&caller).sending(&id("b/1"), call("q", &caller.id, 7));
    let receipt = stage.go(&mut caller, commit);
    assert_eq!(receipt.undeliverable.len(), 1);
    assert_eq!(receipt.delivered[0].to, caller.no);
    assert!(is_no_process(&stage.contents(&caller)[0], 7));
    // A call on behalf of another, and of one who is not there.
    let commit = stage.blank().sending(&id("b/1"), call("q", &caller.id, 8));
    let commit = commit.sending(&id("b/1"), call("q", &id("x/1"), 9));
    let receipt = stage.commit(commit).expect("passes");
    assert_eq!((receipt.undeliverable.len(), receipt.delivered.len()), (2, 1));
}

pub fn ended_is_nobody(stage: &mut Stage) {
    let (mut caller, mut gone) = (stage.start("a/1"), stage.start("b/1"));
    stage.end(&mut gone, Exit::Error(Failure::msg("oops")));
    let commit = stage.turn(&caller).sending(&gone.id, call("q", &caller.id, 7));
    let receipt = stage.go(&mut caller, commit);
    assert_eq!(receipt.undeliverable, [Undeliverable { send: 0, ended: Some(Status::Failed) }]);
    assert!(is_no_process(&stage.contents(&caller)[0], 7));
    assert!(stage.journal().dead(1).expect("reads")[0].reason.contains("b/1 has ended"));
    assert!(stage.mail(&gone).is_empty());
}

pub fn control_leaves_no_dead_letter(stage: &mut Stage) {
    let mut gone = stage.start("b/1");
    stage.end(&mut gone, Exit::Normal(text("x")));
    for to in [&gone.id, &id("c/1")] {
        for content in [
            Content::cancel("r"),
            Content::kill("r"),
            Content::Pause,
            Content::Resume,
            Content::Answer { op: Op(1), value: text("yes") },
        ] {
            let receipt = stage.send(to, content);
            assert_eq!((receipt.undeliverable.len(), receipt.delivered.len()), (1, 0));
        }
    }
    assert!(stage.journal().dead(9).expect("reads").is_empty());
}

pub fn a_restart_reaches_the_ended(stage: &mut Stage) {
    let mut gone = stage.start("b/1");
    stage.end(&mut gone, Exit::Normal(text("x")));
    let receipt = stage.send(&gone.id, Content::Restart { keep: Some(Seq(1)), asked_at: None });
    assert_eq!((receipt.undeliverable.len(), receipt.delivered.len()), (0, 1));
    let runnable = stage.journal().runnable(greenroom_model::ProcessNo(0), 5).expect("reads");
    assert_eq!(runnable, [gone.no]);
    let receipt = stage.send(&id("x/1"), Content::Restart { keep: None, asked_at: Some(Seq(1)) });
    assert_eq!(receipt.undeliverable, [Undeliverable { send: 0, ended: None }]);
}

pub fn notices_are_dropped_quietly(stage: &mut Stage) {
    let mut gone = stage.start("b/1");
    stage.end(&mut gone, Exit::Normal(text("x")));
    for to in [&gone.id, &id("c/1")] {
        let receipt = stage.send(to, Content::Reply { op: Op(1), result: Ok(text("x")) });
        assert!(receipt.undeliverable.is_empty() && receipt.delivered.is_empty());
        let exited = Content::Exited { op: Op(1), id: id("d/1"), exit: Exit::NoProcess };
        let receipt = stage.send(to, exited);
        assert!(receipt.undeliverable.is_empty() && receipt.delivered.is_empty());
    }
    assert!(stage.journal().dead(9).expect("reads").is_empty());
}

pub fn outside_can_send(stage: &mut Stage) {
    let cell = stage.start("a/1");
    let commit = stage.blank().sending(&cell.id, user("x")).sending(&id("no/1"), user("y"));
    let receipt = stage.commit(commit.sending(&cell.id, user("z"))).expect("passes");
    assert_eq!(receipt.delivered.len(), 2);
    assert_eq!(receipt.undeliverable, [Undeliverable { send: 1, ended: None }]);
}

pub fn to_one_spawned_later_in_the_group(stage: &mut Stage) {
    let early = stage.blank().sending(&id("b/1"), user("early"));
    let birth = stage.blank().spawning(spawn("b/1", 1));
    let late = stage.blank().sending(&id("b/1"), user("late"));
    let outcomes = stage.commit_all(&[early, birth, late]);
    let receipts: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("passes")).collect();
    assert_eq!((receipts[0].delivered.len(), receipts[0].undeliverable.len()), (0, 1));
    assert_eq!((receipts[2].delivered.len(), receipts[2].undeliverable.len()), (1, 0));
}
