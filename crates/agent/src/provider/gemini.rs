//! Google's Gemini API. What it has thought is signed part by part; the parts are kept
//! and given back as they came.

mod decode;
#[cfg(test)]
mod tests;

use self::decode::{Decoder, PROTOCOL};
use super::body::{Block, Body, Ids, Side, arguments_object, came, merge, set};
use super::http::{Endpoint, Http, Post};
use super::reply::Reply;
use super::request::{Request, ToolChoice};
use super::{OnDelta, Provider};
use crate::conversation::{Message, Origin, Part, Role};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::Failure;
use serde::Serialize;
use serde_json::{Value, json};

/// What the protocol takes for the signature of a call that another model made.
const NO_SIGNATURE: &str = "skip_thought_signature_validator";

/// A server that speaks the Gemini API.
pub struct Gemini {
    http: Http,
}

impl Gemini {
    /// The server at this address, which ends before `/models/`.
    pub fn new(endpoint: Endpoint) -> Gemini {
        Gemini { http: Http::new(endpoint) }
    }
}

impl Provider for Gemini {
    fn protocol(&self) -> &'static str {
        PROTOCOL
    }

    fn send<'a>(
        &'a self,
        request: &'a Request,
        key: &'a str,
        on_delta: OnDelta<'a>,
    ) -> BoxFuture<'a, Result<Reply, Failure>> {
        async move {
            let body = encode(request, &self.http.endpoint.origin());
            let post = Post {
                path: format!("/models/{}:streamGenerateContent?alt=sse", request.model),
                asked: request,
                idempotency_key: key,
                key_header: "x-goog-api-key",
                headers: &[],
                body: &body,
            };
            self.http.send(post, Decoder::new(request, key), on_delta).await
        }
        .boxed()
    }
}

/// What one side says, as the protocol has it.
#[derive(Debug, Serialize)]
struct Turn<'a> {
    role: &'static str,
    parts: Vec<Block<'a>>,
}

fn encode<'a>(request: &'a Request, reader: &Origin) -> Body<Turn<'a>> {
    let mut sides = Vec::new();
    for message in &request.messages {
        Side::join(&mut sides, message.role == Role::User, parts(message, reader));
    }
    let contents = sides.into_iter().map(|side| {
        let role = if side.is_user { "user" } else { "model" };
        Turn { role, parts: side.blocks }
    });
    let contents = contents.collect();
    let mut body = json!({});
    if !request.system.is_empty() {
        set(&mut body, "systemInstruction", Some(json!({"parts": [{"text": request.system}]})));
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({
                "name": tool.name, "description": tool.description,
                "parametersJsonSchema": tool.schema,
            })
        });
        let tools: Vec<Value> = tools.collect();
        set(&mut body, "tools", Some(json!([{"functionDeclarations": tools}])));
        let choice = tool_choice(&request.tool_choice);
        let choice = choice.map(|choice| json!({"functionCallingConfig": choice}));
        set(&mut body, "toolConfig", choice);
    }
    let mut config = json!({});
    if let Some(schema) = &request.schema {
        set(&mut config, "responseMimeType", Some("application/json".into()));
        set(&mut config, "responseJsonSchema", Some(schema.clone()));
    }
    let tokens_max = (request.tokens_max > 0).then(|| request.tokens_max.into());
    set(&mut config, "maxOutputTokens", tokens_max);
    set(&mut config, "temperature", request.temperature.map(Value::from));
    if config != json!({}) {
        set(&mut body, "generationConfig", Some(config));
    }
    merge(&mut body, &request.extra);
    Body { fields: body, name: "contents", said: contents }
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!({"mode": "NONE"})),
        ToolChoice::Any => Some(json!({"mode": "ANY"})),
        ToolChoice::Tool(name) => Some(json!({"mode": "ANY", "allowedFunctionNames": [name]})),
    }
}

fn parts<'a>(message: &'a Message, reader: &Origin) -> Vec<Block<'a>> {
    if let Some(parts) = message.blocks_for(PROTOCOL, reader).and_then(came) {
        return parts;
    }
    // Another model's calls have no signature; the first of a message wants one.
    let mut signature = Some(NO_SIGNATURE);
    let parts = message.content.iter().filter_map(|part| match part {
        Part::Text { text } if text.is_empty() => None,
        Part::Text { text } => Some(json!({"text": text})),
        Part::ToolCall(call) => {
            let mut function =
                json!({"name": call.name, "args": arguments_object(&call.arguments)});
            set(&mut function, "id", known(&call.id));
            let mut part = json!({"functionCall": function});
            set(&mut part, "thoughtSignature", signature.take().map(Value::from));
            Some(part)
        }
        Part::ToolResult(result) => {
            let word = if result.failed { "error" } else { "output" };
            let mut function = json!({"name": result.name, "response": {word: result.content}});
            set(&mut function, "id", known(&result.id));
            Some(json!({"functionResponse": function}))
        }
    });
    let mut parts: Vec<Value> = parts.collect();
    // Results stand before any words.
    parts.sort_by_key(|part| message.role == Role::User && part.get("functionResponse").is_none());
    parts.into_iter().map(Block::Told).collect()
}

/// An id that the server has given: it would not know ours.
fn known(id: &str) -> Option<Value> {
    (!Ids::is_own(id)).then(|| id.into())
}
