//! A judge that lets nothing wrong pass.

use super::*;
use serde_json::json;

fn order() -> Order {
    Order { id: "S1-00001".to_owned(), euros: 20, approve: true }
}

fn counts(accepted: u64) -> Counts {
    let of = json!({ "accepted": accepted, "repeats": 0, "payment_id": "pay_1" });
    Counts(json!({ "accepted": accepted, "repeats": 0, "orders": { "S1-00001": of } }))
}

fn paid(op: u64, payment: &str) -> Value {
    json!({ "StepCompleted": { "op": op, "attempt": 1, "result": { "payment_id": payment } } })
}

fn history(events: &[Value]) -> Value {
    let row = |(index, event)| json!({ "seq": index + 1, "at": 0, "event": event });
    events.iter().enumerate().map(row).collect()
}

fn verdict(events: &[Value]) -> String {
    let judged = judge_history(&order(), &history(events), &counts(1), &mut Summary::default());
    judged.map_or_else(|error| error.to_string(), |()| "right".to_owned())
}

#[test]
fn a_whole_history_is_right() {
    let (start, end) = (json!({ "WorkflowStarted": {} }), json!({ "WorkflowCompleted": {} }));
    let unknown = json!({ "StepUnknown": { "op": 2, "attempt": 1 } });
    assert_eq!(verdict(&[start, unknown, paid(2, "pay_1"), end]), "right");
}

#[test]
fn what_is_wrong_is_named() {
    let (start, end) = (json!({ "WorkflowStarted": {} }), json!({ "WorkflowCompleted": {} }));
    let pay = paid(2, "pay_1");
    let asked = json!({ "MessageReceived": { "op": 1 } });
    let cases: [(&[Value], &str); 8] = [
        (&[pay.clone(), end.clone()], "it begins with"),
        (&[start.clone(), pay.clone()], "it ends with"),
        (&[start.clone(), start.clone(), pay.clone(), end.clone()], "starts 2 times"),
        (&[start.clone(), pay.clone(), end.clone(), end.clone()], "it ends 2 times"),
        (&[start.clone(), pay.clone(), pay.clone(), end.clone()], "a step has two results"),
        (&[start.clone(), pay.clone(), paid(3, "pay_1"), end.clone()], "2 steps of it paid"),
        (&[start.clone(), paid(2, "pay_9"), end.clone()], "it recorded"),
        (&[start, asked, pay, end], "answered 1 times"),
    ];
    for (events, words) in cases {
        let verdict = verdict(events);
        assert!(verdict.contains(words), "{verdict}, not {words}");
    }
}

#[test]
fn a_gap_is_seen() {
    let rows = json!([
        { "seq": 1, "at": 0, "event": { "WorkflowStarted": {} } },
        { "seq": 3, "at": 0, "event": paid(2, "pay_1") },
        { "seq": 4, "at": 0, "event": { "WorkflowCompleted": {} } },
    ]);
    let judged = judge_history(&order(), &rows, &counts(1), &mut Summary::default());
    assert!(judged.is_err_and(|error| error.to_string().starts_with("event 2 is")));
}

#[test]
fn money_that_moved_twice_or_not_is_seen() {
    let receipt = json!({ "refunded": true, "payment_id": "pay_1" });
    let process = json!({ "status": "completed", "exit": { "normal": receipt } });
    assert!(judge_result(&order(), &process, &counts(1)).is_ok());
    assert!(judge_result(&order(), &process, &counts(2)).is_err());
    assert!(judge_result(&order(), &process, &counts(0)).is_err());
    let rejected = Order { euros: 2_000, approve: false, ..order() };
    assert!(judge_result(&rejected, &process, &counts(0)).is_err());
    let running = json!({ "status": "running" });
    assert!(judge_result(&order(), &running, &counts(1)).is_err());
}
