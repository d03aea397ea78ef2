//! Traces: what one root caused, across processes, in order, page by page.

use crate::stage::{Cell, Stage, spawn};
use greenroom_journal::{TraceListing, TracePlace, TraceTurn, encode_events};
use greenroom_model::{Envelope, Event, Op, Origin, Payload};

fn taken(root: Option<&str>) -> Event {
    let envelope = Envelope { root: root.map(Into::into), ..Envelope::default() };
    Event::MessageReceived {
        op: Op(1),
        from: Origin::External("tester".into()),
        topic: "t".into(),
        body: Payload::null(),
        reply_to: None,
        envelope: root.map(|_| Box::new(envelope)),
    }
}

/// A turn of a process that does something for another root.
fn foreign(stage: &mut Stage, cell: &mut Cell, root: &str) {
    let timer = || Event::TimerFired { op: Op(1) };
    let events = [timer(), taken(Some(root)), timer()];
    let commit = stage.blank();
    let mut turn = cell.turn(commit.at, encode_events(&events).expect("encodes"), 3);
    // What comes before is done for another.
    turn.roots.push((root.into(), cell.seq.plus(2)));
    stage.go(cell, greenroom_journal::Commit { turn: Some(turn), ..commit });
}

fn page(stage: &Stage, root: &str, after: Option<TracePlace>, limit: usize) -> Vec<TraceTurn> {
    let listing = TraceListing { root: root.into(), after, limit };
    stage.journal().trace(&listing).expect("reads")
}

fn told(turns: &[TraceTurn]) -> Vec<(String, u64, usize)> {
    let tell = |turn: &TraceTurn| (turn.id.to_string(), turn.place.seq.0, turn.events.len());
    turns.iter().map(tell).collect()
}

pub fn across_processes_in_order(stage: &mut Stage) {
    let mut client = stage.start("client/1");
    let mut server = stage.start("server/1");
    let mut commit = stage.blank();
    let mut child = spawn("child/1", stage.now);
    child.root = "client/1".into();
    commit.spawns.push(child);
    stage.commit(commit).expect("passes");
    foreign(stage, &mut server, "client/1");
    let commit = stage.turn(&client);
    stage.go(&mut client, commit);
    let commit = stage.turn(&server);
    stage.go(&mut server, commit);
    let all = page(stage, "client/1", None, 100);
    let expected = [("client/1", 1, 1), ("child/1", 1, 1), ("server/1", 3, 2), ("client/1", 2, 1)];
    assert_eq!(told(&all), expected.map(|(id, seq, count)| (id.into(), seq, count)));
    // A message of another's, and what follows it, is not in its own.
    let own = told(&page(stage, "server/1", None, 100));
    let expected = [("server/1", 1, 1), ("server/1", 2, 1), ("server/1", 5, 1)];
    assert_eq!(own, expected.map(|(id, seq, count)| (id.into(), seq, count)));
    assert!(page(stage, "nobody/1", None, 100).is_empty());
    stage.reopen();
    assert_eq!(told(&page(stage, "client/1", None, 100)), told(&all));
}

pub fn page_by_page(stage: &mut Stage) {
    let (mut client, mut server) = (stage.start("client/1"), stage.start("server/1"));
    for _ in 0..5 {
        let commit = stage.turn(&client);
        stage.go(&mut client, commit);
        foreign(stage, &mut server, "client/1");
    }
    let all = told(&page(stage, "client/1", None, 100));
    assert_eq!(all.len(), 11);
    let mut paged = Vec::new();
    let mut last: Option<TracePlace> = None;
    loop {
        let part = page(stage, "client/1", last, 3);
        let Some(end) = part.iter().map(|turn| turn.place).max() else { break };
        paged.extend(told(&part));
        last = Some(end);
    }
    assert_eq!(paged, all);
}

/// Every page of a trace, put together.
fn in_pages(stage: &Stage, root: &str, limit: usize) -> Vec<(String, u64, usize)> {
    let (mut paged, mut last) = (Vec::new(), None);
    loop {
        let part = page(stage, root, last, limit);
        let Some(end) = part.iter().map(|turn| turn.place).max() else { return paged };
        assert!(part.len() <= limit);
        paged.extend(told(&part));
        last = Some(end);
    }
}

pub fn of_long_journals(stage: &mut Stage) {
    let (mut client, mut server) = (stage.start("client/1"), stage.start("server/1"));
    let mut expected: Vec<(String, u64, usize)> = vec![("client/1".into(), 1, 1)];
    // Once below what is read in parts, once above, and when it has grown.
    for turns in [100, 900, 400] {
        for turn in 0..turns {
            let commit = stage.turn(&client);
            stage.go(&mut client, commit);
            expected.push(("client/1".into(), client.seq.0, 1));
            if turn % 90 == 0 {
                foreign(stage, &mut server, "client/1");
                expected.push(("server/1".into(), server.seq.0 - 1, 2));
            }
        }
        assert_eq!(told(&page(stage, "client/1", None, 10_000)), expected);
        assert_eq!(in_pages(stage, "client/1", 70), expected);
        assert_eq!(in_pages(stage, "client/1", 1_000), expected);
    }
    stage.reopen();
    assert_eq!(in_pages(stage, "client/1", 300), expected);
    let own = told(&page(stage, "server/1", None, 10_000));
    assert_eq!(in_pages(stage, "server/1", 7), own);
}
