//! The whole example over real processes: a node, a payment service, and what
//! can happen to both.

// As tests, so that what is let pass in tests is let pass there.
#[cfg(test)]
mod scene;

use scene::{Scene, end, until};
use serde_json::json;

#[test]
fn a_small_order_is_refunded_at_once_and_once() {
    let scene = Scene::new();
    scene.start("A-1003");
    let receipt = scene.result("A-1003");
    assert_eq!(receipt["refunded"], json!(true));
    assert_eq!(
        (&receipt["order"], &receipt["amount"], &receipt["approved_by"]),
        (&json!("A-1003"), &json!("249.00"), &json!("rule"))
    );
    assert_eq!(receipt["payment_id"], json!("pay_000001"));
    assert_eq!(scene.refunds("A-1003"), (1, 0));
    // The id is the order: a second start is no second refund.
    let again = scene.say(&["run", "refund/A-1003", "--detach"]);
    assert!(again.code != 0 && again.err.contains("exists already"), "{}", again.err);
    assert_eq!(scene.refunds("A-1003"), (1, 0));
}

#[test]
fn the_history_reads_like_the_story() {
    let scene = Scene::new();
    scene.start("A-1017");
    let ask = scene.asked("A-1017");
    assert_eq!(ask["choices"], json!(["approve", "reject"]));
    let question = ask["question"].as_str().expect("text");
    assert!(question.starts_with("Refund 1,250.00 EUR to Łukasz Nowak for Laptop"), "{question}");
    let state = scene.ask(&["state", "refund/A-1017"]);
    assert!(state.to_string().contains("waiting for approval"), "{state}");

    scene.answer("A-1017", "approve");
    let receipt = scene.result("A-1017");
    assert_eq!(receipt["refunded"], json!(true));
    // Who answered, as the socket's credentials tell.
    assert!(receipt["approved_by"].as_str().is_some_and(|who| who != "rule"), "{receipt}");
    let told = [
        "WorkflowStarted",
        "StepCompleted get_purchase",
        "AskOpened approval",
        "TimerStarted",
        "MessageReceived approval",
        "StepCompleted process_refund",
        "WorkflowCompleted",
    ];
    let mut history = scene.history("A-1017");
    history.retain(|event| told.contains(&event.as_str()));
    assert_eq!(history, told);
    assert_eq!(scene.refunds("A-1017"), (1, 0));
}

#[test]
fn a_rejected_refund_moves_nothing() {
    let scene = Scene::new();
    scene.start("A-1017");
    scene.asked("A-1017");
    let wrong = scene.say(&["answer", "refund/A-1017", "maybe"]);
    assert!(wrong.code != 0 && wrong.err.contains("approve"), "{}", wrong.err);
    scene.answer("A-1017", "reject");
    let receipt = scene.result("A-1017");
    assert_eq!(receipt["refunded"], json!(false));
    assert_eq!(receipt["reason"], json!("a person rejected it"));
    assert_eq!(scene.refunds("A-1017"), (0, 0));
}

#[test]
fn silence_is_a_no_and_1000_is_not_above_1000() {
    let scene = Scene::with(&[("REFUND_DEADLINE_MS", "300")]);
    scene.start("A-1018");
    scene.start("A-1019");
    assert_eq!(scene.result("A-1018")["refunded"], json!(true));
    let receipt = scene.result("A-1019");
    assert_eq!(receipt["refunded"], json!(false));
    assert_eq!(receipt["reason"], json!("nobody approved it in time"));
    assert_eq!((scene.refunds("A-1018"), scene.refunds("A-1019")), ((1, 0), (0, 0)));
}

#[test]
fn a_kill_in_the_middle_of_an_approval_loses_nothing() {
    let mut scene = Scene::new();
    scene.start("A-1017");
    scene.start("A-1021");
    scene.asked("A-1017");
    scene.asked("A-1021");
    scene.kill_node();
    // Looking needs no node.
    assert!(scene.ask(&["ps"]).to_string().contains("asking"));
    // The next node gives less time, but not to refunds that run already.
    scene.set("REFUND_DEADLINE_MS", "1");
    scene.up();
    scene.answer("A-1017", "approve");
    assert_eq!(scene.result("A-1017")["refunded"], json!(true));
    scene.kill_node();
    scene.up();
    scene.answer("A-1021", "approve");
    assert_eq!(scene.result("A-1021")["amount"], json!("5000.00"));
    assert_eq!((scene.refunds("A-1017"), scene.refunds("A-1021")), ((1, 0), (1, 0)));
}

#[test]
fn a_payment_service_that_fails_is_asked_again() {
    let scene = Scene::new();
    scene.ask(&["payments", "behave", "fail", "3"]);
    scene.start("A-1003");
    assert_eq!(scene.result("A-1003")["refunded"], json!(true));
    let history = scene.history("A-1003");
    let retries = history.iter().filter(|event| *event == "StepRetrying process_refund").count();
    assert_eq!(retries, 3, "{history:?}");
    assert_eq!(scene.refunds("A-1003"), (1, 0));
}

#[test]
fn a_refund_whose_answer_is_lost_is_made_once() {
    let scene = Scene::with(&[("REFUND_TIMEOUT_MS", "400")]);
    scene.ask(&["payments", "behave", "stall"]);
    scene.start("A-1003");
    assert_eq!(scene.result("A-1003")["refunded"], json!(true));
    assert_eq!(scene.refunds("A-1003"), (1, 1));
}

#[test]
fn a_payment_service_that_dies_has_made_the_refund_once() {
    let mut scene = Scene::new();
    scene.ask(&["payments", "behave", "die"]);
    scene.start("A-1003");
    scene.payments_died();
    scene.start_payments();
    assert_eq!(scene.result("A-1003")["refunded"], json!(true));
    assert_eq!(scene.refunds("A-1003"), (1, 1));
}

#[test]
fn a_node_killed_while_it_pays_pays_once() {
    let mut scene = Scene::new();
    scene.ask(&["payments", "behave", "stall"]);
    scene.start("A-1003");
    until("the refund is made", || scene.refunds("A-1003").0 == 1);
    scene.kill_node();
    scene.up();
    assert_eq!(scene.result("A-1003")["refunded"], json!(true));
    assert_eq!(scene.refunds("A-1003"), (1, 1));
    let history = scene.history("A-1003");
    assert!(history.iter().any(|event| event == "StepUnknown process_refund"), "{history:?}");
}

#[test]
fn what_cannot_be_refunded_says_why() {
    let scene = Scene::new();
    let unknown = scene.say(&["run", "refund/A-9999", "--json"]);
    assert_eq!(unknown.code, 1, "{}", unknown.err);
    let failure = &unknown.json()["exit"]["error"];
    assert_eq!(failure["kind"], json!("unknown_order"), "{failure}");
    assert!(failure["message"].as_str().is_some_and(|text| text.contains("among the 360")));
    // It was tried once: no retry finds it.
    let history = scene.history("A-9999");
    assert!(!history.iter().any(|event| event.starts_with("StepRetrying")), "{history:?}");

    let refunded = scene.say(&["run", "refund/A-1040"]);
    assert!(refunded.code == 0 && refunded.out.contains("nothing to refund"), "{}", refunded.out);
    let other = scene.say(&["run", "refund/A-1003", "--input", r#"{"order":"A-1004"}"#]);
    assert!(other.code == 1 && other.err.contains("start order A-1004 as refund/A-1004"));
    scene.ask(&["payments", "behave", "decline"]);
    let declined = scene.say(&["run", "refund/A-1004"]);
    assert!(declined.code == 1 && declined.err.contains("declined"), "{}", declined.err);
    assert_eq!(scene.refunds("A-1004"), (0, 0));
}

#[test]
fn an_unclear_order_is_a_persons_business_however_small() {
    let scene = Scene::new();
    scene.start("A-1050");
    let ask = scene.asked("A-1050");
    assert!(ask["question"].as_str().is_some_and(|text| text.contains("`lost?`")), "{ask}");
    scene.answer("A-1050", "approve");
    assert_eq!(scene.result("A-1050")["refunded"], json!(true));
}

#[test]
fn orders_come_from_a_file_of_ones_own() {
    let scene = Scene::empty();
    let csv = "order_id,customer,item,amount,currency,bought_at,status,note\n\
               7,\"Doe, Jane\",Hat,12.5,EUR,2026-01-01,paid,own columns are fine\n";
    std::fs::write(scene.path().join("mine.csv"), csv).expect("written");
    let said = scene.say(&["run", "refund/7", "--orders", "mine.csv"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert_eq!(said.json()["amount"], json!("12.50"));
    assert_eq!(scene.refunds("7"), (1, 0));
}

#[test]
fn two_nodes_that_come_at_once_start_one_payment_service() {
    let scene = Scene::empty();
    let nodes = ["one", "two"].map(|name| scene.spawn(name, &["up"]));
    until("the payment service answers", || scene.say(&["payments", "show"]).code == 0);
    // A store has one node; whichever it is serves.
    until("a node answers", || scene.is_up());
    scene.start("A-1003");
    assert_eq!(scene.result("A-1003")["refunded"], json!(true));
    for node in nodes {
        end(Some(node));
    }
    let printed = std::fs::read_to_string(scene.path().join("payments.out")).expect("its output");
    assert_eq!(printed.matches("payments: http").count(), 1, "{printed}");
    let stopped = scene.say(&["payments", "stop"]);
    assert!(stopped.out.contains("stopped process"), "{}", stopped.out);
    assert!(scene.say(&["payments", "show"]).code != 0);
}
