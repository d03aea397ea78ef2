//! A fresh store with a node on it, and short ways to say what happens.

use greenroom_journal::{
    Commit, FirstTurn, Journal, Lease, Loaded, Outcome, Outgoing, Receipt, Scope, Spawn, Turn,
    Watch,
};
use greenroom_model::{
    Content, Event, Exit, Kind, Message, MessageNo, Millis, Op, Origin, Payload, ProcessId,
    ProcessNo, ReplyTo, Seq, Shard, Status, Sum,
};
use std::sync::Arc;

type Open = Box<dyn Fn() -> Arc<dyn Journal>>;

pub struct Stage {
    open: Open,
    journal: Option<Arc<dyn Journal>>,
    pub lease: Lease,
    pub now: u64,
}

/// A process as its node knows it.
#[derive(Clone)]
pub struct Cell {
    pub no: ProcessNo,
    pub id: ProcessId,
    pub seq: Seq,
    pub sum: Sum,
}

impl Stage {
    pub fn new(open: Open) -> Stage {
        let journal = open();
        let lease = journal.acquire("stage", Millis(1)).expect("acquires");
        Stage { open, journal: Some(journal), lease, now: 10 }
    }

    pub fn journal(&self) -> &dyn Journal {
        self.journal.as_deref().expect("is open")
    }

    /// The node dies and another begins.
    pub fn reopen(&mut self) {
        self.journal = None;
        let journal = (self.open)();
        self.lease = journal.acquire("stage again", Millis(self.now)).expect("acquires");
        self.journal = Some(journal);
    }

    pub fn blank(&mut self) -> Commit {
        self.now += 1;
        Commit {
            at: Millis(self.now),
            epoch: self.lease.epoch,
            turn: None,
            sends: Vec::new(),
            spawns: Vec::new(),
            request: None,
        }
    }

    /// A turn with one event, after which the process waits for messages.
    pub fn turn(&mut self, cell: &Cell) -> Commit {
        let commit = self.blank();
        let body = body(&Event::TimerFired { op: Op(self.now) });
        let sum = cell.sum.then(cell.seq.plus(1), commit.at, &body);
        let turn = Turn {
            process: cell.no,
            id: cell.id.clone(),
            shard: Shard::of(&cell.id),
            expect_seq: cell.seq,
            body,
            count: 1,
            sum,
            status: Status::Receiving,
            wake_at: None,
            segment: Seq(1),
            kind: None,
            exit: None,
            consumed: Vec::new(),
            watches: Vec::new(),
            asks: Vec::new(),
            state: Vec::new(),
            given_up: Vec::new(),
            to_children: None,
        };
        Commit { turn: Some(turn), ..commit }
    }

    /// A turn that ends the process.
    pub fn ending(&mut self, cell: &Cell, exit: Exit) -> Commit {
        self.turn(cell).with_turn(|turn| {
            turn.status = match exit {
                Exit::Normal(_) => Status::Completed,
                Exit::Cancelled(_) | Exit::Killed(_) => Status::Cancelled,
                _ => Status::Failed,
            };
            turn.exit = Some(exit);
        })
    }

    pub fn commit(&self, commit: Commit) -> Outcome {
        self.commit_all(&[commit]).pop().expect("one outcome")
    }

    pub fn commit_all(&self, group: &[Commit]) -> Vec<Outcome> {
        let outcomes = self.journal().commit(group).expect("commits");
        assert_eq!(outcomes.len(), group.len());
        outcomes
    }

    /// Commits a turn that must pass, and moves the cell on.
    pub fn go(&self, cell: &mut Cell, commit: Commit) -> Receipt {
        cell.follow(&commit);
        self.commit(commit).expect("passes")
    }

    pub fn end(&mut self, cell: &mut Cell, exit: Exit) -> Receipt {
        let commit = self.ending(cell, exit);
        self.go(cell, commit)
    }

    /// Starts a process from outside.
    pub fn start(&mut self, id: &str) -> Cell {
        let mut commit = self.blank();
        commit.spawns.push(spawn(id, self.now));
        let cell = newborn(&commit.spawns[0]);
        let receipt = self.commit(commit).expect("passes");
        assert!(receipt.spawned[0].created);
        Cell { no: receipt.spawned[0].no, ..cell }
    }

    pub fn load(&self, cell: &Cell) -> Loaded {
        self.journal().load(cell.no, Scope::Whole).expect("loads").expect("is there")
    }

    pub fn mail(&self, cell: &Cell) -> Vec<Message> {
        self.load(cell).mailbox
    }

    pub fn contents(&self, cell: &Cell) -> Vec<Content> {
        self.mail(cell).into_iter().map(|message| message.content).collect()
    }

    pub fn send(&mut self, to: &ProcessId, content: Content) -> Receipt {
        let mut commit = self.blank();
        commit.sends.push(outgoing(to, content));
        self.commit(commit).expect("passes")
    }

    pub fn watch(&mut self, watcher: &mut Cell, op: u64, target: &ProcessId) -> Receipt {
        let commit = self.turn(watcher).with_turn(|turn| {
            turn.watches.push(Watch { op: Op(op), target: target.clone() });
        });
        self.go(watcher, commit)
    }
}

impl Cell {
    /// Where it stands after this commit.
    pub fn follow(&mut self, commit: &Commit) {
        let turn = commit.turn.as_ref().expect("a turn");
        self.seq = self.seq.plus(turn.count);
        self.sum = turn.sum;
    }
}

pub trait With {
    fn with_turn(self, change: impl FnOnce(&mut Turn)) -> Self;
    fn consuming(self, messages: &[MessageNo]) -> Self;
    fn sending(self, to: &ProcessId, content: Content) -> Self;
    fn spawning(self, spawn: Spawn) -> Self;
}

impl With for Commit {
    fn with_turn(mut self, change: impl FnOnce(&mut Turn)) -> Commit {
        change(self.turn.as_mut().expect("a turn"));
        self
    }

    fn consuming(self, messages: &[MessageNo]) -> Commit {
        self.with_turn(|turn| turn.consumed.extend(messages))
    }

    fn sending(mut self, to: &ProcessId, content: Content) -> Commit {
        self.sends.push(outgoing(to, content));
        self
    }

    fn spawning(mut self, spawn: Spawn) -> Commit {
        self.spawns.push(spawn);
        self
    }
}

pub fn id(text: &str) -> ProcessId {
    ProcessId::parse(text).expect("a valid id")
}

pub fn body(event: &Event) -> String {
    greenroom_journal::encode_events(std::slice::from_ref(event)).expect("encodes")
}

pub fn text(value: &str) -> Payload {
    Payload::of(value).expect("a payload")
}

pub fn outgoing(to: &ProcessId, content: Content) -> Outgoing {
    let from = Origin::External("tester".into());
    Outgoing { to: to.clone(), from, content, root: "root-of-it".into(), hops: 3 }
}

pub fn user(topic: &str) -> Content {
    Content::User { topic: topic.into(), body: text("hello"), reply_to: None }
}

pub fn call(topic: &str, caller: &ProcessId, op: u64) -> Content {
    let reply_to = Some(ReplyTo { process: caller.clone(), op: Op(op) });
    Content::User { topic: topic.into(), body: text("hello"), reply_to }
}

pub fn spawn(name: &str, at: u64) -> Spawn {
    let by = Origin::External("tester".into());
    Spawn {
        id: id(name),
        kind: Kind::new(id(name).kind(), 1).expect("valid"),
        parent: None,
        watched: false,
        revive: None,
        root: name.into(),
        hops: 0,
        turns: vec![FirstTurn { at: Millis(at), body: body(&Event::Resumed { by }), count: 1 }],
        status: Status::Running,
        wake_at: None,
        segment: Seq(1),
        exit: None,
        state: Vec::new(),
        asks: Vec::new(),
        watches: Vec::new(),
    }
}

/// A child of `parent`'s operation, watched by it.
pub fn child(name: &str, parent: &Cell, op: u64, at: u64) -> Spawn {
    Spawn { parent: Some((parent.id.clone(), Op(op))), watched: true, ..spawn(name, at) }
}

/// The cell of a spawn, its number aside.
pub fn newborn(spawn: &Spawn) -> Cell {
    let (mut seq, mut sum) = (Seq(0), Sum::default());
    for turn in &spawn.turns {
        sum = sum.then(seq.plus(1), turn.at, &turn.body);
        seq = seq.plus(turn.count);
    }
    Cell { no: ProcessNo(0), id: spawn.id.clone(), seq, sum }
}

/// The exit heard by an operation, in a message.
pub fn heard(content: &Content) -> (u64, &str, &Exit) {
    match content {
        Content::Exited { op, id, exit } => (op.0, id.as_str(), exit),
        other => panic!("not an exit: {other:?}"),
    }
}

/// Whether this is the answer `no_process` to an operation.
pub fn is_no_process(content: &Content, wanted: u64) -> bool {
    matches!(content, Content::Reply { op, result: Err(failure) }
        if op.0 == wanted && failure.is("no_process") && !failure.retryable)
}
