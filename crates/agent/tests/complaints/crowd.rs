//! Many who speak to one agent, and much that they say.

use crate::house::{House, anthropic, models, server, told, until};
use futures_util::future::join_all;
use greenroom_agent::Agent;
use greenroom_agent::tool::Tool;
use greenroom_model::Failure;
use greenroom_runtime::{Registry, Step};
use serde_json::{Value, json};

/// What is wrong with the order of a request's messages by the rules of its protocol.
fn wrong_order(messages: &[Value], may_repeat: bool) -> Option<String> {
    let mut before: Option<&Value> = None;
    for message in messages {
        let role = message["role"].as_str().unwrap_or_default();
        let last = before.map_or("", |before| before["role"].as_str().unwrap_or_default());
        let calls = before.is_some_and(|before| before.to_string().contains("tool_calls"));
        let is_fine = match role {
            "user" => !calls && (may_repeat || last != "user"),
            "assistant" => matches!(last, "user" | "tool"),
            "tool" => calls || last == "tool",
            _ => true,
        };
        if !is_fine {
            return Some(format!("{role} after {last}: {message}"));
        }
        before = Some(message);
    }
    None
}

async fn twenty_writers(
    of: fn(
        &greenroom_agent::scripted::ScriptedServer,
    ) -> std::sync::Arc<dyn greenroom_agent::models::Models>,
    may_repeat: bool,
) {
    let server = server(&json!([
        {"when": {"tool_result": ""}, "say": "noted", "delay_ms": 5},
        {"when": {}, "tool_calls": [{"name": "note", "arguments": {}}], "delay_ms": 15},
    ]));
    let note = Tool::function("note", "Notes.", |_: Step, (): ()| async { Ok::<_, Failure>("ok") });
    let agent = Agent::new("clerk", "You note.", of(&server)).tool(note);
    let house = House::new(agent.register(Registry::new()));
    let id = house.start("clerk", &json!({"chat": true})).await;
    let said = (0..20).map(|writer| {
        let (house, id) = (&house, &id);
        async move {
            for line in 0..5 {
                house.say(id, &format!("<{writer}:{line}>")).await;
            }
        }
    });
    join_all(said).await;
    let has_all = || {
        let requests = server.requests();
        let body = requests.last().map(|last| last.body.to_string()).unwrap_or_default();
        (0..20).all(|writer| body.contains(&format!("<{writer}:4>")))
    };
    until("all of it is told", has_all).await;
    house.await_state(&id, "status", &json!("listening")).await;
    let body = server.requests().last().unwrap().body.to_string();
    for writer in 0..20 {
        let places: Vec<Vec<usize>> = (0..5)
            .map(|line| body.match_indices(&format!("<{writer}:{line}>")).map(|m| m.0).collect())
            .collect();
        assert!(places.iter().all(|places| places.len() == 1), "{writer}: {places:?}");
        assert!(places.is_sorted(), "each in the order it spoke: {places:?}");
    }
    for request in server.requests() {
        let messages = request.body["messages"].as_array().unwrap();
        assert_eq!(wrong_order(messages, may_repeat), None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_writers_cannot_corrupt_a_conversation() {
    twenty_writers(|server| models(server), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_writers_cannot_corrupt_a_conversation_where_roles_must_alternate() {
    twenty_writers(|server| anthropic(server), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_megabytes_from_a_person_and_from_a_tool_go_through() {
    let server = server(&json!([
        {"when": {"tool_result": "the needle"}, "say": "found"},
        {"when": {"tool_result": "result-1"}, "tool_calls":
            [{"name": "read_result", "arguments": {"handle": "result-1", "search": "the needle"}}]},
        {"when": {"text": "yyyy"}, "tool_calls": [{"name": "fetch", "arguments": {}}]},
    ]));
    let fetch = Tool::function("fetch", "Fetches.", |_: Step, (): ()| async {
        let half = "x".repeat(5 << 19);
        Ok::<_, Failure>(format!("{half}the needle{half}"))
    });
    let agent = Agent::new("reader", "You read.", models(&server)).tool(fetch);
    let mut house = House::new(agent.register(Registry::new()));
    let id = house.start("reader", &json!("y".repeat(5 << 20))).await;
    assert_eq!(house.result(&id).await, "found");
    assert_eq!(server.count(), 3);
    let asked = told(&server, "user")[0]["content"].as_str().unwrap().len();
    assert_eq!(asked, 5 << 20, "a person's words are told whole");
    let results: usize = told(&server, "tool").iter().map(|told| told.to_string().len()).sum();
    assert!(results < 100_000, "a tool's are not: {results}");
    house.restart().await;
    assert_eq!(house.result(&id).await, "found");
}

#[tokio::test(flavor = "multi_thread")]
async fn five_megabytes_said_in_a_chat_are_heard() {
    let server = server(&json!([{"when": {"text": "zzz"}, "say": "heard"}]));
    let agent = Agent::new("reader", "You read.", models(&server));
    let house = House::new(agent.register(Registry::new()));
    let id = house.start("reader", &json!({"chat": true})).await;
    house.say(&id, &"z".repeat(5 << 20)).await;
    until("it is told", || server.count() == 1).await;
    assert_eq!(told(&server, "user")[0]["content"].as_str().unwrap().len(), 5 << 20);
}
