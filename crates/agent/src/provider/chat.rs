//! OpenAI's Chat Completions, as Ollama, vLLM, llama.cpp, OpenRouter and many others
//! speak it. Takes what their dialects do: calls without ids or places, arguments
//! that are objects, no usage, one document in place of a stream.

mod decode;
#[cfg(test)]
mod tests;

use self::decode::{Decoder, PROTOCOL};
use super::body::{Block, Body, arguments_text, is_strict, merge, result_text, set};
use super::http::{Endpoint, Http, Post};
use super::json::{Fields, Json};
use super::reply::Reply;
use super::request::{Request, ToolChoice};
use super::{OnDelta, Provider};
use crate::conversation::{Message, Origin, Part, Role, Verbatim};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::Failure;
use serde_json::{Value, json};
use std::borrow::Cow;

/// A server that speaks Chat Completions.
pub struct Chat {
    http: Http,
    /// OpenAI's own newer models take no `max_tokens`; other servers know no other.
    tokens_max_name: &'static str,
}

impl Chat {
    /// The server at this address, which ends before `/chat/completions`.
    pub fn new(endpoint: Endpoint) -> Chat {
        let is_openai = endpoint.url.starts_with("https://api.openai.com");
        let tokens_max_name = if is_openai { "max_completion_tokens" } else { "max_tokens" };
        Chat { http: Http::new(endpoint), tokens_max_name }
    }
}

impl Provider for Chat {
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
            let reader = self.http.endpoint.origin();
            let body = encode(request, self.tokens_max_name, &reader);
            let post = Post {
                path: "/chat/completions".to_owned(),
                asked: request,
                idempotency_key: key,
                key_header: "authorization",
                headers: &[],
                body: &body,
            };
            self.http.send(post, Decoder::new(request, key), on_delta).await
        }
        .boxed()
    }
}

fn encode<'a>(request: &'a Request, tokens_max_name: &str, reader: &Origin) -> Body<Block<'a>> {
    let mut messages = Vec::new();
    if !request.system.is_empty() {
        messages.push(Block::Told(json!({"role": "system", "content": request.system})));
    }
    // Thoughts of an earlier round are not given back: servers that want them want
    // those since the person's last words only, and some refuse others.
    let asked = request.messages.iter().rposition(|message| {
        message.role == Role::User && message.content.iter().any(|p| matches!(p, Part::Text { .. }))
    });
    for (place, message) in request.messages.iter().enumerate() {
        let is_recent = asked.is_none_or(|asked| place > asked);
        match message.blocks_for(PROTOCOL, reader) {
            Some(blocks) => messages.push(given_back(blocks, is_recent)),
            None => put(&mut messages, message),
        }
    }
    let mut body = json!({
        "model": request.model,
        "stream": true,
        "stream_options": {"include_usage": true},
    });
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({"type": "function", "function": {
                "name": tool.name, "description": tool.description, "parameters": tool.schema,
            }})
        });
        set(&mut body, "tools", Some(tools.collect()));
        set(&mut body, "tool_choice", tool_choice(&request.tool_choice));
    }
    let format = request.schema.as_ref().map(|schema| {
        json!({"type": "json_schema", "json_schema": {
            "name": "reply", "schema": schema, "strict": is_strict(schema),
        }})
    });
    set(&mut body, "response_format", format);
    set(&mut body, tokens_max_name, (request.tokens_max > 0).then(|| request.tokens_max.into()));
    set(&mut body, "temperature", request.temperature.map(Value::from));
    merge(&mut body, &request.extra);
    Body { fields: body, name: "messages", said: messages }
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some("none".into()),
        ToolChoice::Any => Some("required".into()),
        ToolChoice::Tool(name) => Some(json!({"type": "function", "function": {"name": name}})),
    }
}

/// A message of this server's, to the letter but for thoughts of an earlier round.
fn given_back(blocks: &Verbatim, is_recent: bool) -> Block<'_> {
    let thoughts = ["reasoning_content", "reasoning"];
    match Json::read(blocks.text()) {
        Ok(message) if !is_recent && thoughts.iter().any(|name| message.get(name).is_some()) => {
            let mut fields = Fields::of(&message);
            thoughts.iter().for_each(|name| fields.remove(name));
            Block::Came(Cow::Owned(fields.verbatim().into()))
        }
        _ => Block::Came(Cow::Borrowed(blocks.as_ref())),
    }
}

fn put(messages: &mut Vec<Block<'_>>, message: &Message) {
    let mut tell = |message| messages.push(Block::Told(message));
    match message.role {
        Role::Assistant => {
            let calls: Vec<Value> = message
                .tool_calls()
                .map(|call| {
                    json!({"id": call.id, "type": "function", "function": {
                        "name": call.name, "arguments": arguments_text(&call.arguments),
                    }})
                })
                .collect();
            let mut said = json!({"role": "assistant", "content": message.text()});
            set(&mut said, "tool_calls", (!calls.is_empty()).then(|| calls.into()));
            tell(said);
        }
        Role::User => {
            // Results stand right behind their calls, before any words.
            for part in &message.content {
                if let Part::ToolResult(result) = part {
                    let content = result_text(&result.content, result.failed);
                    tell(json!({"role": "tool", "tool_call_id": result.id, "content": content}));
                }
            }
            let words = message.text();
            if !words.is_empty() {
                tell(json!({"role": "user", "content": words}));
            }
        }
    }
}
