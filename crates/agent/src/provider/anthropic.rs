//! Anthropic's Messages API. What it has thought, signed and encrypted is kept block
//! by block and given back as it came; prompts are marked to be cached.

mod decode;
#[cfg(test)]
mod tests;

use self::decode::{Decoder, PROTOCOL};
use super::body::{Block, Body, Side, arguments_object, came, closed, merge, set};
use super::http::{Endpoint, Http, Post};
use super::reply::Reply;
use super::request::{Request, ToolChoice};
use super::{OnDelta, Provider};
use crate::conversation::{Message, Origin, Part, Role};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use greenroom_model::Failure;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The protocol's only version so far.
const VERSION: &str = "2023-06-01";

/// The protocol wants a longest reply; this is it if nobody says.
const TOKENS_MAX: u32 = 8_192;

/// A server that speaks Anthropic's protocol.
pub struct Anthropic {
    http: Http,
}

impl Anthropic {
    /// The server at this address, which ends before `/v1/messages`.
    pub fn new(endpoint: Endpoint) -> Anthropic {
        Anthropic { http: Http::new(endpoint) }
    }
}

impl Provider for Anthropic {
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
                path: "/v1/messages".to_owned(),
                asked: request,
                idempotency_key: key,
                key_header: "x-api-key",
                headers: &[("anthropic-version", VERSION)],
                body: &body,
            };
            self.http.send(post, Decoder::new(request), on_delta).await
        }
        .boxed()
    }
}

fn encode<'a>(request: &'a Request, reader: &Origin) -> Body<Turn<'a>> {
    let tokens_max = if request.tokens_max > 0 { request.tokens_max } else { TOKENS_MAX };
    let mut body = json!({
        "model": request.model,
        "max_tokens": tokens_max,
        "stream": true,
    });
    if !request.system.is_empty() {
        let mut system = json!({"type": "text", "text": request.system});
        mark(&mut system);
        set(&mut body, "system", Some(json!([system])));
    }
    if !request.tools.is_empty() {
        let tools = request.tools.iter().map(|tool| {
            json!({
                "name": tool.name, "description": tool.description, "input_schema": tool.schema,
            })
        });
        let mut tools: Vec<Value> = tools.collect();
        tools.last_mut().map(mark);
        set(&mut body, "tools", Some(tools.into()));
        set(&mut body, "tool_choice", tool_choice(&request.tool_choice));
    }
    let config = request
        .schema
        .as_ref()
        .map(|schema| json!({"format": {"type": "json_schema", "schema": closed(schema)}}));
    set(&mut body, "output_config", config);
    set(&mut body, "temperature", request.temperature.map(Value::from));
    merge(&mut body, &request.extra);
    Body { fields: body, name: "messages", said: messages(request, reader) }
}

/// All up to here is to be cached. The protocol takes four such marks: the tools, the
/// system's words, and the last two messages that are not the model's. The one before
/// the last is where the last request wrote its cache.
fn mark(block: &mut Value) {
    set(block, "cache_control", Some(json!({"type": "ephemeral"})));
}

fn tool_choice(choice: &ToolChoice) -> Option<Value> {
    match choice {
        ToolChoice::Auto => None,
        ToolChoice::None => Some(json!({"type": "none"})),
        ToolChoice::Any => Some(json!({"type": "any"})),
        ToolChoice::Tool(name) => Some(json!({"type": "tool", "name": name})),
    }
}

/// What one side says, as the protocol has it.
#[derive(Debug, Serialize)]
struct Turn<'a> {
    role: &'static str,
    content: Vec<Block<'a>>,
}

/// The conversation, one message for all that one side says in a row.
fn messages<'a>(request: &'a Request, reader: &Origin) -> Vec<Turn<'a>> {
    let mut sides = Vec::new();
    for message in &request.messages {
        Side::join(&mut sides, message.role == Role::User, blocks(message, reader));
    }
    for side in sides.iter_mut().filter(|side| side.is_user) {
        // Results stand before any words.
        side.blocks.sort_by_key(
            |block| !matches!(block, Block::Told(block) if block["type"] == "tool_result"),
        );
    }
    for side in sides.iter_mut().rev().filter(|side| side.is_user).take(2) {
        if let Some(Block::Told(last)) = side.blocks.last_mut() {
            mark(last);
        }
    }
    let turns = sides.into_iter().map(|side| {
        let role = if side.is_user { "user" } else { "assistant" };
        Turn { role, content: side.blocks }
    });
    turns.collect()
}

fn blocks<'a>(message: &'a Message, reader: &Origin) -> Vec<Block<'a>> {
    if let Some(blocks) = message.blocks_for(PROTOCOL, reader).and_then(came) {
        return blocks;
    }
    let blocks = message.content.iter().filter_map(|part| match part {
        // The protocol takes no empty text.
        Part::Text { text } if text.trim().is_empty() => None,
        Part::Text { text } => Some(json!({"type": "text", "text": text})),
        Part::ToolCall(call) => Some(json!({
            "type": "tool_use", "id": id(&call.id), "name": call.name,
            "input": arguments_object(&call.arguments),
        })),
        Part::ToolResult(result) => {
            let mut block = Map::new();
            block.insert("type".to_owned(), json!("tool_result"));
            block.insert("tool_use_id".to_owned(), json!(id(&result.id)));
            block.insert("content".to_owned(), json!(result.content));
            if result.failed {
                block.insert("is_error".to_owned(), json!(true));
            }
            Some(Value::Object(block))
        }
    });
    blocks.map(Block::Told).collect()
}

/// Another provider's id, in the letters that this one takes.
fn id(id: &str) -> String {
    let allowed = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
    id.chars().map(allowed).collect()
}
