//! What agents remember, through the real command, on a node that is killed.

use crate::house::{House, until};
use greenroom::agent::scripted::{Script, ScriptedServer};

fn server(turns: &str) -> ScriptedServer {
    let script = Script::parse(&format!("{{\"turns\": [{turns}]}}")).expect("a script");
    ScriptedServer::start(script).expect("a server")
}

/// Says something, as message `place` of the conversation; the answer.
fn says(house: &House, id: &str, place: u32, words: &str) -> String {
    let words = serde_json::Value::from(words).to_string();
    house.run(&["send", id, "say", &words]).ok();
    let (answer, mut out) = (format!("thread/{:06}", place + 1), String::new());
    until("it answers", || {
        out = house.run(&["state", id, &answer]).out;
        !out.is_empty()
    });
    out
}

#[test]
fn a_summary_is_seen_taken_back_and_survives_kill_9() {
    let server = server(
        r#"{"when": {"system": "You are given the record"}, "say": "They have thanked."},
           {"when": {"text": "go on"}, "status": 400, "times": 1,
            "message": "context_length_exceeded"},
           {"when": {"text": "go on"}, "say": "I go on."},
           {"when": {"text": "thanks"}, "say": "You are welcome."}"#,
    );
    let mut house = House::with_agents(&server.chat_url());
    house.start_node();
    house.run(&["run", "support/one", "--detach"]).ok();
    for place in [1, 3, 5, 7] {
        assert!(says(&house, "support/one", place, "thanks").contains("You are welcome."));
    }
    assert!(says(&house, "support/one", 9, "go on").contains("I go on."));
    assert_eq!(server.count(), 7, "four, one refused, a summary, once more");
    house.kill();
    house.start_node();
    let shown = || house.run(&["state", "support/one", "compaction/000001"]).ok().json();
    assert_eq!(shown()["summary"], "They have thanked.");
    assert_eq!((shown()["from"].as_u64(), shown()["to"].as_u64()), (Some(2), Some(3)));
    house.run(&["send", "support/one", "undo_compaction", "null"]).ok();
    until("it is taken back", || shown()["undone"] == true);
    assert!(says(&house, "support/one", 11, "go on").contains("I go on."));
    let told = server.requests();
    let messages = told.last().expect("one").body["messages"].as_array().expect("a list").len();
    assert_eq!(messages, 1 + 11, "the prompt, and all that was said");
}

#[test]
fn what_is_shared_and_what_is_saved_survive_kill_9() {
    let server = server(
        r#"{"when": {"text": "remember"}, "tool_calls": [
             {"name": "context_set", "arguments": {"key": "site/colour", "value": "green"}},
             {"name": "memory_save", "arguments": {"text": "The shop is green."}}]},
           {"when": {"text": "recall"}, "tool_calls": [
             {"name": "context_get", "arguments": {"key": "site/colour"}},
             {"name": "memory_search", "arguments": {"query": "green shop"}}]},
           {"when": {"tool_result": "The shop is green."}, "say": "I recall."},
           {"when": {"tool_result": "version"}, "say": "I have it."}"#,
    );
    let mut house = House::with_agents(&server.chat_url());
    house.start_node();
    house.run(&["run", "context/team", "--detach"]).ok();
    for clerk in ["clerk/a", "clerk/b"] {
        let grant = format!("{{\"to\": \"{clerk}\", \"prefix\": \"site/\", \"write\": true}}");
        house.run(&["send", "context/team", "grant", &grant]).ok();
    }
    let task = |words: &str| format!("{{\"task\": \"{words}\", \"context\": \"context/team\"}}");
    let done = house.run(&["run", "clerk/a", "--input", &task("remember")]).ok();
    assert!(done.out.contains("I have it."), "{}", done.out);
    house.kill();
    house.start_node();
    let done = house.run(&["run", "clerk/b", "--input", &task("recall")]).ok();
    assert!(done.out.contains("I recall."), "{}", done.out);
    let told = server.requests().last().expect("one").body.to_string();
    assert!(told.contains("green\\\",\\\"version\\\":1"), "{told}");
    assert_eq!(house.run(&["state", "context/team", "key/site/colour"]).ok().json(), "green");
}
