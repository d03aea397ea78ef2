//! OpenAI's Responses API, without its memory: nothing is stored there, and what the
//! model has thought comes encrypted, is kept item by item, and is given back as it
//! came.

mod decode;
#[cfg(test)]
mod tests;

use self::decode::{Decoder, PROTOCOL};
use super::body::{Block, Body, arguments_text, came, is_strict, merge, result_text, set};
use super::http::{Endpoint, Http, Post};
use super::reply::Reply;
use super::request::{Request, ToolChoice};
use super::{OnDelta, Provider};
use crate::conversation::{Message, Origin, Part, Role};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::Failure;
use serde_json::{Value, json};

/// A server that speaks the Responses API.
pub struct OpenAi {
    http: Http,
}

impl OpenAi {
    /// The server at this address, which ends before `/responses`.
    pub fn new(endpoint: Endpoint) -> OpenAi {
        OpenAi { http: Http::new(endpoint) }
    }
}

impl Provider for OpenAi {
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
                path: "/responses".to_owned(),
                asked: request,
                idempotency_key: key,
                key_header: "authorization",
                headers: &[],
                body: &body,
            };
            self.http.send(post, Decoder::new(request), on_delta).await
        }
        .boxed()
    }
}

fn encode<'a>(request: &'a Request, reader: &Origin) -> Body<Block<'a>> {
    let mut input = Vec::new();
    for message in &request.messages {
        match message.blocks_for(PROTOCOL, reader).and_then(came) {
            Some(items) => input.extend(items),
            None => put(&mut input, message),
        }
    }
    let mut body = json!({
        "model": request.model,
        "stream": true,
        "store": false,
        "include": ["reasoning.encrypted_content"],
    });
    let system = (!request.system.is_empty()).then(|| request.system.clone().into());
    set(&mut body, "instructions", system);
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({
                "type": "function", "name": tool.name, "description": tool.description,
                "parameters": tool.schema,
                // Strict unless told otherwise, and then most schemas are refused.
                "strict": is_strict(&tool.schema),
            })
        });
        set(&mut body, "tools", Some(tools.collect()));
        set(&mut body, "tool_choice", tool_choice(&request.tool_choice));
    }
    let text = request.schema.as_ref().map(|schema| {
        json!({"format": {
            "type": "json_schema", "name": "reply", "schema": schema, "strict": is_strict(schema),
        }})
    });
    set(&mut body, "text", text);
    let tokens_max = (request.tokens_max > 0).then(|| request.tokens_max.into());
    set(&mut body, "max_output_tokens", tokens_max);
    set(&mut body, "temperature", request.temperature.map(Value::from));
    merge(&mut body, &request.extra);
    Body { fields: body, name: "input", said: input }
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some("none".into()),
        ToolChoice::Any => Some("required".into()),
        ToolChoice::Tool(name) => Some(json!({"type": "function", "name": name})),
    }
}

fn put(input: &mut Vec<Block<'_>>, message: &Message) {
    let mut tell = |item| input.push(Block::Told(item));
    let role = if message.role == Role::User { "user" } else { "assistant" };
    // Results stand right behind their calls, before any words.
    for part in &message.content {
        if let Part::ToolResult(result) = part {
            let output = result_text(&result.content, result.failed);
            tell(json!({"type": "function_call_output", "call_id": result.id, "output": output}));
        }
    }
    let words = message.text();
    if !words.is_empty() {
        tell(json!({"role": role, "content": words}));
    }
    for call in message.tool_calls() {
        tell(json!({
            "type": "function_call", "call_id": call.id, "name": call.name,
            "arguments": arguments_text(&call.arguments),
        }));
    }
}
