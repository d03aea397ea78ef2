//! A fresh store with a node on it, and short ways to say what happens.

use greenroom_journal::{
    Commit, Journal, Lease, Loaded, Outcome, Outgoing, Receipt, Scope, Spawn, Turn, Watch, testing,
};
use greenroom_model::{
    Content, Event, Exit, Kind, Message, MessageNo, Millis, Op, Origin, Payload, ProcessId,
    ProcessNo, ReplyTo, Status,
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
pub type Cell = testing::Written;

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
        Commit::new(Millis(self.now), self.lease.epoch)
    }

    /// A turn with one event, after which the process waits for messages.
    pub fn turn(&mut self, cell: &Cell) -> Commit {
        let commit = self.blank();
        let body = body(&Event::TimerFired { op: Op(self.now) });
        let turn = cell.turn(commit.at, body, 1);
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
    Content::User { topic: topic.into(), body: text("hello"), reply_to: None, carried: None }
}

pub fn call(topic: &str, caller: &ProcessId, op: u64) -> Content {
    let reply_to = Some(ReplyTo { process: caller.clone(), op: Op(op) });
    Content::User { topic: topic.into(), body: text("hello"), reply_to, carried: None }
}

pub fn spawn(name: &str, at: u64) -> Spawn {
    let by = Origin::External("tester".into());
    let (id, body) = (id(name), body(&Event::Resumed { by }));
    let kind = Kind::new(id.kind(), 1).expect("valid");
    testing::spawn(id, kind, Millis(at), body, 1)
}

/// A child of `parent`'s operation, watched by it.
pub fn child(name: &str, parent: &Cell, op: u64, at: u64) -> Spawn {
    Spawn { parent: Some((parent.id.clone(), Op(op))), watched: true, ..spawn(name, at) }
}

/// The cell of a spawn, its number aside.
pub fn newborn(spawn: &Spawn) -> Cell {
    Cell::new(ProcessNo(0), spawn)
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
