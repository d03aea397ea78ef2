//! Makes a store of a few hundred turns, and reads all of it as text.

use greenroom_journal::testing::{self, Written};
use greenroom_journal::{
    AskChange, Commit, Error, Journal, Lease, Listing, Outgoing, Scope, Spawn, Turn, encode_events,
};
use greenroom_model::{
    AskSpec, Content, Event, Exit, Kind, Millis, Op, Origin, Payload, ProcessId, ProcessNo, Seq,
    Status, Sum,
};
use std::collections::{BTreeMap, BTreeSet};

const PROCESSES: u64 = 20;
/// Turns of each process, and the time of the last ones.
pub const ROUNDS: u64 = 12;

/// A process as text.
#[derive(Debug, PartialEq, Eq)]
struct History {
    turns: Vec<String>,
    row: String,
    /// Its messages, state and questions: rows of their own, whose loss only
    /// `verify` can tell.
    beside: BTreeSet<String>,
}

/// All processes by name.
#[derive(Debug, PartialEq, Eq)]
pub struct Histories(BTreeMap<String, History>);

impl Histories {
    /// Whether every process is as it is in `whole`, some maybe missing.
    pub fn is_part_of(&self, whole: &Histories) -> bool {
        self.0.iter().all(|(id, found)| {
            whole.0.get(id).is_some_and(|right| {
                found.turns == right.turns
                    && found.row == right.row
                    && found.beside.is_subset(&right.beside)
            })
        })
    }

    /// Whether every process is as it was at some time before `whole`.
    pub fn is_prefix_of(&self, whole: &Histories) -> bool {
        self.0.iter().all(|(id, found)| {
            whole.0.get(id).is_some_and(|right| right.turns.starts_with(&found.turns))
        })
    }

    /// The processes that differ, for people.
    pub fn difference(&self, whole: &Histories) -> String {
        let ids = whole.0.keys().filter(|id| self.0.get(*id) != whole.0.get(*id));
        let shown = ids.map(|id| format!("{:#?}\nbut was\n{:#?}", self.0.get(id), whole.0.get(id)));
        shown.collect::<Vec<_>>().join("\n")
    }
}

/// Reads everything.
pub fn read(journal: &dyn Journal) -> Result<Histories, Error> {
    let mut histories = BTreeMap::new();
    for row in journal.list(&Listing { limit: 1_000, ..Listing::default() })? {
        let Some(loaded) = journal.load(row.no, Scope::Whole)? else {
            continue;
        };
        let asks = journal.asks(None)?.into_iter().filter(|ask| ask.process == row.id);
        let mut beside: BTreeSet<String> = asks.map(|ask| format!("{ask:?}")).collect();
        beside.extend(loaded.mailbox.iter().map(|message| format!("{message:?}")));
        beside.extend(journal.state(row.no)?.iter().map(|entry| format!("{entry:?}")));
        let turns = loaded.turns.iter().map(|turn| format!("{turn:?}")).collect();
        let history = History { turns, row: format!("{:?}", loaded.row), beside };
        // A damaged index may miss it, which `verify` tells; it must not lead
        // to another.
        let found = journal.find(&row.id)?;
        assert!(found.is_none_or(|found| found.no == row.no && found.id == row.id));
        histories.insert(row.id.to_string(), history);
    }
    journal.due((Millis(0), ProcessNo(0)), 1_000)?;
    Ok(Histories(histories))
}

/// Writes it all.
pub fn fill(journal: &dyn Journal) {
    let lease = journal.acquire("test", Millis(1)).expect("acquires");
    let mut sums = BTreeMap::new();
    for key in 0..PROCESSES {
        let spawn = spawn(key);
        sums.insert(key, Sum::default().then(Seq(1), Millis(1), &spawn.turns[0].body));
        let commit = Commit { spawns: vec![spawn], ..blank(&lease, 1) };
        journal.commit(&[commit]).expect("commits").remove(0).expect("passes");
    }
    for round in 1..=ROUNDS {
        for key in 0..PROCESSES {
            let sum = sums.get_mut(&key).expect("is there");
            let commit = turn(&lease, key, round, sum);
            journal.commit(&[commit]).expect("commits").remove(0).expect("passes");
        }
    }
}

/// A message from outside.
pub fn letter(lease: &Lease, to: &ProcessId) -> Commit {
    let body = Payload::of(&"late").expect("a payload");
    let content = Content::User { topic: "late".into(), body, reply_to: None, carried: None };
    let from = Origin::External("test".into());
    let send = Outgoing { to: to.clone(), from, content, root: "late".into(), hops: 0 };
    Commit { sends: vec![send], ..blank(lease, 10_000) }
}

pub fn name(key: u64) -> ProcessId {
    ProcessId::new("damage", &format!("key-{key}")).expect("valid")
}

fn blank(lease: &Lease, at: u64) -> Commit {
    Commit::new(Millis(at), lease.epoch)
}

fn spawn(key: u64) -> Spawn {
    let body = encode_events(&[Event::TimerFired { op: Op(key) }]).expect("encodes");
    let kind = Kind::new("damage", 1).expect("valid");
    Spawn { root: format!("root-{key}"), ..testing::spawn(name(key), kind, Millis(1), body, 1) }
}

fn turn(lease: &Lease, key: u64, round: u64, sum: &mut Sum) -> Commit {
    let result = Payload::of(&format!("result {key} {round}")).expect("a payload");
    let event = Event::StepCompleted { op: Op(round), attempt: 1, result: result.clone() };
    let body = encode_events(&[event]).expect("encodes");
    let ends = round == ROUNDS && key.is_multiple_of(5);
    let no = ProcessNo(key as i64 + 1);
    let written = Written { no, id: name(key), seq: Seq(round), sum: *sum };
    let mut turn = Turn {
        status: if ends { Status::Completed } else { Status::Sleeping },
        wake_at: Some(Millis(1_000 + key)).filter(|_| key.is_multiple_of(3)),
        exit: ends.then(|| Exit::Normal(result.clone())),
        ..written.turn(Millis(round), body, 1)
    };
    *sum = turn.sum;
    if round == 3 {
        let spec = AskSpec {
            name: "approval".into(),
            question: format!("may {key} go on?"),
            choices: Vec::new(),
            deadline: None,
            default: None,
        };
        turn.asks.push(AskChange::Open { op: Op(round), spec });
        turn.state.push((format!("state-{key}"), result.clone()));
    }
    let mut commit = Commit { turn: Some(turn), ..blank(lease, round) };
    if round.is_multiple_of(4) {
        let topic = format!("t{round}");
        let content = Content::User { topic, body: result, reply_to: None, carried: None };
        commit.sends.push(Outgoing {
            to: name((key + 1) % PROCESSES),
            from: Origin::Process(name(key)),
            content,
            root: format!("root-{key}"),
            hops: 1,
        });
    }
    commit
}
