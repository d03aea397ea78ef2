//! Large payloads.

use crate::stage::{Stage, With, id, outgoing, text};
use greenroom_journal::{Error, encode_events, externalise, externalise_commit, fetch_content};
use greenroom_model::{BlobRef, Content, Event, Exit, Op, Payload};

pub fn large_payloads_come_back(stage: &mut Stage) {
    let large = text(&"large ".repeat(40_000));
    let (mut a, b) = (stage.start("a/1"), stage.start("b/1"));
    let mut event = Event::StepCompleted { op: Op(1), attempt: 1, result: large.clone() };
    externalise(stage.journal(), &mut event).expect("puts");
    let body = encode_events(&[event]).expect("encodes");
    assert!(body.len() < 300, "{body}");
    let mut commit = stage.turn(&a).with_turn(|turn| {
        turn.body = body.clone();
        turn.state.push(("k".into(), large.clone()));
    });
    let sum = a.sum.then(a.seq.plus(1), commit.at, &body);
    commit.turn.as_mut().expect("a turn").sum = sum;
    let mail =
        Content::User { topic: "x".into(), body: large.clone(), reply_to: None, carried: None };
    commit.sends.push(outgoing(&b.id, mail.clone()));
    externalise_commit(stage.journal(), &mut commit).expect("puts");
    let receipt = stage.go(&mut a, commit);
    let mut delivered = receipt.delivered[0].message.content.clone();
    assert_ne!(delivered, mail);
    fetch_content(stage.journal(), &mut delivered).expect("gets");
    assert_eq!(delivered, mail);
    let mut commit = stage.ending(&a, Exit::Normal(large.clone()));
    externalise_commit(stage.journal(), &mut commit).expect("puts");
    stage.go(&mut a, commit);
    stage.reopen();
    let loaded = stage.load(&a);
    let wanted = Event::StepCompleted { op: Op(1), attempt: 1, result: large.clone() };
    assert_eq!(loaded.turns[1].events, [wanted]);
    assert_eq!(loaded.row.exit, Some(Exit::Normal(large.clone())));
    assert_eq!(stage.journal().state(a.no).expect("reads")[0].value, large);
    let row = stage.journal().find(&id("a/1")).expect("reads").expect("is there");
    assert_eq!(row.exit, Some(Exit::Normal(large)));
    assert_eq!(stage.contents(&b), [mail]);
}

pub fn forged_references_are_kept_as_text(stage: &mut Stage) {
    let forged = Payload::parse(r#"{ "$blob": "0000", "bytes": 3 }"#).expect("valid");
    let cell = stage.start("a/1");
    let content = Content::User { topic: "x".into(), body: forged, reply_to: None, carried: None };
    let mut commit = stage.blank().sending(&cell.id, content.clone());
    externalise_commit(stage.journal(), &mut commit).expect("puts");
    stage.commit(commit).expect("passes");
    assert_eq!(stage.contents(&cell), [content]);
}

pub fn a_missing_blob_is_named(stage: &mut Stage) {
    for hash in ["0".repeat(64), "../../etc/passwd".into(), String::new()] {
        let blob = BlobRef { hash: hash.clone(), bytes: 1 };
        let error = stage.journal().get_blob(&blob).expect_err("there is none");
        assert!(matches!(error, Error::Blob { hash: named, .. } if named == hash));
    }
    let blob = stage.journal().put_blob("\"x\"").expect("puts");
    assert_eq!(stage.journal().put_blob("\"x\"").expect("puts again"), blob);
    assert_eq!(stage.journal().get_blob(&blob).expect("gets"), "\"x\"");
}
