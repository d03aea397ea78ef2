//! The long tail against a server that goes by a script.

use super::{Genai, Provider, Request};
use crate::conversation::{Message, Part, Role, ToolResult};
use crate::provider::{Delta, Endpoint, Key, Reply, Secret, Stop, ToolSpec, failure};
use crate::scripted::{Script, ScriptedServer};
use greenroom_model::Failure;
use serde_json::json;

const KEY: &str = "sk-long-tail-4711";

fn server(turns: &str) -> (ScriptedServer, Genai) {
    let script = Script::parse(&format!("{{\"turns\": [{turns}]}}")).unwrap();
    let server = ScriptedServer::start(script).unwrap();
    let endpoint = Endpoint::new("tail", server.chat_url(), Key::Value(Secret::new(KEY)));
    let genai = Genai::new("together", endpoint).unwrap();
    (server, genai)
}

async fn ask(genai: &Genai, key: &str, request: &Request) -> Result<(Reply, String), Failure> {
    let mut words = String::new();
    let mut on_delta = |delta| {
        if let Delta::Text { text } = delta {
            words.push_str(&text);
        }
    };
    let reply = genai.send(request, key, &mut on_delta).await?;
    Ok((reply, words))
}

fn request(messages: Vec<Message>) -> Request {
    let tool = ToolSpec {
        name: "weather".into(),
        description: "The weather.".into(),
        schema: json!({"type": "object", "properties": {"city": {"type": "string"}}}),
    };
    Request {
        model: "m".into(),
        system: "Be brief.".into(),
        messages,
        tools: vec![tool],
        ..Request::default()
    }
}

#[tokio::test]
async fn words_tools_and_results_go_there_and_back() {
    let (server, genai) = server(
        r#"{"when": {"text": "weather"}, "say": "I look.",
            "tool_calls": [{"name": "weather", "arguments": {"city": "Oslo"}, "id": "c1"}]},
           {"when": {"tool_result": "rain"}, "say": "Take an umbrella.", "usage": {"input": 20, "output": 5}}"#,
    );
    let mut messages = vec![Message::user("the weather in Oslo?")];
    let (reply, words) = ask(&genai, "step-1", &request(messages.clone())).await.unwrap();
    assert_eq!((words.as_str(), reply.message.text().as_str()), ("I look.", "I look."));
    assert_eq!(reply.stop, Stop::ToolCalls);
    let call = reply.message.tool_calls().next().unwrap().clone();
    assert_eq!((call.name.as_str(), &call.arguments), ("weather", &json!({"city": "Oslo"})));
    let result =
        ToolResult { id: call.id.clone(), name: call.name, content: "rain".into(), failed: false };
    messages.push(reply.message);
    messages.push(Message { role: Role::User, content: vec![Part::ToolResult(result)], raw: None });
    let (reply, _) = ask(&genai, "step-2", &request(messages)).await.unwrap();
    assert_eq!((reply.message.text().as_str(), reply.stop), ("Take an umbrella.", Stop::End));
    assert_eq!((reply.usage.input, reply.usage.output, reply.usage.guessed), (20, 5, false));
    let requests = server.requests();
    assert_eq!(requests[0].key.as_deref(), Some("step-1"));
    let sent = &requests[1].body["messages"];
    assert_eq!(sent[0]["role"], "system");
    assert_eq!(sent[2]["tool_calls"][0]["id"], call.id);
    assert_eq!((&sent[3]["role"], &sent[3]["tool_call_id"]), (&json!("tool"), &json!(call.id)));
}

#[tokio::test]
async fn what_goes_wrong_is_told_as_everywhere() {
    let (server, genai) = server(
        r#"{"times": 1, "status": 429, "retry_after": 7, "message": "slow down, sk-long-tail-4711"},
           {"times": 1, "status": 400, "message": "no such thing"},
           {"times": 1, "say": "one two three four", "cut_after_tokens": 1}"#,
    );
    let asked = request(vec![Message::user("hello")]);
    let refused = ask(&genai, "step-1", &asked).await.unwrap_err();
    assert!(refused.is(failure::RATE_LIMITED) && refused.retryable, "{refused}");
    assert_eq!(refused.retry_after_ms, Some(7_000));
    assert!(!refused.message.contains(KEY), "{refused}");
    let wrong = ask(&genai, "step-1", &asked).await.unwrap_err();
    assert!(wrong.is(failure::BAD_REQUEST) && wrong.message.contains("no such thing"), "{wrong}");
    let cut = ask(&genai, "step-1", &asked).await.unwrap_err();
    assert!(cut.retryable, "{cut}");
    drop(server);
    let gone = ask(&genai, "step-1", &asked).await.unwrap_err();
    assert!(gone.is(failure::CONNECTION) && gone.retryable, "{gone}");
}

#[test]
fn an_adapter_that_is_not_there_is_named_with_those_that_are() {
    let endpoint = Endpoint::new("tail", "http://127.0.0.1:1", Key::None);
    let wrong = Genai::new("grok-ish", endpoint).err().unwrap();
    assert!(wrong.contains("grok-ish") && wrong.contains("mistral"), "{wrong}");
}
