//! How many plain turns a store takes, and how many that consume a message and
//! send the next: turns per second and CPU per turn, at several sizes of group.
//!
//! `cargo run --release -p greenroom-journal --example append -- STORE [TURNS]`
//! where STORE is `memory:`, `sqlite:FILE`, `postgres://…`, or `postgres:` for a
//! private server.

use greenroom_journal::testing::{self, PrivatePostgres, Written};
use greenroom_journal::{Commit, Error, Journal, Lease, OpenOptions, Outgoing, Spawn, Turn, open};
use greenroom_model::{Content, Kind, MessageNo, Millis, Origin, Payload, ProcessId, Status};
use std::time::Duration;

const PROCESSES: usize = 10_000;
const BODY_BYTES: usize = 200;
const GROUPS: [usize; 4] = [50, 200, 500, 1_000];

/// What a turn does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Work {
    Plain,
    Message,
}

/// A process as a node would hold it.
struct Cell {
    mail: Vec<MessageNo>,
    written: Written,
}

fn main() -> Result<(), Error> {
    let mut args = std::env::args().skip(1);
    let store = args.next().unwrap_or_else(|| "sqlite:target/append/store.db".to_owned());
    let turns = args.next().and_then(|text| text.parse().ok()).unwrap_or(400_000);
    let private = (store == "postgres:").then(|| PrivatePostgres::start(true)).transpose();
    let private = private.map_err(|error| Error::Unavailable { why: error.to_string() })?;
    let store = private.as_ref().map_or(store, |private| private.url("append"));
    let journal = open(&store, &OpenOptions::default())?;
    let lease = journal.acquire("append", Millis(1))?;
    let mut cells = start(&*journal, &lease)?;
    println!("{}: {PROCESSES} processes, {BODY_BYTES} bytes a turn", journal.describe());
    for work in [Work::Plain, Work::Message] {
        for group in GROUPS {
            run(&*journal, &lease, &mut cells, group, turns, work)?;
        }
    }
    Ok(())
}

fn commit(lease: &Lease, at: u64) -> Commit {
    Commit::new(Millis(at), lease.epoch)
}

fn start(journal: &dyn Journal, lease: &Lease) -> Result<Vec<Cell>, Error> {
    let run = now().as_nanos();
    let mut cells = Vec::with_capacity(PROCESSES);
    let names: Vec<usize> = (0..PROCESSES).collect();
    for names in names.chunks(500) {
        let mut one = commit(lease, 1);
        for name in names {
            one.spawns.push(spawn(&format!("{run}-{name}"))?);
        }
        let outcomes = journal.commit(std::slice::from_ref(&one))?;
        let receipt = outcomes.into_iter().next().and_then(Result::ok).unwrap_or_default();
        for (spawn, spawned) in one.spawns.into_iter().zip(receipt.spawned) {
            let written = Written::new(spawned.no, &spawn);
            cells.push(Cell { mail: Vec::new(), written });
        }
    }
    Ok(cells)
}

fn spawn(key: &str) -> Result<Spawn, Error> {
    let id = ProcessId::new("bench", key)?;
    let body = r#"[{"Resumed":{"by":"runtime"}}]"#.to_owned();
    Ok(testing::spawn(id, Kind::new("bench", 1)?, Millis(1), body, 1))
}

fn run(
    journal: &dyn Journal,
    lease: &Lease,
    cells: &mut [Cell],
    group: usize,
    turns: usize,
    work: Work,
) -> Result<(), Error> {
    let reason = "x".repeat(BODY_BYTES - 60);
    let body = format!(
        r#"[{{"CancelRequested":{{"reason":"{reason}","by":"runtime"}}}},{{"TimerFired":{{"op":1}}}}]"#
    );
    let (started, cpu_before) = (now(), cpu());
    let (mut waits, mut next, mut made, mut done) = (Vec::new(), 0_usize, Duration::ZERO, 0);
    while done < turns {
        let begun = now();
        let mut commits = Vec::with_capacity(group);
        for _ in 0..group {
            next = (next + 7_919) % cells.len();
            let to = cells[(next + 1) % cells.len()].written.id.clone();
            let mut commit = turn(lease, &mut cells[next], &body);
            if work == Work::Message {
                commit.sends.push(message(&commit, to)?);
            }
            commits.push(commit);
        }
        made += now() - begun;
        let begun = now();
        let outcomes = journal.commit(&commits)?;
        waits.push(now() - begun);
        assert!(outcomes.iter().all(Result::is_ok), "nothing is stale here");
        for delivered in outcomes.into_iter().flatten().flat_map(|receipt| receipt.delivered) {
            let place = usize::try_from(delivered.to.0 - cells[0].written.no.0).unwrap_or_default();
            cells[place].mail.push(delivered.message.no);
        }
        done += group;
    }
    let wall = now() - started - made;
    // Making the commits is the node's work, not the store's.
    let cpu = (cpu() - cpu_before).saturating_sub(made);
    waits.sort_unstable();
    let at = |part: f64| waits[((waits.len() - 1) as f64 * part) as usize].as_secs_f64() * 1e3;
    println!(
        "{work:?} group {group:>5}: {:>8.0} turns/s, {:>5.2} µs CPU here a turn; \
         commit p50 {:.2} p99 {:.2} max {:.2} ms",
        done as f64 / wall.as_secs_f64(),
        cpu.as_secs_f64() * 1e6 / done as f64,
        at(0.5),
        at(0.99),
        at(1.0),
    );
    Ok(())
}

fn turn(lease: &Lease, cell: &mut Cell, body: &str) -> Commit {
    let turn = Turn {
        status: Status::Running,
        consumed: std::mem::take(&mut cell.mail),
        ..cell.written.turn(Millis(2), body.to_owned(), 2)
    };
    let commit = Commit { turn: Some(turn), ..commit(lease, 2) };
    cell.written.follow(&commit);
    commit
}

fn message(commit: &Commit, to: ProcessId) -> Result<Outgoing, Error> {
    let from = commit.turn.as_ref().map(|turn| turn.id.clone());
    let body = Payload::of("a message of some forty characters, say")?;
    let content = Content::User { topic: "bench".to_owned(), body, reply_to: None, carried: None };
    let from = from.map_or(Origin::Runtime, Origin::Process);
    Ok(Outgoing { root: to.to_string(), to, from, content, hops: 1 })
}

/// The time since some point.
#[expect(clippy::disallowed_methods, reason = "a benchmark measures real time")]
fn now() -> Duration {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default()
}

/// The CPU this process has used, to 10 ms.
fn cpu() -> Duration {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = text.rsplit(')').next().unwrap_or("").split_whitespace().collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    Duration::from_millis((ticks(11) + ticks(12)) * 10)
}
