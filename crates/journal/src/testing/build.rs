//! Commits, turns and processes in a few words, for tests and benchmarks: what
//! a field has to say in a test is set over what these give.

use crate::{Commit, FirstTurn, Request, Spawn, Turn};
use greenroom_model::{Epoch, Kind, Millis, ProcessId, ProcessNo, Seq, Shard, Status, Sum};

/// A process as whoever writes its journal knows it.
#[derive(Clone, Debug)]
pub struct Written {
    /// Its number.
    pub no: ProcessNo,
    /// Its name.
    pub id: ProcessId,
    /// How many events it has.
    pub seq: Seq,
    /// Its journal's sum.
    pub sum: Sum,
}

impl Written {
    /// The process a spawn starts, under the number it was given.
    pub fn new(no: ProcessNo, spawn: &Spawn) -> Written {
        let (mut seq, mut sum) = (Seq(0), Sum::default());
        for turn in &spawn.turns {
            sum = sum.then(seq.plus(1), turn.at, &turn.body);
            seq = seq.plus(turn.count);
        }
        Written { no, id: spawn.id.clone(), seq, sum }
    }

    /// Its next turn, with `count` events, after which it waits for messages.
    pub fn turn(&self, at: Millis, body: String, count: usize) -> Turn {
        Turn {
            process: self.no,
            id: self.id.clone(),
            shard: Shard::of(&self.id),
            expect_seq: self.seq,
            sum: self.sum.then(self.seq.plus(1), at, &body),
            body,
            count,
            status: Status::Receiving,
            wake_at: None,
            segment: Seq(1),
            kind: None,
            exit: None,
            consumed: Vec::new(),
            watches: Vec::new(),
            asks: Vec::new(),
            unset: Vec::new(),
            given_up: Vec::new(),
            to_children: Vec::new(),
            unwatched: Vec::new(),
            unlinks: Vec::new(),
            links: Vec::new(),
            leaves: false,
            roots: Vec::new(),
            state: Vec::new(),
        }
    }

    /// Goes on to where it stands after this commit's turn.
    pub fn follow(&mut self, commit: &Commit) {
        if let Some(turn) = &commit.turn {
            self.seq = self.seq.plus(turn.count);
            self.sum = turn.sum;
        }
    }
}

/// The start of a process with one turn of `count` events.
pub fn spawn(id: ProcessId, kind: Kind, at: Millis, body: String, count: usize) -> Spawn {
    Spawn { turns: vec![FirstTurn { at, body, count }], ..Spawn::begin(id, kind, at) }
}

/// A commit that starts a process whose journal is empty.
pub fn start(id: ProcessId, kind: Kind, epoch: Epoch) -> Commit {
    let at = Millis(1);
    let spawns = vec![spawn(id, kind, at, "[]".to_owned(), 0)];
    Commit { spawns, ..Commit::new(at, epoch) }
}

/// A request with this key that asks for `what`, kept until `until`.
pub fn request(key: &str, what: &str, until: Millis) -> Request {
    Request { key: key.to_owned(), asks: Sum::of_text(what), note: what.to_owned(), until }
}
