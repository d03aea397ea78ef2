//! Compaction through borders: seen in the state, taken back by a message.

use crate::house::{House, Scripted, call, result, text};
use greenroom_agent::conversation::Message;
use greenroom_agent::provider::{Request, failure};
use greenroom_agent::tool::Tool;
use greenroom_agent::{Agent, PIN, UNDO_COMPACTION};
use greenroom_runtime::Step;
use greenroom_runtime::model::Failure;
use serde_json::json;

fn is_summary(request: &Request) -> bool {
    request.system.starts_with("You are given the record")
}

/// A model that answers with how many messages it was told.
fn counter() -> Scripted {
    Scripted::new(|request| {
        let count = request.messages.len();
        let words = if is_summary(request) { "they counted".to_owned() } else { count.to_string() };
        Ok(vec![text(words)])
    })
}

fn told(request: &Request) -> Vec<String> {
    request.messages.iter().map(Message::text).collect()
}

/// About 300 tokens.
fn long(number: u32) -> String {
    format!("say {number} {}", "and so on ".repeat(120))
}

#[tokio::test]
async fn a_long_chat_is_summarized_and_a_person_takes_it_back() {
    let model = counter();
    let agent = Agent::new("talker", "Count.", model.models());
    let house = House::new(agent.with(|definition| definition.limits.context = 2_000));
    let id = house.start("talker", "one", json!(null)).await;
    for number in 1..=2 {
        house.say(&id, &long(number)).await;
    }
    // One that is not there is no reason to fail.
    house.send(&id, PIN, json!(99)).await;
    house.send(&id, PIN, json!(3)).await;
    for number in 3..=6 {
        house.say(&id, &long(number)).await;
    }
    assert_eq!(house.state(&id, "compaction/000001").await, json!(null));
    assert_eq!(house.state(&id, "pinned").await, json!([3]));
    house.say(&id, &long(7)).await;
    let shown = house.state(&id, "compaction/000001").await;
    assert_eq!(shown, json!({"from": 2, "to": 7, "kept": [3], "summary": "they counted"}));
    let asked = model.asked();
    let last = told(&asked[asked.len() - 1]);
    assert_eq!(last.len(), 9, "the task, a summary, the pinned one, six more: {last:?}");
    assert!(last[0].starts_with("say 1") && last[2].starts_with("say 2"), "{last:?}");
    assert!(last[1].contains("they counted") && last[1].contains("not a new task"), "{last:?}");
    let record = told(&asked[asked.len() - 2]).remove(0);
    assert!(record.contains("PERSON: say 3") && !record.contains("say 2"), "{record}");

    house.send(&id, UNDO_COMPACTION, json!(null)).await;
    house.until(&id, "compaction/000001", |shown| shown["undone"] == true).await;
    assert_eq!(house.say(&id, "short").await, "15", "all that was said is back, and stays so");
    let last = told(&model.asked()[asked.len()]);
    assert!(last[2].starts_with("say 2") && last[4].starts_with("say 3"), "{last:?}");
    // Once more: there is nothing left to take back.
    house.send(&id, UNDO_COMPACTION, json!(null)).await;
    assert_eq!(house.say(&id, "short").await, "17");
}

#[tokio::test]
async fn a_model_that_is_told_too_much_is_asked_once_more_after_a_summary() {
    let model = Scripted::new(|request| {
        if is_summary(request) {
            return Ok(vec![text("it was long")]);
        }
        if request.messages.len() > 9 {
            return Err(Failure::fatal(failure::CONTEXT_TOO_LONG, "prompt is too long"));
        }
        Ok(vec![text(request.messages.len().to_string())])
    });
    let house = House::new(Agent::new("talker", "Count.", model.models()));
    let id = house.start("talker", "one", json!(null)).await;
    let mut answers = Vec::new();
    for number in 1..=6 {
        answers.push(house.say(&id, &long(number)).await);
    }
    assert_eq!(answers, ["1", "3", "5", "7", "9", "8"]);
}

#[tokio::test]
async fn without_a_summary_results_are_left_out_and_the_run_goes_on() {
    let model = Scripted::new(|request| {
        if is_summary(request) {
            return Err(Failure::fatal(failure::BAD_REQUEST, "no summaries today"));
        }
        if request.chars() > 8_000 {
            return Err(Failure::fatal(failure::CONTEXT_TOO_LONG, "prompt is too long"));
        }
        let done = request.messages.len() / 2;
        assert!(done == 0 || result(request).is_some_and(|last| last.starts_with("a lot")));
        if done == 10 { Ok(vec![text("done")]) } else { Ok(vec![call("look", json!({}))]) }
    });
    let looks = std::sync::atomic::AtomicU32::new(0);
    let look = Tool::function("look", "Looks.", move |_: Step, (): ()| {
        let count = looks.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move { Ok::<_, Failure>(format!("a lot {count} {}", "of it ".repeat(200))) }
    });
    let house = House::new(Agent::new("looker", "Look.", model.models()).tool(look));
    let id = house.start("looker", "one", json!("look")).await;
    assert_eq!(house.end(&id).await.expect("it goes on"), "done");
    let shown = house.state(&id, "compaction/000001").await;
    assert!(shown["failed"].as_str().expect("why").contains("no summaries today"), "{shown}");
    // What was left out stays in the state.
    let whole = house.state(&id, "thread/000003").await.to_string();
    assert!(whole.contains("a lot 0 of it of it"), "{whole}");
}

#[tokio::test]
async fn what_can_not_be_made_shorter_ends_as_too_long() {
    let model =
        Scripted::new(|_| Err(Failure::fatal(failure::CONTEXT_TOO_LONG, "prompt is too long")));
    let house = House::new(Agent::new("talker", "Count.", model.models()));
    let id = house.start("talker", "one", json!("a task")).await;
    let failed = house.end(&id).await.expect_err("nothing to leave out");
    assert!(failed.is(failure::CONTEXT_TOO_LONG), "{failed:?}");
    assert_eq!(model.asked().len(), 1);
}
