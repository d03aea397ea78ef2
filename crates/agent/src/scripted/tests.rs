//! Scripts as they are read, and which turn is chosen.

use super::prompt::Prompt;
use super::script::Script;
use serde_json::json;

fn choose(script: &Script, body: serde_json::Value) -> Option<usize> {
    script.choose(&Prompt::of(&body), &vec![0; script.turns.len()])
}

#[test]
fn wrong_scripts_are_refused_with_the_reason() {
    let cases = [
        ("{", "the script is none"),
        (r#"{"turns": []}"#, "no turns"),
        (r#"{"turns": [{"sya": "x"}]}"#, "sya"),
        (r#"{"turns": [{"status": 200}]}"#, "turn 0"),
        (r#"{"turns": [{"say": "x"}, {"status": 429, "retry_after": -1}]}"#, "turn 1"),
        (r#"{"turns": [{}], "rate": {"per_second": 0}}"#, "per_second"),
        (r#"{"turns": [{}], "rate": {"per_second": 1, "burst": 0.5}}"#, "burst"),
        (r#"{"turns": [{"fault": "explode"}]}"#, "explode"),
        (r#"{"turns": [{"for_each": "("}]}"#, "for_each"),
    ];
    for (text, word) in cases {
        let error = Script::parse(text).unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
    }
}

#[test]
fn the_first_that_fits_and_is_not_used_up() {
    let script = Script::parse(
        r#"{"turns": [
            {"when": {"tool_result": "rain"}, "say": "umbrella"},
            {"when": {"text": "WEATHER", "replies": 0}, "say": "a"},
            {"when": {"model": "m-2"}, "say": "b"},
            {"say": "once"}
        ]}"#,
    )
    .unwrap();
    let user = |text: &str| json!({"role": "user", "content": text});
    let chat = |messages| json!({"model": "m-1", "messages": messages});
    assert_eq!(choose(&script, chat(json!([user("the weather?")]))), Some(1));
    let tool = json!({"role": "tool", "tool_call_id": "c", "content": "Rain, 9 degrees"});
    let said = json!({"role": "assistant", "content": "hm"});
    let weather = user("the weather?");
    assert_eq!(choose(&script, chat(json!([weather, said, tool]))), Some(0));
    // The result is an old one: the model has spoken since.
    assert_eq!(choose(&script, chat(json!([weather, said, tool, said, user("ok")]))), Some(3));
    assert_eq!(choose(&script, json!({"model": "m-2", "messages": [user("x")]})), Some(2));
    // Anthropic's form of the same.
    let result = json!({"type": "tool_result", "tool_use_id": "c", "content": "rain"});
    let body = chat(json!([weather, said, {"role": "user", "content": [result]}]));
    assert_eq!(choose(&script, body), Some(0));
    let prompt = Prompt::of(&chat(json!([user("x")])));
    assert_eq!(script.choose(&prompt, &[0, 0, 0, 1]), None);
}

#[test]
fn words_of_a_person_and_what_came_after() {
    let body = json!({"model": "m", "stream": true, "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "go"}]},
        {"role": "assistant", "content": null},
        {"role": "tool", "content": "a"}, {"role": "tool", "content": "b"},
    ]});
    let prompt = Prompt::of(&body);
    assert_eq!(
        (prompt.asked.as_str(), prompt.results),
        ("go", vec!["a".to_owned(), "b".to_owned()])
    );
    assert_eq!((prompt.system.as_str(), prompt.replies, prompt.is_stream), ("Be kind.", 1, true));
    let prompt = Prompt::of(&json!({"messages": "nonsense"}));
    assert_eq!(prompt, Prompt { chars: prompt.chars, ..Prompt::default() });
}

#[test]
fn tools_are_asked_for_once_for_each_match() {
    let text = r#"{"turns": [{"for_each": "agent (\\S+) has", "tool_calls": [
        {"name": "merge", "arguments": {"id": "$1", "deep": ["$1!"]}}]}]}"#;
    let script = Script::parse(text).unwrap();
    let user = |text: &str| json!({"role": "user", "content": text});
    let body = json!({"messages": [user("agent a/1 has"), user("agent b/2 has")]});
    let calls = script.turns[0].calls(&Prompt::of(&body));
    let arguments: Vec<_> = calls.into_iter().map(|call| call.arguments).collect();
    assert_eq!(arguments[0], json!({"id": "a/1", "deep": ["a/1!"]}));
    assert_eq!(arguments[1]["id"], "b/2");
}
