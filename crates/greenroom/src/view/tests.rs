//! Goldens: what people see. `UPDATE_GOLDENS=1` writes them anew.

use super::{Detail, Live, asks, facts, header, pressure, processes, queues, render, span, tree};
use crate::paint::Paint;
use greenroom_api::wire::{Ask, Process, Turn};
use greenroom_model::queue::QueueView;
use greenroom_model::{
    AskSpec, Event, Exit, Failure, Kind, Millis, Op, Origin, Payload, ProcessId, ProcessNo,
    Segment, Seq, Status,
};
use std::path::PathBuf;
use std::time::Duration;

const BEGIN: u64 = 1_795_254_600_000;

fn golden(name: &str, text: &str) {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::write(&path, text).expect("a golden can be written");
    }
    let wanted = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, wanted, "{} differs; UPDATE_GOLDENS=1 accepts it", path.display());
}

fn json(text: &str) -> Payload {
    Payload::parse(text).expect("valid")
}

fn ann() -> Origin {
    Origin::External("ann".into())
}

fn id(text: &str) -> ProcessId {
    text.parse().expect("valid")
}

fn segment(kind: &str, input: &str) -> Segment {
    Segment {
        kind: Kind::new(kind, 1).expect("valid"),
        input: json(input),
        seed: 7,
        first_op: Op(1),
        state: Default::default(),
        origin: ann(),
        root: "refund/1017".into(),
        supervised: None,
        supervises: false,
        pinned: false,
        standing: Default::default(),
        hops: 0,
        carried: None,
    }
}

fn step(op: u64, name: &str) -> Event {
    Event::StepStarted { op: Op(op), name: name.into(), at_most_once: false, queue: None }
}

fn done(op: u64, attempt: u32, result: &str) -> Event {
    Event::StepCompleted { op: Op(op), attempt, result: json(result) }
}

/// Numbers the turns' events.
fn turns(turns: Vec<(u64, Vec<Event>)>) -> Vec<Turn> {
    let mut seq = Seq(1);
    let mut numbered = Vec::new();
    for (after_ms, events) in turns {
        let count = events.len();
        numbered.push(Turn { seq, at: Millis(BEGIN + after_ms), events });
        seq = seq.plus(count);
    }
    numbered
}

fn approval() -> Event {
    let ask = AskSpec {
        name: "approval".into(),
        question: "Refund 1,500 to Ann?".into(),
        choices: vec!["approve".into(), "reject".into()],
        deadline: Some(Millis(BEGIN + 86_400_012)),
        default: None,
    };
    Event::AskOpened { op: Op(2), ask: Box::new(ask) }
}

fn refund() -> Vec<Turn> {
    let approved = Event::MessageReceived {
        op: Op(2),
        from: ann(),
        topic: "approval".into(),
        body: json("\"approve\""),
        reply_to: None,
        envelope: None,
    };
    let busy = Event::StepRetrying {
        op: Op(3),
        attempt: 1,
        failure: Failure::new("http_503", "the payment service is busy"),
        retry_at: Millis(BEGIN + 7_260_500),
    };
    turns(vec![
        (
            0,
            vec![
                Event::WorkflowStarted(segment("refund", r#"{"order":"1017"}"#).into()),
                step(1, "get_purchase"),
            ],
        ),
        (
            12,
            vec![
                done(1, 1, r#"{"amount":1500,"customer":"Ann"}"#),
                approval(),
                Event::TimerStarted { op: Op(2), fire_at: Millis(BEGIN + 86_400_012) },
            ],
        ),
        (7_260_012, vec![approved, step(3, "process_refund")]),
        (7_260_100, vec![busy]),
        (7_260_500, vec![Event::StepRetried { op: Op(3), attempt: 2 }]),
        (
            7_260_900,
            vec![
                done(3, 2, "\"receipt-88\""),
                Event::WorkflowCompleted { result: json("\"receipt-88\"") },
            ],
        ),
    ])
}

fn process(text: &str, status: Status) -> Process {
    let id = id(text);
    Process {
        queue: None,
        blocked_by: None,
        kind: id.kind().to_owned(),
        root: text.to_owned(),
        id,
        version: 1,
        status,
        detached: false,
        parent: None,
        events: Seq(12),
        wake_at: None,
        started_at: Millis(BEGIN),
        changed_at: Millis(BEGIN + 900),
        exit: None,
        no: ProcessNo(1),
    }
}

const PEOPLE: Detail = Detail { all: false, full: false, live: true };

fn history(turns: &[Turn], now_ms: u64, detail: Detail) -> String {
    let now = Millis(BEGIN + now_ms);
    let head = header(&process("refund/1017", Status::Completed), now, Paint::OFF);
    format!("{head}{}", render(&facts(turns, now, detail), Paint::OFF))
}

#[test]
fn a_refund_reads_as_it_went() {
    let names: Vec<_> = facts(&refund(), Millis(BEGIN), PEOPLE)
        .into_iter()
        .filter(|fact| fact.name != "StepRetrying")
        .map(|fact| format!("{} {}", fact.name, fact.subject).trim_end().to_owned())
        .collect();
    let wanted = [
        "WorkflowStarted refund@1",
        "StepCompleted get_purchase",
        "AskOpened approval",
        "TimerStarted approval",
        "MessageReceived approval",
        "StepCompleted process_refund",
        "WorkflowCompleted",
    ];
    assert_eq!(names, wanted);
    golden("history.txt", &history(&refund(), 7_300_000, PEOPLE));
}

#[test]
fn all_shows_every_event() {
    golden("history-all.txt", &history(&refund(), 7_300_000, Detail { all: true, ..PEOPLE }));
}

#[test]
fn an_open_step_says_what_is_known() {
    let open: Vec<Turn> = refund().into_iter().take(3).collect();
    golden("history-running.txt", &history(&open, 7_262_000, PEOPLE));
    golden("history-no-node.txt", &history(&open, 7_262_000, Detail { live: false, ..PEOPLE }));
}

#[test]
fn what_a_restart_took_back_is_not_shown() {
    let mut all = vec![
        (0, vec![Event::WorkflowStarted(segment("failer", "1").into()), step(1, "one")]),
        (5, vec![done(1, 1, "1"), step(2, "two")]),
    ];
    let failure = Failure::msg("no such file");
    let failed = Event::StepFailed { op: Op(2), attempt: 1, failure: failure.clone() };
    all.push((9, vec![failed, Event::WorkflowFailed { exit: Exit::Error(failure) }]));
    let restarted = Event::Restarted {
        keep: Seq(4),
        by: ann(),
        crashes: Vec::new(),
        poison: false,
        first_op: None,
        message_op: None,
        settled: Vec::new(),
    };
    all.push((60_000, vec![restarted]));
    all.push((60_010, vec![done(2, 1, "2"), Event::WorkflowCompleted { result: json("2") }]));
    let turns = turns(all);
    golden("history-restarted.txt", &history(&turns, 61_000, PEOPLE));
    let everything = Detail { all: true, ..PEOPLE };
    golden("history-restarted-all.txt", &history(&turns, 61_000, everything));
}

#[test]
fn the_live_view_tells_what_is_waited_for() {
    let mut live = Live::default();
    let mut text = String::new();
    for turn in refund() {
        for line in live.turn(&turn, Paint::OFF) {
            text.push_str(&format!("{line}\n"));
        }
        for wait in live.waits(Millis(turn.at.0 + 40)) {
            text.push_str(&format!("    … {wait}\n"));
        }
    }
    golden("live.txt", &text);
}

#[test]
fn lists_are_aligned() {
    let asking =
        Process { wake_at: Some(Millis(BEGIN + 90_000)), ..process("refund/1017", Status::Asking) };
    let failed = Process {
        exit: Some(Exit::Error(Failure::new("http_500", "boom"))),
        events: Seq(3),
        ..process("crawl/a-long-key-of-some-length", Status::Failed)
    };
    let ask = Ask {
        id: "refund/1017#2".into(),
        process: id("refund/1017"),
        op: Op(2),
        name: "approval".into(),
        question: "Refund 1,500\nto Ann?".into(),
        choices: vec!["approve".into(), "reject".into()],
        deadline: Some(Millis(BEGIN + 90_000)),
        default: None,
        opened_at: Millis(BEGIN + 12),
    };
    let now = Millis(BEGIN + 65_000);
    let list = processes(&[asking, failed], std::slice::from_ref(&ask), now, Paint::OFF);
    golden("ps.txt", &list);
    golden("asks.txt", &asks(&[ask], now, Paint::OFF));
}

#[test]
fn a_tree_shows_who_spawned_whom() {
    let child =
        |text, parent: &str| Process { parent: Some(id(parent)), ..process(text, Status::Running) };
    let all = [
        process("lead/1", Status::Joining),
        child("work/a", "lead/1"),
        child("work/a.1", "work/a"),
        child("work/b", "lead/1"),
        child("lost/x", "gone/1"),
    ];
    golden("tree.txt", &tree(&all, Millis(BEGIN + 5_000), Paint::OFF));
}

#[test]
fn a_queue_that_is_not_declared_says_so() {
    let door = QueueView::missing("door", 2, Some(90_000));
    let listed = queues(std::slice::from_ref(&door), Paint::OFF);
    let line = listed.lines().last().map(|line| line.split_whitespace().collect::<Vec<_>>());
    assert_eq!(line, Some(vec!["door", "2", "0", "not", "declared", "1m30s"]));
    let words = pressure(&door).expect("words");
    assert!(words.starts_with("door: no queue of this name is declared here, 2 steps wait"));
}

#[test]
fn spans_are_short() {
    let read = |ms| span(Duration::from_millis(ms));
    let spans =
        [0, 999, 3_450, 59_999, 90_000, 660_000, 3_600_000, 7_500_000, 90_000_000, 864_000_000];
    assert_eq!(
        spans.map(read),
        ["0ms", "999ms", "3.4s", "1m", "1m30s", "11m", "1h", "2h05m", "1d1h", "10d"]
    );
}
